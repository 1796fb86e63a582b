// What a Job's pods amount to, before anything is decided (pkg/controller/job/job_controller.go, syncJob).
import { type batchv1, corev1 } from '@tiphys/api';
import { isActive, isTerminating, type Pod, phaseOf } from '../pods/pod-state.ts';
import type { World } from '../runtime/controller.ts';
import { uidOf } from '../runtime/objects.ts';
import { allIndexFailures, type BackoffRecord, finishedMs, indexFailures, nextRecord } from './backoff.ts';
import { hasIndex, type Indexes, indexOf, parseIndexes, withIndexes } from './indexes.ts';
import { isPodFailed, type Job, matchFailurePolicy } from './policies.ts';

export const TRACKING_FINALIZER = 'batch.kubernetes.io/job-tracking';

export const isTracked = (pod: Pod): boolean => pod.metadata?.finalizers?.includes(TRACKING_FINALIZER) ?? false;
export const isIndexed = (job: Job): boolean => job.spec?.completionMode === 'Indexed';
export const limitsIndexes = (job: Job): boolean => job.spec?.backoffLimitPerIndex !== undefined;
export const isSuspended = (job: Job): boolean => job.spec?.suspend === true;
export const completionsOf = (job: Job): number => job.spec?.completions ?? 0;

export const jobCondition = (job: { status?: batchv1.JobStatus }, type: string): batchv1.JobCondition | undefined =>
  job.status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');

export const isFinished = (job: Job): boolean => (jobCondition(job, 'Complete') ?? jobCondition(job, 'Failed')) !== undefined;

export const isExternallyManaged = (job: Job): boolean =>
  job.spec?.managedBy !== undefined && job.spec.managedBy !== 'kubernetes.io/job-controller';

export interface Facts {
  job: Job;
  nowMs: number;
  /** In order of completion index. */
  pods: readonly Pod[];
  active: readonly Pod[];
  terminating: readonly Pod[];
  uncounted: { succeeded: ReadonlySet<string>; failed: ReadonlySet<string> };
  succeeded: number;
  failed: number;
  backoff: BackoffRecord;
  backoffKey: string;
  /** For indexed Jobs: counted before, and with what is new. */
  previousIndexes: Indexes;
  succeededIndexes: Indexes;
  /** With a limit per index. */
  failedIndexes: Indexes | undefined;
  /** Failed pods that are kept until their replacement has taken over the count of failures. */
  delayed: ReadonlyMap<number, Pod>;
}

const inRange = (job: Job, pod: Pod): boolean => {
  const index = indexOf(pod);
  return index !== undefined && index < completionsOf(job);
};

/** Tracked, not yet in the lists of status, and of a valid index. */
function newPods(job: Job, pods: readonly Pod[], known: ReadonlySet<string> | undefined, condition: (pod: Pod) => boolean): Pod[] {
  return pods.filter((pod) => isTracked(pod) && !known?.has(uidOf(pod)) && (!isIndexed(job) || inRange(job, pod)) && condition(pod));
}

export function isIndexFailed(job: Job, pod: Pod): boolean {
  if (!isPodFailed(job, pod)) return false;
  const { counts, action } = matchFailurePolicy(job.spec?.podFailurePolicy, pod);
  return action === 'FailIndex' || (counts && indexFailures(pod) >= job.spec!.backoffLimitPerIndex!);
}

const indexesOf = (pods: readonly Pod[]): number[] => pods.map(indexOf).filter((index) => index !== undefined);

function delayedPods(facts: Omit<Facts, 'delayed'>): ReadonlyMap<number, Pod> {
  const { job, pods, active, succeededIndexes, failedIndexes = [] } = facts;
  const activeIndexes = new Set(indexesOf(active));
  const delayed = new Map<number, Pod>();
  for (const pod of newPods(job, pods, undefined, (one) => isPodFailed(job, one))) {
    const index = indexOf(pod)!;
    if (hasIndex(succeededIndexes, index) || hasIndex(failedIndexes, index) || activeIndexes.has(index)) continue;
    const known = delayed.get(index);
    if (!known || (allIndexFailures(known) <= allIndexFailures(pod) && finishedMs(pod) >= finishedMs(known))) delayed.set(index, pod);
  }
  return delayed;
}

export function factsOf(world: World<Job>, nowMs: number): Facts {
  const job = world.object;
  const indexed = isIndexed(job);
  const pods = [...world.owned(corev1.pods)];
  if (indexed) pods.sort((a, b) => (indexOf(a) ?? -1) - (indexOf(b) ?? -1));
  const lists = job.status?.uncountedTerminatedPods;
  const uncounted = { succeeded: new Set(lists?.succeeded), failed: new Set(lists?.failed) };
  const succeededPods = newPods(job, pods, uncounted.succeeded, (pod) => phaseOf(pod) === 'Succeeded');
  const failedPods = newPods(job, pods, uncounted.failed, (pod) => isPodFailed(job, pod));
  const counted = failedPods.filter((pod) => matchFailurePolicy(job.spec?.podFailurePolicy, pod).counts);
  const completions = completionsOf(job);
  const previousIndexes = indexed ? parseIndexes(job.status?.completedIndexes, completions) : [];
  const done = indexed ? newPods(job, pods, undefined, (pod) => phaseOf(pod) === 'Succeeded') : [];
  const succeededIndexes = withIndexes(previousIndexes, indexesOf(done));
  const lostIndexes = indexed && limitsIndexes(job) ? newPods(job, pods, undefined, (pod) => isIndexFailed(job, pod)) : undefined;
  const backoffKey = `backoff/${uidOf(job)}`;
  const facts: Omit<Facts, 'delayed'> = {
    job,
    nowMs,
    pods,
    active: pods.filter(isActive),
    terminating: pods.filter(isTerminating),
    uncounted,
    succeeded: indexed
      ? succeededIndexes.reduce((total, { first, last }) => total + last - first + 1, 0)
      : (job.status?.succeeded ?? 0) + succeededPods.length + uncounted.succeeded.size,
    failed: (job.status?.failed ?? 0) + counted.length + uncounted.failed.size,
    backoff: nextRecord(world.note(backoffKey) as BackoffRecord | undefined, succeededPods, failedPods),
    backoffKey,
    previousIndexes,
    succeededIndexes,
    failedIndexes: lostIndexes && withIndexes(parseIndexes(job.status?.failedIndexes, completions), indexesOf(lostIndexes)),
  };
  return { ...facts, delayed: facts.failedIndexes ? delayedPods(facts) : new Map() };
}

export const indexesOfPods = (pods: readonly Pod[]): number[] => indexesOf(pods);
