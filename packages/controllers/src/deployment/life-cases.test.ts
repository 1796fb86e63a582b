// Upstream's cases about a Deployment's progress, its old pods and what it does with ReplicaSets that are there, as facts (progress_test.go,
// recreate_test.go and deployment_controller_test.go in pkg/controller/deployment of v1.36.3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1, type corev1, type KubeObject } from '@tiphys/api';
import { conditionOf } from '../conditions.ts';
import { controllerReference } from '../runtime/objects.ts';
import { at, deployment, nowAt, replicaSet } from '../testing/objects.ts';
import { planOf, snapshotOf } from '../testing/plan.ts';
import { deploymentController, deploymentOfPod } from './deployment-controller.ts';
import type { Draft } from './draft.ts';
import type { Deployment, ReplicaSet } from './replica-sets.ts';
import { oldPodsRun, rolloutRecreate } from './rollout.ts';
import { lateInMs, syncRolloutStatus } from './status.ts';

const INFINITE = 2 ** 31 - 1;

/** Wanted; then there, updated and available. */
function current(deadline: number | undefined, replicas: number, counts: number[], condition?: appsv1.DeploymentCondition): Deployment {
  const d = deployment('progress-test', replicas, { strategy: { type: 'Recreate' } });
  const { progressDeadlineSeconds: _, ...spec } = d.spec!;
  const [there = 0, updated = 0, available = 0] = counts;
  return {
    ...d,
    metadata: { ...d.metadata, generation: 0 },
    spec: { ...spec, ...(deadline === undefined ? {} : { progressDeadlineSeconds: deadline }) },
    status: { replicas: there, updatedReplicas: updated, availableReplicas: available, conditions: condition ? [condition] : [] },
  };
}

const progress = (status: string, reason: string, time?: string): appsv1.DeploymentCondition => ({
  type: 'Progressing',
  ...{ status, reason },
  ...(time ? { lastUpdateTime: time, lastTransitionTime: time } : {}),
});

const TIMED_OUT = progress('False', 'ProgressDeadlineExceeded');
const STUCK = progress('True', '', at(0));
const LATENESS: readonly { name: string; d: Deployment; nowMs?: number; expectedMs: number | undefined }[] = [
  { name: 'no deadline', d: current(undefined, 4, [3, 3, 2]), expectedMs: undefined },
  { name: 'an infinite deadline', d: current(INFINITE, 4, [3, 3, 2]), expectedMs: undefined },
  { name: 'no condition', d: current(60, 4, [3, 3, 2]), expectedMs: undefined },
  { name: 'complete', d: current(60, 3, [3, 3, 3]), expectedMs: undefined },
  { name: 'late already', d: current(60, 3, [3, 3, 0], TIMED_OUT), expectedMs: undefined },
  { name: 'stuck for 30 s', d: current(60, 3, [3, 3, 1], STUCK), nowMs: nowAt(30), expectedMs: 30_000 },
  { name: 'stuck, 1 s left', d: current(60, 3, [3, 3, 1], STUCK), nowMs: nowAt(59), expectedMs: 1000 },
  { name: 'late now', d: current(60, 3, [3, 3, 1], STUCK), nowMs: nowAt(60), expectedMs: 0 },
  { name: 'late since 1 s', d: current(60, 3, [3, 3, 1], STUCK), nowMs: nowAt(61), expectedMs: 0 },
  { name: 'late since a minute', d: current(60, 3, [3, 3, 1], STUCK), nowMs: nowAt(120), expectedMs: 0 },
];
test(`when to look again: ${LATENESS.length + 1} cases`, () => {
  for (const { name, d, nowMs = nowAt(0), expectedMs } of LATENESS) assert.equal(lateInMs(d, d.status!, nowMs), expectedMs, name);
  // Upstream takes less than a second for none, and looks again at once; a second later it is late in any case.
  const soon = current(60, 3, [3, 3, 1], STUCK);
  assert.ok(lateInMs(soon, soon.status!, nowAt(59) + 1)! < 1000);
});

const setOf = (name: string, replicas: number, there: number, available: number): ReplicaSet => ({
  ...replicaSet(name, replicas),
  status: { replicas: there, availableReplicas: available },
});
const draftOf = (d: Deployment, newSet: ReplicaSet | undefined, oldSets: ReplicaSet[], others: readonly KubeObject[] = []): Draft =>
  ({ world: { ...snapshotOf(others), object: d }, nowMs: nowAt(100), actions: [], d, newSet, oldSets }) as unknown as Draft;

interface Progress {
  name: string;
  d: Deployment;
  old?: ReplicaSet;
  fresh?: ReplicaSet;
  /** Status, reason, and whether each time stays. */
  expected: [string, string, { update?: true; transition?: true }] | undefined;
}

const UPDATED = progress('True', 'ReplicaSetUpdated', at(0));
const AVAILABLE = progress('True', 'NewReplicaSetAvailable', at(0));
const IS_UPDATED = ['True', 'ReplicaSetUpdated', {}] as Progress['expected'];
const IS_AVAILABLE = ['True', 'NewReplicaSetAvailable', {}] as Progress['expected'];
const bar = setOf('bar', 0, 1, 1);
const two = setOf('foo', 3, 2, 2);
const three = setOf('foo', 3, 3, 3);
const PROGRESS: readonly Progress[] = [
  { name: 'no deadline, no condition', d: current(undefined, 3, [2, 2, 2], UPDATED), old: bar, fresh: two, expected: undefined },
  {
    name: 'one active ReplicaSet is left alone',
    d: current(60, 3, [3, 3, 3], AVAILABLE),
    old: setOf('bar', 3, 3, 3),
    expected: ['True', 'NewReplicaSetAvailable', { update: true, transition: true }],
  },
  {
    name: 'progress while it is progressing',
    d: current(60, 3, [2, 2, 2], UPDATED),
    old: bar,
    fresh: two,
    expected: ['True', 'ReplicaSetUpdated', { transition: true }],
  },
  { name: 'progress after it was late', d: current(60, 3, [2, 2, 2], TIMED_OUT), old: bar, fresh: two, expected: IS_UPDATED },
  { name: 'progress without a condition', d: current(60, 3, [2, 2, 2]), old: bar, fresh: two, expected: IS_UPDATED },
  {
    name: 'complete while it is progressing',
    d: current(60, 3, [3, 3, 3], UPDATED),
    fresh: three,
    expected: ['True', 'NewReplicaSetAvailable', { transition: true }],
  },
  { name: 'complete after it was late', d: current(60, 3, [3, 3, 3], TIMED_OUT), fresh: three, expected: IS_AVAILABLE },
  { name: 'complete without a condition', d: current(60, 3, [3, 3, 3]), fresh: three, expected: IS_AVAILABLE },
  { name: 'complete without a ReplicaSet', d: current(60, 0, [3, 3, 3], UPDATED), old: setOf('foo', 0, 0, 0), expected: IS_AVAILABLE },
  { name: 'late', d: current(60, 3, [2, 2, 2], UPDATED), fresh: two, expected: ['False', 'ProgressDeadlineExceeded', {}] },
  { name: 'late already', d: current(60, 3, [2, 2, 2], TIMED_OUT), fresh: two, expected: ['False', 'ProgressDeadlineExceeded', {}] },
];
test(`the condition Progressing: ${PROGRESS.length} cases`, () => {
  for (const { name, d, old, fresh, expected } of PROGRESS) {
    const draft = draftOf(d, fresh, old ? [old] : []);
    syncRolloutStatus(draft);
    const written = draft.actions.find((action) => action.do === 'updateStatus')?.object as Deployment | undefined;
    const found = conditionOf((written ?? d).status?.conditions, 'Progressing');
    if (!expected) assert.equal(found, undefined, name);
    else {
      const [status, reason, { update, transition }] = expected;
      assert.deepEqual([found?.status, found?.reason], [status, reason], name);
      if (update) assert.equal(found?.lastUpdateTime, at(0), name);
      if (transition) assert.equal(found?.lastTransitionTime, at(0), name);
    }
  }
});

test('recreation takes the old ReplicaSets away: 1 case', () => {
  const draft = draftOf(deployment('foo', 3, { strategy: { type: 'Recreate' } }), undefined, [replicaSet('foo-0', 3)]);
  rolloutRecreate(draft);
  assert.deepEqual(
    draft.oldSets.map((set) => set.spec?.replicas),
    [0],
  );
});

const withUid = (uid: string): ReplicaSet => ({
  ...replicaSet(`foo-${uid}`, 0),
  metadata: { name: `foo-${uid}`, uid },
  status: { replicas: 0 },
});
const podsOf = (uid: string, phases: readonly string[]): corev1.Pod[] =>
  phases.map((phase, index) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `${uid}-${index}`, namespace: 'default', ownerReferences: [controllerReference(appsv1.replicasets, withUid(uid))] },
    status: { phase },
  }));
const RUNNING: readonly { name: string; sets: Record<string, string[]>; replicas?: number; expected: boolean }[] = [
  { name: 'no ReplicaSets', sets: {}, expected: false },
  { name: 'pods', sets: { some: ['', ''], other: ['', ''] }, expected: true },
  { name: 'no pods, replicas in the status', sets: { 'uid-1': [] }, replicas: 1, expected: true },
  { name: 'no pods', sets: { 'uid-1': [] }, expected: false },
  { name: 'pods that have ended', sets: { 'uid-1': ['Failed', 'Succeeded'] }, expected: false },
  { name: 'a pod nobody knows of', sets: { 'uid-1': ['Unknown'] }, expected: true },
  { name: 'a pending pod', sets: { 'uid-1': ['Pending'] }, expected: true },
  { name: 'a running pod', sets: { 'uid-1': ['Running'] }, expected: true },
  {
    name: 'pods that have ended and a pending one',
    sets: { 'uid-1': ['Failed', 'Succeeded'], 'uid-2': [], 'uid-3': ['Pending'] },
    expected: true,
  },
];
test(`old pods run: ${RUNNING.length} cases`, () => {
  for (const { name, sets, replicas = 0, expected } of RUNNING) {
    const oldSets = Object.keys(sets).map((uid) => ({ ...withUid(uid), status: { replicas } }));
    const pods = Object.entries(sets).flatMap(([uid, phases]) => podsOf(uid, phases));
    assert.equal(oldPodsRun(draftOf(deployment('foo', 1), undefined, oldSets, pods)), expected, name);
  }
});

const foo = (extra: Partial<appsv1.DeploymentSpec> = {}): Deployment => deployment('foo', 1, extra);
const ownedBy = (d: Deployment, set: ReplicaSet): ReplicaSet => ({
  ...set,
  metadata: { ...set.metadata, ownerReferences: [controllerReference(appsv1.deployments, d)] },
});
const podOf = (set: ReplicaSet, name = 'pod'): corev1.Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', ownerReferences: [controllerReference(appsv1.replicasets, set)] },
});

test("a pod's end wakes a Deployment that recreates, when it was the last: 4 cases", () => {
  const d = foo({ strategy: { type: 'Recreate' } });
  const set = ownedBy(d, replicaSet('foo-1', 1));
  const orphan = replicaSet('foo-2', 2);
  const woken = (...others: KubeObject[]) => deploymentOfPod(podOf(set), snapshotOf([d, set, ...others]));
  assert.deepEqual(woken(), ['default/foo']);
  assert.deepEqual(woken(podOf(set, 'another')), []);
  assert.deepEqual(woken(orphan), ['default/foo']);
  assert.deepEqual(woken(orphan, podOf(set, 'another')), []);
});

const done = (d: Deployment, others: readonly KubeObject[] = []) =>
  planOf(deploymentController, d, others, nowAt(0)).map((action) =>
    action.do === 'create' || action.do === 'update' || action.do === 'updateStatus' ? `${action.do} ${action.type.resource}` : action.do,
  );

test('whole syncs: 5 cases', () => {
  assert.deepEqual(done(foo()), ['create replicasets', 'after', 'updateStatus deployments']);
  const deleting = { ...foo(), metadata: { ...foo().metadata, deletionTimestamp: at(0) } };
  assert.deepEqual(done(deleting), ['updateStatus deployments']);
  assert.deepEqual(done(deleting, [replicaSet('rs1', 1)]), ['updateStatus deployments'], 'adopts nothing');
  const unobserved = foo({ selector: {} });
  delete unobserved.metadata!.generation;
  assert.deepEqual(done(unobserved), ['event']);
  const rollback = { 'deployment.kubernetes.io/revision': '2', 'deprecated.deployment.rollback.to': '0' };
  const d = { ...foo(), metadata: { ...foo().metadata, annotations: rollback } };
  const [first, second] = [1, 2].map((revision) => {
    const set = ownedBy(d, replicaSet(`rs-${revision}`, revision - 1));
    set.metadata!.annotations = { 'deployment.kubernetes.io/revision': `${revision}` };
    set.metadata!.labels = { ...set.metadata!.labels, 'pod-template-hash': 'hash' };
    return set;
  });
  first!.spec!.template!.spec!.terminationGracePeriodSeconds = 1;
  assert.deepEqual(done(d, [first!, second!]), ['update deployments', 'event']);
});
