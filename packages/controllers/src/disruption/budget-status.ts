// A budget's status from its pods and what is expected of them (pkg/controller/disruption updatePdbStatus;
// component-helpers apps/poddisruptionbudget). Pure.
import { type corev1, type policyv1, timeText } from '@tiphys/api';
import { isReady } from '../pods/pod-state.ts';
import { isDeleting, nameOf, timeMs } from '../runtime/objects.ts';
import type { Expectation } from './expected-pods.ts';

/** A pod whose eviction was allowed counts as gone for so long, though nobody deleted it yet. */
export const DELETION_TIMEOUT_MS = 120_000;

type Budget = policyv1.PodDisruptionBudget;
type Status = policyv1.PodDisruptionBudgetStatus;
type Condition = NonNullable<Status['conditions']>[number];
type Disrupted = NonNullable<Status['disruptedPods']>;

export interface StillDisrupted {
  disruptedPods: Disrupted;
  /** When to look again. */
  recheckMs: number | undefined;
  /** Pods that were to go and did not. */
  overdue: readonly corev1.Pod[];
}

export function stillDisrupted(budget: Budget, pods: readonly corev1.Pod[], nowMs: number): StillDisrupted {
  const disruptedPods: Disrupted = {};
  const overdue: corev1.Pod[] = [];
  let recheckMs: number | undefined;
  for (const pod of pods) {
    const since = budget.status?.disruptedPods?.[nameOf(pod)];
    if (!since || isDeleting(pod)) continue;
    const expectedMs = timeMs(since) + DELETION_TIMEOUT_MS;
    if (expectedMs < nowMs) overdue.push(pod);
    else {
      disruptedPods[nameOf(pod)] = since;
      recheckMs = Math.min(recheckMs ?? expectedMs, expectedMs);
    }
  }
  return { disruptedPods, recheckMs, overdue };
}

/** Keeps the time of transition while the status stays (apimachinery meta.SetStatusCondition). */
function setCondition(conditions: readonly Condition[], wanted: Omit<Condition, 'lastTransitionTime'>, nowMs: number): Condition[] {
  const old = conditions.find(({ type }) => type === wanted.type);
  const lastTransitionTime = old?.status === wanted.status ? old.lastTransitionTime : timeText(nowMs);
  const next = { ...wanted, lastTransitionTime };
  return old ? conditions.map((condition) => (condition === old ? next : condition)) : [...conditions, next];
}

const allowedCondition = (allowed: number, observedGeneration: number | undefined): Omit<Condition, 'lastTransitionTime'> => ({
  type: 'DisruptionAllowed',
  status: allowed > 0 ? 'True' : 'False',
  reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
  message: '',
  ...(observedGeneration === undefined ? {} : { observedGeneration }),
});

const sameDisrupted = (a: Disrupted = {}, b: Disrupted = {}) =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([name, time]) => b[name] === time);

/** undefined when the budget has it already. */
export function budgetStatus(
  budget: Budget,
  pods: readonly corev1.Pod[],
  { expectedPods, desiredHealthy }: Expectation,
  disruptedPods: Disrupted,
  nowMs: number,
): Status | undefined {
  const { status } = budget;
  const { generation } = budget.metadata!;
  const currentHealthy = pods.filter((pod) => !isDeleting(pod) && disruptedPods[nameOf(pod)] === undefined && isReady(pod)).length;
  const disruptionsAllowed = expectedPods <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
  const wanted = allowedCondition(disruptionsAllowed, generation);
  const condition = status?.conditions?.find(({ type }) => type === wanted.type);
  const upToDate =
    status !== undefined &&
    status.currentHealthy === currentHealthy &&
    status.desiredHealthy === desiredHealthy &&
    status.expectedPods === expectedPods &&
    status.disruptionsAllowed === disruptionsAllowed &&
    sameDisrupted(status.disruptedPods, disruptedPods) &&
    status.observedGeneration === generation &&
    condition?.status === wanted.status &&
    condition.reason === wanted.reason;
  if (upToDate) return undefined;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    disruptedPods,
    disruptionsAllowed,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    conditions: setCondition(status?.conditions ?? [], wanted, nowMs),
  };
}

/** When the budget can't be worked out nothing may be disrupted. */
export function failedStatus(budget: Budget, message: string, nowMs: number): Status {
  const { observedGeneration, conditions = [] } = budget.status ?? {};
  const condition = { type: 'DisruptionAllowed', status: 'False', reason: 'SyncFailed', message };
  return {
    ...(budget.status as Status),
    disruptionsAllowed: 0,
    conditions: setCondition(conditions, { ...condition, ...(observedGeneration === undefined ? {} : { observedGeneration }) }, nowMs),
  };
}
