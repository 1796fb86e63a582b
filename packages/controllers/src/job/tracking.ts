// Counting finished pods so that none is lost or counted twice: uids go into status, then finalizers go, then the counters
// grow (job_controller.go trackJobStatusAndRemoveFinalizers; KEP-2307).
import { batchv1 } from '@tiphys/api';
import { omitZeros, semanticEqual } from '../equality.ts';
import { type Pod, phaseOf } from '../pods/pod-state.ts';
import { type Action, after, atOnce, normal, note, updateStatus, warning } from '../runtime/actions.ts';
import { isDeleting, uidOf } from '../runtime/objects.ts';
import { endedTally, finishedTallies, handledTallies } from './counters.ts';
import { completionsOf, type Facts, isIndexed, isTracked, jobCondition, limitsIndexes } from './facts.ts';
import { countIndexes, formatIndexes, hasIndex, indexOf, withIndexes } from './indexes.ts';
import { dropFinalizer } from './pods.ts';
import { isPodFailed, matchFailurePolicy } from './policies.ts';
import { condition, ensured, type Verdict } from './verdict.ts';

/** Uids in status at a time, so that it stays below about 20 kB. */
export const UNCOUNTED_MAX = 500;

type Status = batchv1.JobStatus;

interface Lists {
  succeeded: string[];
  failed: string[];
}

const listsOf = (status: Status): Lists => ({
  succeeded: [...(status.uncountedTerminatedPods?.succeeded ?? [])],
  failed: [...(status.uncountedTerminatedPods?.failed ?? [])],
});

/** Pods of the lists that have no finalizer any more are added to the counters. */
function counted(status: Status, withFinalizer: ReadonlySet<string>): Status {
  const lists = listsOf(status);
  const keep = (uids: string[]) => uids.filter((uid) => withFinalizer.has(uid));
  const left = { succeeded: keep(lists.succeeded), failed: keep(lists.failed) };
  return {
    ...status,
    succeeded: (status.succeeded ?? 0) + lists.succeeded.length - left.succeeded.length,
    failed: (status.failed ?? 0) + lists.failed.length - left.failed.length,
    uncountedTerminatedPods: left,
  };
}

function mayDropFinalizer({ job, delayed }: Facts, verdict: Verdict | undefined, pod: Pod): boolean {
  if (isDeleting(job) || verdict || phaseOf(pod) === 'Succeeded') return true;
  if (!isPodFailed(job, pod)) return false;
  const index = limitsIndexes(job) ? indexOf(pod) : undefined;
  return index === undefined || delayed.get(index) !== pod;
}

interface Count {
  lists: Lists;
  newIndexes: number[];
  toDrop: Pod[];
  /** There is more to count than one status can hold. */
  /** Failures by the action of the failure policy's rule that matched. */
  handled: Map<string, number>;
  full: boolean;
}

function countPod(facts: Facts, verdict: Verdict | undefined, pod: Pod, count: Count): void {
  const { job, uncounted, previousIndexes } = facts;
  const index = indexOf(pod);
  const validIndex = index !== undefined && index < completionsOf(job);
  if (phaseOf(pod) === 'Succeeded' && !uncounted.failed.has(uidOf(pod))) {
    if (isIndexed(job)) {
      if (validIndex && !hasIndex(previousIndexes, index)) count.newIndexes.push(index);
    } else if (!uncounted.succeeded.has(uidOf(pod))) count.lists.succeeded.push(uidOf(pod));
    return;
  }
  // When the Job has failed, every pod that is not at its end counts as failed.
  if (!isPodFailed(job, pod) && (!verdict || verdict.type === 'SuccessCriteriaMet')) return;
  if (uncounted.failed.has(uidOf(pod)) || (isIndexed(job) && !validIndex)) return;
  const { counts, action } = matchFailurePolicy(job.spec?.podFailurePolicy, pod);
  if (action !== undefined) count.handled.set(action, (count.handled.get(action) ?? 0) + 1);
  if (counts) count.lists.failed.push(uidOf(pod));
}

function countPods(facts: Facts, verdict: Verdict | undefined, status: Status): Count {
  const count: Count = { lists: listsOf(status), newIndexes: [], toDrop: [], handled: new Map(), full: false };
  for (const pod of facts.pods) {
    if (!isTracked(pod) || !mayDropFinalizer(facts, verdict, pod)) continue;
    count.toDrop.push(pod);
    countPod(facts, verdict, pod, count);
    if (count.newIndexes.length + count.lists.succeeded.length + count.lists.failed.length >= UNCOUNTED_MAX) {
      count.full = true;
      break;
    }
  }
  return count;
}

function withIndexCounts(facts: Facts, status: Status, newIndexes: readonly number[]): Status {
  if (!isIndexed(facts.job)) return status;
  const succeeded = withIndexes(facts.succeededIndexes, newIndexes);
  const { failedIndexes: _, ...rest } = status;
  return {
    ...rest,
    succeeded: countIndexes(succeeded),
    completedIndexes: formatIndexes(succeeded),
    ...(facts.failedIndexes ? { failedIndexes: formatIndexes(facts.failedIndexes) } : {}),
  };
}

/** The verdict goes into status as an interim condition before any finalizer goes, and becomes final at the end. */
function announced(facts: Facts, status: Status, verdict: Verdict | undefined): { status: Status; final: Verdict | undefined } {
  if (!verdict || (verdict.type !== 'FailureTarget' && verdict.type !== 'SuccessCriteriaMet')) return { status, final: verdict };
  const type = verdict.type === 'FailureTarget' ? 'Failed' : 'Complete';
  const final = condition(facts.nowMs, type, verdict.reason ?? '', verdict.message ?? '');
  if (jobCondition({ status }, verdict.type)) return { status, final };
  return { status: { ...status, conditions: [...(status.conditions ?? []), verdict] }, final };
}

const written = (status: Status): Status => {
  const clean = omitZeros(status, ['ready', 'terminating']);
  if (clean.completedIndexes === '') delete clean.completedIndexes;
  // Status always says that pods are tracked, also when none is waiting to be counted.
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  return {
    ...clean,
    uncountedTerminatedPods: { ...(succeeded.length > 0 ? { succeeded } : {}), ...(failed.length > 0 ? { failed } : {}) },
  };
};

function finish(facts: Facts, status: Status, final: Verdict): { status: Status; events: Action[] } {
  const finished: Status = { ...status, conditions: ensured(status.conditions, final) ?? status.conditions ?? [] };
  if (final.type !== 'Complete') return { status: finished, events: [warning(final.reason ?? '', final.message ?? '')] };
  finished.completionTime = final.lastTransitionTime!;
  const { completions } = facts.job.spec ?? {};
  const tooMany = completions !== undefined && (status.succeeded ?? 0) > completions;
  const events: Action[] = [
    ...(tooMany ? [warning('TooManySucceededPods', 'Too many succeeded pods running after completion count reached')] : []),
    normal('Completed', 'Job completed'),
  ];
  return { status: finished, events };
}

/** `status` says what is active, ready and terminating; the rest is added here. */
export function track(facts: Facts, status: Status, verdict: Verdict | undefined): Action[] {
  const { job } = facts;
  const withFinalizer = new Set(facts.pods.filter(isTracked).map(uidOf));
  const before = counted(status, withFinalizer);
  const count = countPods(facts, verdict, before);
  const indexed = withIndexCounts(facts, { ...before, uncountedTerminatedPods: count.lists }, count.newIndexes);
  const { status: interim, final } = announced(facts, indexed, verdict);
  const actions: Action[] = [];
  if (!semanticEqual(job.status, written(interim))) {
    actions.push(
      updateStatus(batchv1.jobs, { ...job, status: written(interim) }, summary(interim)),
      note(facts.backoffKey, facts.backoff),
      ...finishedTallies(job, job.status, interim),
    );
  }
  actions.push(...handledTallies(count.handled));
  if (count.toDrop.length > 0) actions.push(atOnce(count.toDrop.map((pod) => dropFinalizer(pod, 'it is counted'))));
  actions.push(
    after(({ failure }) => {
      // After a failure the next plan sees which finalizers are left.
      if (failure) return [];
      for (const pod of count.toDrop) withFinalizer.delete(uidOf(pod));
      const after = counted(interim, withFinalizer);
      const { succeeded = [], failed = [] } = after.uncountedTerminatedPods ?? {};
      const waits = count.full || succeeded.length + failed.length > 0 || (after.terminating ?? 0) > 0;
      const { status: end, events } = final && !waits ? finish(facts, after, final) : { status: after, events: [] };
      if (semanticEqual(written(interim), written(end))) return [];
      return [
        updateStatus(batchv1.jobs, { ...job, status: written(end) }, final && !waits ? `it is ${final.type}` : summary(end)),
        ...events,
        ...finishedTallies(job, interim, end),
        ...(final && !waits ? [endedTally(job, final)] : []),
      ];
    }),
  );
  return actions;
}

const summary = ({ active = 0, succeeded = 0, failed = 0 }: Status) => `${active} active, ${succeeded} succeeded, ${failed} failed`;
