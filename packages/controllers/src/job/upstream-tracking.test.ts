// Upstream's table of counting finished pods as facts: statuses and finalizers that are written, one after another
// (TestTrackJobStatusAndRemoveFinalizers in pkg/controller/job/job_controller_test.go of v1.36.3, with v1.36's gates). Where upstream expects
// that a finalizer will go, the cache shows here that it has.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiVersionOf, batchv1, type corev1, timeText } from '@tiphys/api';
import { isTerminating } from '../pods/pod-state.ts';
import type { World } from '../runtime/controller.ts';
import { carryOut } from '../testing/carry-out.ts';
import { at, nowAt } from '../testing/objects.ts';
import { snapshotOf } from '../testing/plan.ts';
import { INDEX_FAILURES } from './backoff.ts';
import { factsOf, TRACKING_FINALIZER } from './facts.ts';
import { COMPLETION_INDEX, parseIndexes } from './indexes.ts';
import type { Job } from './policies.ts';
import { track } from './tracking.ts';
import cases from './upstream-tracking.json' with { type: 'json' };
import type { Verdict } from './verdict.ts';

interface PodFacts {
  uid?: string;
  phase?: string;
  tracked?: true;
  deleting?: true;
  index?: string;
  failures?: string;
  /** So many of them, with uids, and with `indexed` indexes, from 0. */
  many?: number;
  indexed?: true;
}

type Status = batchv1.JobStatus;

interface Case {
  name: string;
  spec: batchv1.JobSpec;
  status: Status;
  deleting?: true;
  pods: PodFacts[];
  verdict?: Verdict;
  /** The status has changed before. */
  changed?: true;
  statusFails?: true;
  patchFails?: true;
  statuses: (Status & { uncountedTerminatedPods?: { succeeded?: string[] | number } })[];
  patches: number;
  fails?: true;
  /** Pods that the counters tell of: succeeded and failed. */
  counts?: [number, number];
}

const uids = (count: number) => Array.from({ length: count }, (_, uid) => `${uid}`);

const podOf = ({ uid, phase, tracked, deleting, index, failures }: PodFacts, place: number): corev1.Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    ...{ name: `pod-${place}`, namespace: 'default', uid: uid ?? `uid-${place}` },
    annotations: { ...(index ? { [COMPLETION_INDEX]: index } : {}), ...(failures ? { [INDEX_FAILURES]: failures } : {}) },
    ...(tracked ? { finalizers: [TRACKING_FINALIZER] } : {}),
    ...(deleting ? { deletionTimestamp: at(0) } : {}),
  },
  status: { ...(phase ? { phase } : {}) },
});

const podsOf = (facts: readonly PodFacts[]): corev1.Pod[] =>
  facts
    .flatMap(({ many, indexed, ...one }) => (many ? uids(many).map((uid) => ({ ...one, uid, ...(indexed ? { index: uid } : {}) })) : [one]))
    .map(podOf);

/** Without times, but for when the Job has completed, and without what is nothing. */
function comparable({ terminating: _, uncountedTerminatedPods: lists, conditions, ...status }: Case['statuses'][number]) {
  const { succeeded = [], failed = [] } = lists ?? {};
  const shown = Object.entries(status).filter(([key, value]) => value !== 0 && (value !== '' || key === 'failedIndexes'));
  return {
    ...Object.fromEntries(shown),
    lists: { succeeded: typeof succeeded === 'number' ? uids(succeeded) : succeeded, failed },
    conditions: conditions?.map(({ type, status: is }) => `${type} ${is}`) ?? [],
  };
}

for (const one of cases.cases as unknown as Case[]) {
  test(one.name, async () => {
    const pods = podsOf(one.pods);
    const status = { uncountedTerminatedPods: {}, ...one.status };
    const { active, ...before } = status;
    const job: Job = {
      ...{ apiVersion: apiVersionOf(batchv1.jobs), kind: 'Job', spec: one.spec },
      metadata: { name: 'job', namespace: 'default', uid: 'job', ...(one.deleting ? { deletionTimestamp: at(0) } : {}) },
      status: one.changed ? before : status,
    };
    const world = { ...snapshotOf([]), object: job, owned: () => pods, note: () => undefined } as unknown as World<Job>;
    const terminating = pods.filter(isTerminating).length;
    const current: Status = { ...job.status, ...(active === undefined ? {} : { active }), ...(terminating > 0 ? { terminating } : {}) };
    const verdict = one.verdict && { ...one.verdict, lastTransitionTime: at(0) };
    // Upstream's test gives what was counted before as all that is counted so far.
    const counted = parseIndexes(one.status.completedIndexes, one.spec.completions ?? 0);
    const facts = { ...factsOf(world, nowAt(0)), previousIndexes: [], succeededIndexes: counted };
    const found = await carryOut(track(facts, current, verdict), job, (write) =>
      (write === 'updateStatus' && one.statusFails) || (write === 'patch' && one.patchFails) ? new Error('mock error') : undefined,
    );
    const expected = one.statuses.map((each) => ({ ...each, ...(each.completionTime ? { completionTime: timeText(nowAt(0)) } : {}) }));
    assert.deepEqual((found.statuses as Status[]).map(comparable), expected.map(comparable));
    assert.equal(found.attempts.patch ?? 0, one.patches);
    assert.equal(found.failure !== undefined, one.fails ?? false);
    const mode = one.spec.completionMode ?? 'NonIndexed';
    const told = ['succeeded', 'failed'].map((result) => found.tallies[`pods ${mode} ${result}`] ?? 0);
    if (one.counts) assert.deepEqual(told, one.counts);
  });
}
