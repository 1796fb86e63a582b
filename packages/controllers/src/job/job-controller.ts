// Runs a Job's pods to completion (pkg/controller/job).
import { batchv1, corev1, timeText } from '@tiphys/api';
import { isReady } from '../pods/pod-state.ts';
import { matchesSelector } from '../pods/selectors.ts';
import { type Action, after, normal, type Outcome, wakeAt, warning } from '../runtime/actions.ts';
import { defineController, type World } from '../runtime/controller.ts';
import { isDeleting } from '../runtime/objects.ts';
import { createdTallies, externalTallies, finalizerTally, JOB_COUNTERS } from './counters.ts';
import { type Facts, factsOf, isExternallyManaged, isFinished, isSuspended, TRACKING_FINALIZER } from './facts.ts';
import { type Management, managePods, removeActive } from './pods.ts';
import type { Job } from './policies.ts';
import { track } from './tracking.ts';
import { completion, condition, deadlineMs, ensured, type Verdict, verdictOf } from './verdict.ts';

type Status = batchv1.JobStatus;

const COMPLETION_MODES: readonly (string | undefined)[] = [undefined, 'NonIndexed', 'Indexed'];

/** The Suspended condition and its event, when that changes; a Job that goes on starts its time anew. */
function withSuspension(facts: Facts, status: Status): { status: Status; events: Action[] } {
  const { job, nowMs } = facts;
  const suspended = isSuspended(job);
  const next = suspended
    ? condition(nowMs, 'Suspended', 'JobSuspended', 'Job suspended')
    : condition(nowMs, 'Suspended', 'JobResumed', 'Job resumed', 'False');
  const conditions = ensured(status.conditions, next);
  if (!conditions) return { status, events: [] };
  const { startTime: _, ...rest } = status;
  const event = suspended ? normal('Suspended', 'Job suspended') : normal('Resumed', 'Job resumed');
  return { status: { ...rest, conditions, ...(suspended ? {} : { startTime: timeText(nowMs) }) }, events: [event] };
}

/** Status and finalizers, after the pods were created or deleted as far as that went. */
function conclude(facts: Facts, managed: Management, verdict: Verdict | undefined, outcome: Outcome): readonly Action[] {
  const { job } = facts;
  const kept = outcome.failure === undefined;
  const removed = kept ? managed.removed : [];
  const created = managed.created === 0 ? 0 : outcome.results.length;
  const active = facts.active.length + created - removed.length;
  let status: Status = {
    ...job.status,
    active,
    ready: facts.active.filter(isReady).length - removed.filter(isReady).length,
    terminating: facts.terminating.length + removed.length,
  };
  if (!status.startTime && !isSuspended(job)) status.startTime = timeText(facts.nowMs);
  // The end can't be declared while a pod that should be gone may still run.
  const tallies = managed.created === 0 ? [] : createdTallies(facts, created, outcome);
  if (verdict) return track(facts, status, kept ? verdict : undefined);
  const complete = completion(facts, active);
  if (complete) return [...tallies, ...track(facts, status, complete)];
  const suspension = isDeleting(job) ? { status, events: [] } : withSuspension(facts, status);
  status = suspension.status;
  return [...tallies, ...suspension.events, ...track(facts, status, undefined)];
}

function plan(world: World<Job>, nowMs: number): readonly Action[] {
  const job = world.object;
  if (isExternallyManaged(job)) return externalTallies(job, world.note);
  if (isFinished(job)) return [];
  if (!COMPLETION_MODES.includes(job.spec?.completionMode)) {
    return [warning('UnknownCompletionMode', 'Skipped Job sync because completion mode is unknown')];
  }
  const facts = factsOf(world, nowMs);
  const verdict = verdictOf(facts);
  const managed = verdict ? removeActive(facts, verdict.reason ?? '') : isDeleting(job) ? undefined : managePods(facts);
  const { actions, removed, created, wakeMs }: Management = managed ?? { actions: [], removed: [], created: 0 };
  const result: Action[] = [...actions, after((outcome) => conclude(facts, { actions, removed, created }, verdict, outcome))];
  if (wakeMs !== undefined) result.push(wakeAt(wakeMs, 'a failed pod may be replaced'));
  const lateMs = verdict ? undefined : deadlineMs(job);
  if (lateMs !== undefined) result.push(wakeAt(lateMs, 'the active deadline'));
  return result;
}

export const jobController = defineController<Job>({
  name: 'job-controller',
  for: batchv1.jobs,
  owns: [
    {
      type: corev1.pods,
      matches: (job) => (isExternallyManaged(job) ? undefined : matchesSelector(job.spec?.selector)),
      finalizers: [TRACKING_FINALIZER],
    },
  ],
  counters: JOB_COUNTERS,
  counts: [{ type: corev1.pods, tally: finalizerTally }],
  plan,
});
