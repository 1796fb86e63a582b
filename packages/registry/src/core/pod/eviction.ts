// pods/eviction: a delete that asks the disruption budgets first (registry/core/pod/storage/eviction.go).
import { corev1, type KubeObject, policyv1 } from '@tiphys/api';
import { isConflict, type Status, StatusError, statusError } from '@tiphys/machinery';
import type { DeleteOptions, ObjectOperations, RuleContext } from '../../define-resource.ts';
import { isEmptySelector, selectorMatches } from '../../rules/labels.ts';
import { SUCCESS, setPodCondition } from './binding.ts';
import { nowText } from './prepare.ts';

/** More pods that were evicted and not yet seen gone mean that the budget's controller is not working. */
const DISRUPTED_PODS_MAX = 2000;
const EVICTION_ATTEMPTS_MAX = 20;
const RETRY_SECONDS = 10;
const TOO_MANY = "Cannot evict pod as it would violate the pod's disruption budget.";

function tooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  return new StatusError(429, 'TooManyRequests', TOO_MANY, {
    ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
    causes: [{ reason: 'DisruptionBudget', message }],
  });
}

const stillProcessed = (name: string) =>
  tooManyRequests(`The disruption budget ${name} is still being processed by the server.`, RETRY_SECONDS);

/** Pods that no budget protects: they have ended, have not begun, or go already. */
function ignoresBudget(pod: corev1.Pod): boolean {
  const phase = pod.status?.phase;
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || Boolean(pod.metadata?.deletionTimestamp);
}

function whyNot(budget: policyv1.PodDisruptionBudget): string {
  const name = budget.metadata!.name!;
  const { currentHealthy = 0, desiredHealthy = 0, conditions = [] } = budget.status ?? {};
  const condition = conditions.find(({ type, status, message }) => type === 'DisruptionAllowed' && status === 'False' && message);
  if (condition?.reason === 'SyncFailed') {
    return `The disruption budget ${name} does not allow evicting pods currently because it failed sync: ${condition.message}`;
  }
  if (currentHealthy <= desiredHealthy) {
    return `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  }
  const base = `The disruption budget ${name} does not allow evicting pods currently`;
  return condition ? `${base} (${condition.reason}): ${condition.message}` : base;
}

/** The budget with one disruption less and the pod noted, or the reason why not. */
function decremented(budget: policyv1.PodDisruptionBudget, podName: string, now: string): policyv1.PodDisruptionBudget {
  const name = budget.metadata!.name!;
  const status = { ...budget.status } as policyv1.PodDisruptionBudgetStatus;
  const subject = { group: 'policy', resource: 'poddisruptionbudget' };
  if ((status.observedGeneration ?? 0) < (budget.metadata!.generation ?? 0)) throw stillProcessed(name);
  const allowed = status.disruptionsAllowed ?? 0;
  if (allowed < 0) throw statusError.forbidden(subject, name, 'pdb disruptions allowed is negative');
  if (Object.keys(status.disruptedPods ?? {}).length > DISRUPTED_PODS_MAX) {
    const why = 'DisruptedPods map too big - too many evictions not confirmed by PDB controller';
    throw statusError.forbidden(subject, name, why);
  }
  if (allowed === 0) throw tooManyRequests(whyNot(budget), 0);
  status.disruptionsAllowed = allowed - 1;
  status.disruptedPods = { ...status.disruptedPods, [podName]: now };
  if (status.disruptionsAllowed === 0) {
    const others = (status.conditions ?? []).filter(({ type }) => type !== 'DisruptionAllowed');
    const before = status.conditions?.find(({ type }) => type === 'DisruptionAllowed');
    status.conditions = [
      ...others,
      {
        type: 'DisruptionAllowed',
        status: 'False',
        reason: 'InsufficientPods',
        message: '',
        observedGeneration: status.observedGeneration,
        lastTransitionTime: before?.status === 'False' ? before.lastTransitionTime : now,
      },
    ];
  }
  return { ...budget, status };
}

interface Eviction {
  name: string;
  namespace: string;
  options: DeleteOptions;
  context: RuleContext;
  operations: ObjectOperations;
}

/** Says on the pod why it goes, then deletes it. */
async function markAndDelete({ name, namespace, options, context, operations }: Eviction, resourceVersion?: string): Promise<void> {
  let preconditions = resourceVersion ? { ...options.preconditions, resourceVersion } : options.preconditions;
  if (!context.dryRun && !options.dryRun?.length) {
    const marked = await operations.update(corev1.pods, name, namespace, (pod) => {
      const conflict = (field: string, wanted: string, found: string | undefined, then: string) =>
        statusError.conflict(
          { group: '', resource: 'Pod' },
          name,
          `the ${field} in the precondition (${wanted}) does not match the ${field} in record (${found}). The object might have been ${then}`,
        );
      const { uid, resourceVersion: version } = preconditions ?? {};
      if (uid && uid !== pod.metadata!.uid) throw conflict('UID', uid, pod.metadata!.uid, 'deleted and then recreated');
      if (version && version !== pod.metadata!.resourceVersion) {
        throw conflict('ResourceVersion', version, pod.metadata!.resourceVersion, 'modified');
      }
      const status = { ...pod.status };
      const condition = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' };
      setPodCondition(status, condition, nowText(context));
      return { ...pod, status };
    });
    if (preconditions?.resourceVersion) preconditions = { ...preconditions, resourceVersion: marked.metadata!.resourceVersion };
  }
  await operations.delete(corev1.pods, name, namespace, { ...options, ...(preconditions ? { preconditions } : {}) });
}

function budgetsOf(pod: corev1.Pod, context: RuleContext): policyv1.PodDisruptionBudget[] {
  const namespace = pod.metadata!.namespace!;
  return context.reader.list(policyv1.poddisruptionbudgets, namespace).filter(({ spec }) => {
    if (!spec?.selector) return false;
    return isEmptySelector(spec.selector) || selectorMatches(spec.selector, pod.metadata?.labels);
  });
}

/** Whether an unhealthy pod may go without counting against its budget. */
function unhealthyMayGo(pod: corev1.Pod, { spec, status }: policyv1.PodDisruptionBudget): boolean {
  if (pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True')) return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

async function withRetries(attempt: () => Promise<void>, retry: boolean): Promise<void> {
  for (let count = 1; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      if (!retry || !isConflict(error) || count >= EVICTION_ATTEMPTS_MAX) throw error;
    }
  }
}

export async function evictPod(
  body: KubeObject,
  target: { name: string; namespace?: string },
  context: RuleContext,
  operations: ObjectOperations,
): Promise<Status> {
  const { metadata, deleteOptions } = body as policyv1.Eviction;
  if (metadata?.name !== target.name) throw statusError.badRequest('name in URL does not match name in Eviction object');
  const options: DeleteOptions = { ...(deleteOptions as DeleteOptions | undefined) };
  if (context.dryRun) options.dryRun = ['All'];
  const namespace = target.namespace ?? metadata?.namespace ?? '';
  const eviction: Eviction = { name: target.name, namespace, options, context, operations };
  const pinned = options.preconditions?.resourceVersion !== undefined;
  let pod = await operations.get(corev1.pods, target.name, namespace);
  let gone = false;
  await withRetries(async () => {
    pod = await operations.get(corev1.pods, target.name, namespace);
    if (!ignoresBudget(pod)) return;
    const enforce = pod.status?.phase === 'Pending' && !pod.metadata?.deletionTimestamp && !pinned;
    await markAndDelete(eviction, enforce ? pod.metadata!.resourceVersion : undefined);
    gone = true;
  }, !pinned);
  if (gone) return SUCCESS;
  const budgets = budgetsOf(pod, context);
  if (budgets.length > 1) {
    const message = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    throw new StatusError(500, '', message);
  }
  const budget = budgets[0];
  if (!budget) await markAndDelete(eviction);
  else if (unhealthyMayGo(pod, budget)) await evictUnhealthy(eviction, pod, budget.metadata!.name!, pinned);
  else {
    const dryRun = Boolean(options.dryRun?.length);
    await operations.update(policyv1.poddisruptionbudgets, budget.metadata!.name!, namespace, (current) => {
      const next = decremented(current, target.name, nowText(context));
      return dryRun ? undefined : next;
    });
    await markAndDelete(eviction);
  }
  return SUCCESS;
}

async function evictUnhealthy(eviction: Eviction, pod: corev1.Pod, budget: string, pinned: boolean): Promise<void> {
  try {
    await markAndDelete(eviction, pod.metadata!.resourceVersion);
  } catch (error) {
    if (isConflict(error) && !pinned) throw stillProcessed(budget);
    throw error;
  }
}
