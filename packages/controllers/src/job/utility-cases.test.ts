// Upstream's cases of the small questions about a Job and its pods as facts (backoff_utils_test.go, indexed_job_utils_test.go,
// tracking_utils_test.go, util/utils_test.go and parts of job_controller_test.go in pkg/controller/job of v1.36.3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { batchv1, corev1, OwnerReference } from '@tiphys/api';
import { statusError } from '@tiphys/machinery';
import { annotationsOf } from '../runtime/objects.ts';
import { carryOut } from '../testing/carry-out.ts';
import { at, nowAt } from '../testing/objects.ts';
import { planOf, snapshotOf } from '../testing/plan.ts';
import { finishedMs, INDEX_FAILURES, INDEX_IGNORED_FAILURES, indexFailures, indexRemainingMs, nextRecord, remainingMs } from './backoff.ts';
import { finalizerTally, handledTallies } from './counters.ts';
import { type Facts, factsOf, isFinished, isIndexFailed, jobCondition, TRACKING_FINALIZER } from './facts.ts';
import { COMPLETION_INDEX, type Indexes } from './indexes.ts';
import { jobController } from './job-controller.ts';
import { jobOrphanController } from './job-orphan-controller.ts';
import { failureCounts, generatedName, indexesToCreate, misplaced } from './pods.ts';
import type { Job } from './policies.ts';
import { condition, ensured } from './verdict.ts';

const JOB = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'foobar', namespace: 'default', uid: 'job-uid' } };
const template = { metadata: { labels: { foo: 'bar' } }, spec: { containers: [{ name: '', image: 'foo/bar' }] } } as corev1.PodTemplateSpec;
const jobOf = (spec: Partial<batchv1.JobSpec>, status: batchv1.JobStatus = {}): Job => ({ ...JOB, spec: { template, ...spec }, status });

interface PodFacts {
  uid?: string;
  index?: string;
  failures?: string;
  ignored?: string;
  phase?: string;
  tracked?: boolean;
  deletedMs?: number;
  status?: corev1.PodStatus;
}

let made = 0;
function podOf({
  uid = `uid-${made++}`,
  index,
  failures,
  ignored,
  phase = 'Failed',
  tracked = true,
  deletedMs,
  status,
}: PodFacts): corev1.Pod {
  const annotations = {
    ...(index === undefined ? {} : { [COMPLETION_INDEX]: index }),
    ...(failures === undefined ? {} : { [INDEX_FAILURES]: failures }),
    ...(ignored === undefined ? {} : { [INDEX_IGNORED_FAILURES]: ignored }),
  };
  return {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      ...{ name: uid, namespace: 'default', uid, annotations },
      ...(tracked ? { finalizers: [TRACKING_FINALIZER] } : {}),
      ...(deletedMs === undefined ? {} : { deletionTimestamp: new Date(deletedMs).toISOString() }),
    },
    status: { phase, ...status },
  };
}

const endedAt = (ms: number, phase: string): corev1.Pod => ({
  status: {
    phase,
    containerStatuses: [{ state: { terminated: { exitCode: 0, finishedAt: new Date(ms).toISOString() } } } as corev1.ContainerStatus],
  },
});

test('failures since the last success: 8 cases', () => {
  const now = nowAt(0);
  const next = (before: number, succeeded: number[], failed: number[]) => {
    const pods = (times: number[], phase: string) => times.map((ms) => endedAt(now + ms, phase));
    const record = before > 0 ? { failures: before, lastFailureMs: now - 5 } : undefined;
    const { failures, lastFailureMs } = nextRecord(record, pods(succeeded, 'Succeeded'), pods(failed, 'Failed'));
    return failures === 0 ? [0] : [failures, lastFailureMs - now];
  };
  assert.deepEqual(next(0, [], [0]), [1, 0]);
  assert.deepEqual(next(0, [], [0, -1]), [2, 0]);
  assert.deepEqual(next(0, [0], [-2, -1]), [0]);
  assert.deepEqual(next(0, [-2], [0, -4, -3, -1]), [2, 0]);
  assert.deepEqual(next(2, [], [0]), [3, 0]);
  assert.deepEqual(next(0, [0], [0]), [0]);
  assert.deepEqual(next(0, [], []), [0]);
  assert.deepEqual(next(0, [0], []), [0]);
});

const ended = (seconds?: number) => ({
  state: { terminated: { exitCode: 0, ...(seconds === undefined ? {} : { finishedAt: at(seconds) }) } },
});
const running = { state: { running: {} } };
const podWith = (statuses: object[], metadata: object = {}, more: object = {}): corev1.Pod =>
  ({ metadata, status: { containerStatuses: statuses, ...more } }) as corev1.Pod;
const ready = (status: string, seconds: number) => ({ conditions: [{ type: 'Ready', status, lastTransitionTime: at(seconds) }] });
test('when a pod has finished: 8 cases', () => {
  const sidecar = {
    spec: { containers: [], initContainers: [{ name: 'sidecar', restartPolicy: 'Always' }] },
    status: { containerStatuses: [ended(-1)], initContainerStatuses: [{ ...ended(0), name: 'sidecar' }] },
  } as unknown as corev1.Pod;
  for (const pod of [
    podWith([ended(-1), ended(0), ended(-2)]),
    podWith([ended(-1), running, ended(-2)], { deletionTimestamp: at(0) }),
    podWith([running], { deletionTimestamp: at(0) }),
    podWith([ended()], {}, ready('False', 0)),
    podWith([ended()], { deletionTimestamp: at(0) }, ready('True', -30)),
    podWith([ended()], { creationTimestamp: at(0) }),
    sidecar,
  ])
    assert.equal(finishedMs(pod), nowAt(0), JSON.stringify(pod));
  assert.equal(finishedMs(podWith([running], { deletionTimestamp: at(0), deletionGracePeriodSeconds: 30 })), nowAt(-30));
});

const LIMITS = { firstMs: 5000, mostMs: 700_000 };
test('how long a replacement waits: 11 cases', () => {
  const remaining = (failures: number, seconds: number) =>
    remainingMs({ failures, lastFailureMs: nowAt(0) }, nowAt(seconds), LIMITS) / 1000;
  assert.deepEqual([remaining(0, 0), remaining(1, 0), remaining(1, 1), remaining(1, 5), remaining(1, 6)], [0, 5, 4, 0, 0]);
  assert.deepEqual([remaining(3, 0), remaining(8, 0), remaining(9, 0)], [20, 640, 700]);
  const ofIndex = (pod: corev1.Pod | undefined) => indexRemainingMs(pod, nowAt(0), LIMITS) / 1000;
  assert.equal(ofIndex(undefined), 0);
  assert.equal(ofIndex(podOf({ failures: '2', deletedMs: nowAt(0) })), 20);
  assert.equal(ofIndex(podOf({ failures: '1', ignored: '1', deletedMs: nowAt(0) })), 20);
});

const FAIL_INDEX = { rules: [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [3] } }] };
const exited = (exitCode: number) => ({ containerStatuses: [{ state: { terminated: { exitCode } } }] }) as unknown as corev1.PodStatus;
test('an index has failed: 3 cases', () => {
  const failed = (backoffLimitPerIndex: number, pod: PodFacts, podFailurePolicy?: batchv1.PodFailurePolicy) =>
    isIndexFailed(jobOf({ completions: 2, backoffLimitPerIndex, ...(podFailurePolicy ? { podFailurePolicy } : {}) }), podOf(pod));
  assert.equal(failed(0, { index: '0', failures: '0' }), true);
  assert.equal(failed(1, { index: '1', failures: '1' }), true);
  assert.equal(failed(1, { index: '0', failures: '0', status: exited(3) }, FAIL_INDEX), true);
});

function factsWith(completions: number, backoffLimitPerIndex: number, pods: readonly PodFacts[], failedIndexes?: string): Facts {
  const spec = { completions, backoffLimitPerIndex, completionMode: 'Indexed' };
  const job = jobOf(spec, failedIndexes === undefined ? {} : { failedIndexes });
  const world = { ...snapshotOf([]), object: job, owned: () => pods.map(podOf), note: () => undefined };
  return factsOf(world as any, nowAt(0));
}

test('pods that have finished: 4 cases', () => {
  const counts = (status: batchv1.JobStatus, pods: string[]) => {
    // As in `a Succeeded +`: its uid, phase, the finalizer, and that it is being deleted.
    const facts = pods.map((text) => {
      const [uid, phase, ...marks] = text.split(' ');
      return podOf({ uid: uid!, phase: phase!, tracked: marks.includes('+'), ...(marks.includes('deleting') ? { deletedMs: 0 } : {}) });
    });
    const world = { ...snapshotOf([]), object: jobOf({}, status), owned: () => facts, note: () => undefined };
    const { succeeded, failed } = factsOf(world as any, nowAt(0));
    return [succeeded, failed];
  };
  const some = ['a Succeeded', 'b Succeeded +', 'c Succeeded +', 'd Failed', 'e Failed +', 'f Running'];
  assert.deepEqual(counts({ succeeded: 2, failed: 1 }, some), [4, 2]);
  const uncounted = ['a Succeeded', 'b Succeeded', 'c Succeeded +', 'd Succeeded +', 'e Failed', 'f Failed +', 'g Failed +'];
  const lists = { succeeded: ['a', 'c'], failed: ['e', 'f'] };
  assert.deepEqual(counts({ succeeded: 1, failed: 1, uncountedTerminatedPods: lists }, uncounted), [4, 4]);
  const expected = ['a Succeeded', 'b Succeeded', 'c Succeeded +', 'd Failed', 'e Failed +', 'f Failed', 'g Failed +'];
  assert.deepEqual(counts({ succeeded: 2, failed: 2, uncountedTerminatedPods: { succeeded: ['a'], failed: ['d'] } }, expected), [4, 5]);
  const phases = ['a Succeeded +', 'b Failed +', 'c Running +', 'd Pending +', 'e Running', 'f Pending'];
  const deleting = phases.map((text) => `${text} deleting`);
  assert.deepEqual(counts({ succeeded: 1, failed: 1 }, deleting), [2, 4]);
});

const pairs = (indexes: Indexes | undefined) => indexes?.map(({ first, last }) => [first, last]);
test('indexes that have failed: 6 cases', () => {
  const failed = (limit: number, pods: PodFacts[], before?: string) => pairs(factsWith(2, limit, pods, before).failedIndexes);
  const one = { index: '1', failures: '0' };
  assert.deepEqual(
    failed(1, [
      { index: '0', failures: '0' },
      { index: '1', failures: '1' },
    ]),
    [[1, 1]],
  );
  assert.deepEqual(failed(0, [{ index: '0', failures: '0', tracked: false }]), []);
  assert.deepEqual(failed(0, [{ index: '3', failures: '0', tracked: false }]), []);
  assert.deepEqual(failed(0, [one], '0'), [[0, 1]]);
  assert.deepEqual(failed(0, [one], ''), [[1, 1]]);
  assert.deepEqual(failed(0, [one], '9'), [[1, 1]]);
});

test('failed pods that are kept for their replacement: 8 cases', () => {
  const kept = (completions: number, limit: number, pods: PodFacts[]) =>
    [...factsWith(completions, limit, pods).delayed.values()].map((pod) => pod.metadata?.uid).sort();
  const pod = (uid: string, failures: string, index = '0', more: PodFacts = {}): PodFacts => ({ uid, failures, index, ...more });
  assert.deepEqual(kept(3, 1, [pod('a', '0'), pod('b', '1', '1'), pod('c', '0', '2')]), ['a', 'c']);
  // Without its finalizer, and where upstream expects that it will go.
  assert.deepEqual(kept(2, 0, [pod('a', '0', '0', { tracked: false })]), []);
  assert.deepEqual(kept(2, 1, [pod('a', '0', '0', { tracked: false })]), []);
  assert.deepEqual(kept(2, 0, [pod('a', '0', '4')]), []);
  assert.deepEqual(kept(2, 1, [pod('a1', '0'), pod('a2', '1', '0', { phase: 'Running' })]), []);
  assert.deepEqual(kept(2, 1, [pod('a1', '0'), pod('a2', '1', '0', { phase: 'Succeeded' })]), []);
  assert.deepEqual(kept(2, 4, [pod('a1', '0'), pod('a3', '2'), pod('a2', '1')]), ['a3']);
  const deleted = (uid: string, seconds: number) => pod(uid, '1', '0', { deletedMs: nowAt(seconds) });
  assert.deepEqual(kept(2, 4, [deleted('a1', -1), deleted('a3', 0), deleted('a2', -2)]), ['a3']);
});

const DISRUPTED = { conditions: [{ type: 'DisruptionTarget', status: 'True' }] } as corev1.PodStatus;
const IGNORE = { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }] };
test('failures that the replacement carries on: 4 cases', () => {
  const counts = (replaced?: PodFacts, podFailurePolicy?: batchv1.PodFailurePolicy) => {
    const job = jobOf({ backoffLimitPerIndex: 1, ...(podFailurePolicy ? { podFailurePolicy } : {}) });
    const found = failureCounts(job, replaced && podOf(replaced));
    return [found[INDEX_FAILURES], found[INDEX_IGNORED_FAILURES]];
  };
  assert.deepEqual(counts(), ['0', undefined]);
  assert.deepEqual(counts({ index: '0', failures: '0' }), ['1', undefined]);
  assert.deepEqual(counts({ index: '0', failures: '3' }), ['4', undefined]);
  assert.deepEqual(counts({ index: '3', failures: '3', status: DISRUPTED }, IGNORE), ['3', '1']);
});

test('pods of one index too many: 3 cases', () => {
  const sorted = (list: readonly corev1.Pod[]) =>
    list.map((pod) => `${annotationsOf(pod)[COMPLETION_INDEX] ?? '-'} ${pod.status?.phase}`).sort();
  const found = (...pods: string[]) => {
    const active = pods.map((text) => {
      const [index, phase] = text.split(' ');
      return podOf({ ...(index === 'none' ? {} : { index: index! }), phase: phase! });
    });
    const { pods: removed, left } = misplaced({ job: jobOf({ completions: 6 }), active, nowMs: nowAt(0) });
    return { removed: sorted(removed), left: sorted(left) };
  };
  assert.deepEqual(found('none Pending', '2 Pending', '5 Running', '6 Running'), {
    removed: ['- Pending', '6 Running'],
    left: ['2 Pending', '5 Running'],
  });
  assert.deepEqual(found('5 Pending', '0 Running', '3 Pending', '0 Running', '3 Running', '0 Pending', '6 Running', '6 Pending'), {
    removed: ['0 Pending', '0 Running', '3 Pending', '6 Pending', '6 Running'],
    left: ['0 Running', '3 Running', '5 Pending'],
  });
  assert.deepEqual(found('none Pending', 'invalid Running', '-2 Running', '0 Pending', '1 Pending', '1 Pending', '1 Running'), {
    removed: ['- Pending', '-2 Running', '1 Pending', '1 Pending', 'invalid Running'],
    left: ['0 Pending', '1 Running'],
  });
});

test('names of indexed pods: 3 cases', () => {
  const half = 'hhhhhoooooh'.slice(0, 10);
  assert.equal(generatedName('indexed-job', 1), 'indexed-job-1-');
  assert.equal(generatedName(half.repeat(7), 1), `${half.repeat(5)}hhhhh-1-`);
  assert.equal(generatedName(`${half.repeat(5)}hhhhhoo`, 1), `${half.repeat(5)}hhhhh-1-`);
});

test('the count of failures in an annotation: 6 cases', () => {
  const count = (failures?: string) => indexFailures(podOf(failures === undefined ? {} : { failures }));
  assert.deepEqual([count(), count('2'), count('2147483647')], [0, 2, 2 ** 31 - 1]);
  assert.deepEqual([count('2147483648'), count('-1'), count('xyz')], [0, 0, 0]);
});

test('which indexes may be created now: 5 cases', () => {
  const creatable = (wanted: number[], delayed: Record<number, PodFacts>) => {
    const free = new Set(wanted);
    const succeededIndexes = [0, 1, 2, 3].filter((index) => !free.has(index)).map((index) => ({ first: index, last: index }));
    const facts = {
      ...factsWith(4, 6, []),
      succeededIndexes,
      delayed: new Map(Object.entries(delayed).map(([index, pod]) => [Number(index), podOf(pod)])),
    };
    const { indexes, waitMs } = indexesToCreate(facts, 4);
    return [indexes, waitMs];
  };
  const failed = (failures: string, seconds: number): PodFacts => ({ failures, deletedMs: nowAt(seconds) });
  assert.deepEqual(creatable([1, 3], {}), [[1, 3], 0]);
  assert.deepEqual(creatable([1, 3], { 1: failed('0', 0) }), [[3], 0]);
  assert.deepEqual(creatable([1, 3], { 1: failed('0', 0), 3: failed('0', -10) }), [[3], 0]);
  assert.deepEqual(creatable([1, 2, 3], { 1: failed('1', 0), 2: failed('0', 0), 3: failed('2', 0) }), [[], 10_000]);
  assert.deepEqual(creatable([1, 2, 3], { 1: failed('1', -1), 2: failed('0', -1), 3: failed('2', -1) }), [[], 9000]);
});

test('conditions: 6 cases', () => {
  const suspended = (status: string, reason: string) => condition(nowAt(0), 'Suspended', reason, '', status);
  const foo = suspended('True', 'foo');
  assert.deepEqual(ensured([], foo), [foo]);
  assert.equal(ensured([], suspended('False', 'foo')), undefined);
  assert.deepEqual(ensured([foo], suspended('True', 'bar')), [suspended('True', 'bar')]);
  assert.deepEqual(ensured([foo], suspended('False', 'foo')), [suspended('False', 'foo')]);
  assert.deepEqual(ensured([suspended('False', 'foo')], foo), [foo]);
  assert.equal(ensured([foo], foo), undefined);
});

test('finished: 12 cases', () => {
  const finished = (...conditions: [string, string][]) => {
    const job = jobOf({}, { conditions: conditions.map(([type, status]) => ({ type, status })) });
    return isFinished(job) ? (jobCondition(job, 'Complete') ?? jobCondition(job, 'Failed'))!.type : undefined;
  };
  assert.equal(finished(), undefined);
  for (const type of ['Complete', 'Failed']) {
    assert.equal(finished([type, 'True']), type);
    assert.equal(finished([type, 'False']), undefined);
    assert.equal(finished([type, 'Unknown']), undefined);
  }
  assert.equal(finished(['Suspended', 'False'], ['Complete', 'True'], ['Failed', 'False']), 'Complete');
  assert.equal(finished(['Suspended', 'False'], ['Complete', 'False'], ['Failed', 'False']), undefined);
  const succeeded = (...conditions: batchv1.JobCondition[]) => jobCondition({ status: { conditions } }, 'Complete') !== undefined;
  assert.equal(succeeded(), false);
  assert.equal(succeeded({ type: 'Suspended', status: 'False' }, { type: 'Complete', status: 'True' }), true);
  assert.equal(succeeded({ type: 'Failed', status: 'True' }, { type: 'Complete', status: 'False' }), false);
});

test('the tracking finalizer of pods that have ended is counted: 5 cases', () => {
  const told = (old: PodFacts | undefined, now: PodFacts | undefined) => finalizerTally(old && podOf(old), now && podOf(now))?.labels[0];
  assert.equal(told(undefined, { phase: 'Pending' }), undefined);
  assert.equal(told({ phase: 'Running' }, { phase: 'Failed' }), 'add');
  assert.equal(told({ phase: 'Running' }, { phase: 'Succeeded' }), 'add');
  assert.equal(told({ phase: 'Succeeded' }, { phase: 'Succeeded', tracked: false }), 'delete');
  assert.equal(told({ phase: 'Succeeded', tracked: false }, undefined), undefined);
});

test('what the failure policy did is counted: 3 cases', () => {
  const told = (handled: [string, number][]) =>
    handledTallies(new Map(handled)).map((action) => (action.do === 'tally' ? `${action.counter} ${action.labels} ${action.by}` : ''));
  assert.deepEqual(told([]), []);
  assert.deepEqual(told([['FailJob', 2]]), ['handled FailJob 2']);
  assert.deepEqual(
    told([
      ['FailJob', 2],
      ['Ignore', 3],
      ['Count', 1],
    ]),
    ['handled FailJob 2', 'handled Ignore 3', 'handled Count 1'],
  );
});

const reference = (apiVersion: string, kind: string, name: string, controller: boolean): OwnerReference => ({
  ...{ apiVersion, kind, name, uid: '111' },
  ...(controller ? { controller, blockOwnerDeletion: true } : {}),
});
const ORPHANS: readonly { name: string; owner?: OwnerReference; job?: 'running' | 'finished'; dropped: boolean }[] = [
  { name: 'not controlled', dropped: true },
  { name: 'its label is selected', dropped: true },
  { name: 'of another kind named Job', owner: reference('example/v1', 'Job', 'job', true), dropped: false },
  { name: 'of another kind named Job, no controller', owner: reference('example/v1', 'Job', 'job', false), dropped: true },
  { name: 'of a CronJob', owner: reference('batch/v1', 'CronJob', 'cj', true), dropped: false },
  { name: 'of a Job that is not there', owner: reference('batch/v1', 'Job', 'j', true), dropped: true },
  { name: 'of a Job that has finished', owner: reference('batch/v1', 'Job', 'j', true), job: 'finished', dropped: true },
  { name: 'of a Job that runs', owner: reference('batch/v1', 'Job', 'j', true), job: 'running', dropped: false },
  { name: 'of a Job that runs, no controller', owner: reference('batch/v1', 'Job', 'j', false), job: 'running', dropped: true },
];
test(`finalizers of pods that no Job counts: ${ORPHANS.length} cases`, () => {
  for (const { name, owner, job, dropped } of ORPHANS) {
    const pod = podOf({ phase: 'Running' });
    const owned = { ...pod, metadata: { ...pod.metadata, ...(owner ? { ownerReferences: [owner] } : {}) } };
    const conditions = job === 'finished' ? [{ type: 'Complete', status: 'True' }] : [];
    const jobs = job ? [{ ...jobOf({}, { conditions }), metadata: { name: 'j', namespace: 'default', uid: '111' } }] : [];
    assert.equal(planOf(jobOrphanController, owned, jobs).length > 0, dropped, name);
  }
});

test('an orphan is looked at when it is seen and when its Job is gone or has finished: 3 cases', () => {
  const pod = podOf({ phase: 'Running' });
  const owned = { ...pod, metadata: { ...pod.metadata, ownerReferences: [reference('batch/v1', 'Job', 'j', true)] } };
  const snapshot = snapshotOf([owned]);
  const [watch] = jobOrphanController.watches!;
  const job = (conditions: batchv1.JobCondition[]) => ({
    ...jobOf({}, { conditions }),
    metadata: { name: 'j', namespace: 'default', uid: '111' },
  });
  const woken = (one: Job, gone: boolean) => watch!.keys(one, snapshot, { gone }).length;
  assert.equal(jobOrphanController.triggers!(pod, undefined), true);
  assert.deepEqual([woken(job([]), true), woken(job([]), false)], [1, 0]);
  assert.equal(woken(job([{ type: 'Complete', status: 'True' }]), false), 1);
});

test('whole syncs besides the tables: 11 cases', async () => {
  const started = { active: 1, ready: 1, startTime: at(0) };
  const synced = async (job: Job, nowSeconds = 0, fails?: Error) =>
    carryOut(planOf(jobController, job, [], nowAt(nowSeconds)), job, (write) => (write === 'updateStatus' ? fails : undefined));
  const two = { parallelism: 2, completions: 2, backoffLimit: 6, selector: { matchLabels: { foo: 'bar' } } };
  for (const [managedBy, active] of [
    [undefined, 2],
    ['kubernetes.io/job-controller', 2],
    ['custom-managed-by', undefined],
  ] as const) {
    const { status } = await synced(jobOf({ ...two, ...(managedBy ? { managedBy } : {}) }, started));
    assert.equal((status as batchv1.JobStatus | undefined)?.active, active);
  }
  const late = { ...two, parallelism: 1, completions: 1, activeDeadlineSeconds: 1 };
  const fresh = await synced(jobOf(late));
  assert.equal((fresh.status as batchv1.JobStatus).startTime, at(0));
  assert.deepEqual((await synced(jobOf(late, fresh.status as batchv1.JobStatus))).wakesMs, [nowAt(1)]);
  const notFailed = {
    type: 'Failed',
    status: 'False',
    reason: 'DeadlineExceeded',
    message: 'Job was active longer than specified deadline',
  };
  const over = await synced(jobOf({ ...late, activeDeadlineSeconds: 10 }, { startTime: at(-15), conditions: [notFailed] }));
  const failed = (over.status as batchv1.JobStatus).conditions?.filter(({ type }) => type === 'Failed');
  assert.deepEqual([failed?.length, failed?.[0]?.status, over.deleted.length], [1, 'True', 0]);
  const complete = jobOf(two, { conditions: [{ type: 'Complete', status: 'True' }] });
  assert.deepEqual((await synced(complete)).attempts, {});
  assert.deepEqual((await synced({ ...jobOf(two), metadata: { ...JOB.metadata, deletionTimestamp: at(0) } })).created, []);
  for (const error of [
    undefined,
    new Error('update error'),
    statusError.conflict({ group: 'batch', resource: 'jobs' }, 'foobar', 'changed'),
  ])
    assert.equal((await synced(jobOf(two), 0, error)).failure, error);
});
