// What the Job controller counts, under upstream's names (pkg/controller/job/metrics/metrics.go).
import type { batchv1 } from '@tiphys/api';
import type { Described } from '@tiphys/std';
import { isTerminal, type Pod } from '../pods/pod-state.ts';
import { type Action, note, type Outcome, type Tally, tally } from '../runtime/actions.ts';
import { uidOf } from '../runtime/objects.ts';
import { completionsOf, type Facts, isIndexed, isTracked, limitsIndexes } from './facts.ts';
import { countIndexes, parseIndexes } from './indexes.ts';
import type { Job } from './policies.ts';
import type { Verdict } from './verdict.ts';

const SUBSYSTEM = 'job_controller';

export const JOB_COUNTERS: Readonly<Record<string, Described>> = {
  jobs: { name: `${SUBSYSTEM}_jobs_finished_total`, help: 'The number of finished jobs', labels: ['completion_mode', 'result', 'reason'] },
  pods: {
    name: `${SUBSYSTEM}_job_pods_finished_total`,
    help: 'The number of finished Pods that are fully tracked',
    labels: ['completion_mode', 'result'],
  },
  indexes: { name: `${SUBSYSTEM}_job_finished_indexes_total`, help: 'The number of finished indexes.', labels: ['status', 'backoffLimit'] },
  created: {
    name: `${SUBSYSTEM}_job_pods_creation_total`,
    help: 'The number of Pods created by the Job controller labelled with a reason for the Pod creation.',
    labels: ['reason', 'status'],
  },
  handled: {
    name: `${SUBSYSTEM}_pod_failures_handled_by_failure_policy_total`,
    help: "The number of failed Pods that a rule of the Job's failure policy matched, by the rule's action.",
    labels: ['action'],
  },
  tracked: {
    name: `${SUBSYSTEM}_terminated_pods_tracking_finalizer_total`,
    help: 'The number of terminated pods that got or lost the finalizer batch.kubernetes.io/job-tracking.',
    labels: ['event'],
  },
  external: {
    name: `${SUBSYSTEM}_jobs_by_external_controller_total`,
    help: 'The number of Jobs managed by an external controller',
    labels: ['controller_name'],
  },
};

type Status = Pick<batchv1.JobStatus, 'succeeded' | 'failed' | 'completedIndexes' | 'failedIndexes'> | undefined;

/** A pod that has ended and is held by the tracking finalizer counts as added, and as deleted when that is over, whoever owns it. */
export function finalizerTally(old: Pod | undefined, now: Pod | undefined): Tally | undefined {
  const isHeld = (pod: Pod | undefined) => pod !== undefined && isTerminal(pod) && isTracked(pod);
  return isHeld(old) === isHeld(now) ? undefined : tally('tracked', [isHeld(now) ? 'add' : 'delete']);
}

export const handledTallies = (handled: ReadonlyMap<string, number>): Action[] =>
  [...handled].map(([action, count]) => tally('handled', [action], count));

const modeOf = (job: Job) => job.spec?.completionMode ?? 'NonIndexed';

const some = (counter: string, labels: readonly string[], by: number): Action[] => (by > 0 ? [tally(counter, labels, by)] : []);

/** A Job that somebody else manages counts once, when it is first seen. */
export function externalTallies(job: Job, noted: (key: string) => unknown): Action[] {
  const key = `external/${uidOf(job)}`;
  return noted(key) ? [] : [note(key, true), tally('external', [job.spec?.managedBy ?? ''])];
}

/** What the status counts more than it did. */
export function finishedTallies(job: Job, before: Status, now: Status): Action[] {
  const mode = modeOf(job);
  const failed = some('pods', [mode, 'failed'], (now?.failed ?? 0) - (before?.failed ?? 0));
  if (!isIndexed(job)) return [...some('pods', [mode, 'succeeded'], (now?.succeeded ?? 0) - (before?.succeeded ?? 0)), ...failed];
  const limit = limitsIndexes(job) ? 'perIndex' : 'global';
  const more = (field: 'completedIndexes' | 'failedIndexes') => {
    const count = (status: Status) => countIndexes(parseIndexes(status?.[field] ?? undefined, completionsOf(job)));
    return count(now) - count(before);
  };
  const completed = more('completedIndexes');
  return [
    ...some('indexes', ['succeeded', limit], completed),
    ...some('indexes', ['failed', limit], limitsIndexes(job) ? more('failedIndexes') : 0),
    ...some('pods', [mode, 'succeeded'], completed),
    ...failed,
  ];
}

export const endedTally = (job: Job, { type, reason }: Verdict): Action =>
  tally('jobs', [modeOf(job), type === 'Complete' ? 'succeeded' : 'failed', reason ?? '']);

/** Of failed creations only the first is known. */
export function createdTallies({ job, failed, terminating }: Facts, created: number, { failed: what }: Outcome): Action[] {
  const waits = job.spec?.podReplacementPolicy === 'Failed';
  const again = waits ? 'recreate_failed' : 'recreate_terminating_or_failed';
  const reason = failed > 0 || (!waits && terminating.length > 0) ? again : 'new';
  return [...some('created', [reason, 'succeeded'], created), ...some('created', [reason, 'failed'], what === 'create' ? 1 : 0)];
}
