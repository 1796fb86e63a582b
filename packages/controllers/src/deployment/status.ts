// The Deployment's status: counts, availability and progress (sync.go calculateStatus, progress.go).
import { type appsv1, timeText } from '@tiphys/api';
import { conditionOf, withCondition, withoutCondition } from '../conditions.ts';
import { wakeAt } from '../runtime/actions.ts';
import { nameOf, timeMs } from '../runtime/objects.ts';
import { allSets, type Draft, progressCondition, progressing, writeStatus } from './draft.ts';
import { maxUnavailable, progressDeadlineSeconds, replicasOf } from './numbers.ts';
import { actualPods, availablePods, type Deployment, type ReplicaSet, readyPods, terminatingPods, wantedPods } from './replica-sets.ts';

type Status = appsv1.DeploymentStatus;

const SECOND_MS = 1000;

export function calculateStatus(draft: Draft): Status {
  const { d, nowMs } = draft;
  const sets = allSets(draft);
  const available = availablePods(sets);
  const terminating = terminatingPods(sets);
  const enough = available >= replicasOf(d) - maxUnavailable(d);
  const time = timeText(nowMs);
  return {
    observedGeneration: d.metadata?.generation ?? 0,
    replicas: actualPods(sets),
    updatedReplicas: actualPods(draft.newSet ? [draft.newSet] : []),
    readyReplicas: readyPods(sets),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, wantedPods(sets) - available),
    ...(terminating === undefined ? {} : { terminatingReplicas: terminating }),
    ...(d.status?.collisionCount === undefined ? {} : { collisionCount: d.status.collisionCount }),
    conditions: withCondition(d.status?.conditions, {
      type: 'Available',
      status: enough ? 'True' : 'False',
      lastUpdateTime: time,
      lastTransitionTime: time,
      reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: enough ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
    }),
  };
}

export function isComplete(d: Deployment, status: Status | undefined): boolean {
  const wanted = replicasOf(d);
  return (
    (status?.updatedReplicas ?? 0) === wanted &&
    (status?.replicas ?? 0) === wanted &&
    (status?.availableReplicas ?? 0) === wanted &&
    (status?.observedGeneration ?? 0) >= (d.metadata?.generation ?? 0)
  );
}

export function madeProgress(old: Status | undefined, status: Status): boolean {
  const outdated = (s: Status | undefined) => (s?.replicas ?? 0) - (s?.updatedReplicas ?? 0);
  return (
    (status.updatedReplicas ?? 0) > (old?.updatedReplicas ?? 0) ||
    outdated(status) < outdated(old) ||
    (status.readyReplicas ?? 0) > (old?.readyReplicas ?? 0) ||
    (status.availableReplicas ?? 0) > (old?.availableReplicas ?? 0)
  );
}

/** The time at which the rollout is late; undefined when it can't be, or is already. */
function lateAtMs(d: Deployment, condition: appsv1.DeploymentCondition | undefined): number | undefined {
  const deadline = progressDeadlineSeconds(d);
  if (deadline === undefined || !condition) return undefined;
  return timeMs(condition.lastUpdateTime) + deadline * SECOND_MS;
}

export function hasTimedOut({ d, nowMs }: Pick<Draft, 'd' | 'nowMs'>, status: Status): boolean {
  const condition = conditionOf(status.conditions, 'Progressing');
  if (!condition || condition.reason === 'NewReplicaSetAvailable') return false;
  if (condition.reason === 'ProgressDeadlineExceeded') return true;
  return (lateAtMs(d, condition) ?? Number.POSITIVE_INFINITY) < nowMs;
}

/** The Progressing condition after this plan. */
function withProgress(draft: Draft, status: Status): appsv1.DeploymentCondition[] {
  const { d, newSet } = draft;
  const conditions = status.conditions ?? [];
  const current = progressCondition(d);
  const finished = status.replicas === status.updatedReplicas && current?.reason === 'NewReplicaSetAvailable';
  if (finished) return conditions;
  const subject = newSet ? `ReplicaSet "${nameOf(newSet)}"` : `Deployment "${nameOf(d)}"`;
  if (isComplete(d, status)) {
    return withCondition(conditions, progressing(draft, 'True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`));
  }
  if (madeProgress(d.status, status)) {
    const condition = progressing(draft, 'True', 'ReplicaSetUpdated', `${subject} is progressing.`);
    // The time of the last update moves with every progress, that of the transition only when the status changes.
    if (current?.status === 'True' && current.lastTransitionTime) condition.lastTransitionTime = current.lastTransitionTime;
    return [...withoutCondition(conditions, 'Progressing'), condition];
  }
  if (hasTimedOut(draft, status)) {
    return withCondition(conditions, progressing(draft, 'False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`));
  }
  return conditions;
}

/** A ReplicaSet's failure, the new one's before any other's. */
function replicaFailure(newSet: ReplicaSet | undefined, sets: readonly ReplicaSet[]): appsv1.DeploymentCondition | undefined {
  for (const set of [...(newSet ? [newSet] : []), ...sets]) {
    const condition = conditionOf(set.status?.conditions, 'ReplicaFailure');
    if (condition) return { ...condition, ...(condition.lastTransitionTime ? { lastUpdateTime: condition.lastTransitionTime } : {}) };
  }
  return undefined;
}

/** How long until the rollout is late; 0 when it is by now, undefined when that need not be looked at again. */
export function lateInMs(d: Deployment, status: Status, nowMs: number): number | undefined {
  const current = progressCondition(d);
  const lateMs = lateAtMs(d, current);
  if (lateMs === undefined || isComplete(d, status) || current?.reason === 'ProgressDeadlineExceeded') return undefined;
  return Math.max(0, lateMs - nowMs);
}

/** For rollouts: with progress. */
export function syncRolloutStatus(draft: Draft): void {
  const { d, nowMs } = draft;
  const status = calculateStatus(draft);
  const limited = progressDeadlineSeconds(d) !== undefined;
  let conditions = limited ? withProgress(draft, status) : withoutCondition(status.conditions, 'Progressing');
  const failure = replicaFailure(draft.newSet, allSets(draft));
  conditions = failure ? withCondition(conditions, failure) : withoutCondition(conditions, 'ReplicaFailure');
  status.conditions = conditions;
  if (writeStatus(draft, status, summary(d, status))) return;
  const waitMs = lateInMs(d, status, nowMs);
  if (waitMs !== undefined) draft.actions.push(wakeAt(nowMs + waitMs + SECOND_MS, 'to see whether the rollout is late'));
}

/** For scaling and paused Deployments: without. */
export function syncStatus(draft: Draft): void {
  const status = calculateStatus(draft);
  writeStatus(draft, status, summary(draft.d, status));
}

const summary = (d: Deployment, status: Status) =>
  `${status.updatedReplicas} updated, ${status.availableReplicas} available of ${replicasOf(d)}`;
