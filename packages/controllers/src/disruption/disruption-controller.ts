// Keeps PodDisruptionBudgets' status, by which evictions are allowed or refused (pkg/controller/disruption).
import { appsv1, corev1, type OwnerReference, policyv1 } from '@tiphys/api';
import { isConflict, isNotFound } from '@tiphys/machinery';
import { discoveredResources } from '../discovered-resources.ts';
import { goSelector } from '../go-selector.ts';
import { selectorOf } from '../pods/selectors.ts';
import { defineController, type ReconcileContext, type Snapshot } from '../runtime/controller.ts';
import { keyOf, namespaceOf } from '../runtime/objects.ts';
import { budgetStatus, failedStatus, stillDisrupted } from './budget-status.ts';
import { expectation, type ScaleOf } from './expected-pods.ts';

type Budget = policyv1.PodDisruptionBudget;

const selects = (budget: Budget, pod: corev1.Pod) => selectorOf(budget.spec?.selector).matches(pod.metadata?.labels);

const budgetsOf = (pod: corev1.Pod, snapshot: Snapshot) =>
  snapshot
    .list(policyv1.poddisruptionbudgets, namespaceOf(pod))
    .filter((budget) => selects(budget, pod))
    .map(keyOf);

const scaleFrom = (context: ReconcileContext): ScaleOf => {
  return async (owner: OwnerReference, namespace: string) => {
    const group = owner.apiVersion.includes('/') ? owner.apiVersion.split('/')[0]! : '';
    const found = (await discoveredResources(context.client)).find(({ type }) => type.group === group && type.kind === owner.kind);
    if (!found) throw new Error(`no matches for kind "${owner.kind}" in group "${group}"`);
    try {
      const scale = await context.client.of(found.type).get(owner.name, namespace, 'scale');
      if (scale.metadata?.uid !== owner.uid) return undefined;
      return { uid: owner.uid, replicas: (scale as { spec?: { replicas?: number } }).spec?.replicas ?? 0 };
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // Gone, or of a kind that has no scale: only the owner itself can tell.
      const exists = await context.client
        .of(found.type)
        .get(owner.name, namespace)
        .then(
          () => true,
          () => false,
        );
      const resource = group === '' ? found.type.resource : `${found.type.resource}.${group}`;
      if (exists) throw new Error(`${resource} does not implement the scale subresource`);
      return undefined;
    }
  };
};

/** The recheck time, if any. */
async function sync(budget: Budget, context: ReconcileContext): Promise<number | undefined> {
  const { events, snapshot, runtime, client } = context;
  const about = { ...budget, apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' };
  const pods = snapshot.list(corev1.pods, namespaceOf(budget)).filter((pod) => selects(budget, pod));
  if (pods.length === 0) events.event(about, 'Normal', 'NoPods', 'No matching pods found');
  const expected = await expectation(budget.spec ?? {}, pods, snapshot, scaleFrom(context)).catch((error: Error) => {
    const message = `Failed to calculate the number of expected pods: ${error.message}`;
    events.event(about, 'Warning', 'CalculateExpectedPodCountFailed', message);
    throw error;
  });
  if (expected.unmanaged.length > 0) {
    const message = `Pods selected by this PodDisruptionBudget (selector: ${goSelector(budget.spec?.selector)}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;
    events.event(about, 'Warning', 'UnmanagedPods', message);
  }
  const nowMs = runtime.clock.now();
  const { disruptedPods, recheckMs, overdue } = stillDisrupted(budget, pods, nowMs);
  for (const pod of overdue) {
    // The namespace twice is upstream's.
    const message = `Pod was expected by PDB ${namespaceOf(budget)}/${namespaceOf(budget)} to be deleted but it wasn't`;
    events.event({ ...pod, apiVersion: 'v1', kind: 'Pod' }, 'Warning', 'NotDeleted', message);
  }
  const status = budgetStatus(budget, pods, expected, disruptedPods, nowMs);
  if (status) await client.of(policyv1.poddisruptionbudgets).updateStatus({ ...budget, status });
  return recheckMs === undefined ? undefined : Math.max(1, recheckMs - nowMs);
}

export const disruptionController = defineController<Budget>({
  name: 'disruption-controller',
  eventSource: 'controllermanager',
  for: policyv1.poddisruptionbudgets,
  reads: [corev1.replicationcontrollers, appsv1.replicasets, appsv1.deployments, appsv1.statefulsets],
  watches: [
    {
      type: corev1.pods,
      keys: (pod, snapshot, { old }) => {
        const keys = budgetsOf(pod, snapshot);
        return old && JSON.stringify(old.metadata?.labels) !== JSON.stringify(pod.metadata?.labels)
          ? [...keys, ...budgetsOf(old, snapshot)]
          : keys;
      },
    },
  ],
  async reconcile(_key, budget, context) {
    if (!budget) return undefined;
    try {
      return await sync(budget, context);
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) throw error;
      const status = failedStatus(budget, (error as Error).message, context.runtime.clock.now());
      await context.client.of(policyv1.poddisruptionbudgets).updateStatus({ ...budget, status });
      // Upstream waits for the next event, and none comes when the same failure is noted twice: it is tried again here.
      throw error;
    }
  },
});
