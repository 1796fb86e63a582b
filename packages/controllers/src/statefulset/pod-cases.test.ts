// Upstream's cases of what is done with one pod, its claims and the status of a StatefulSet as facts (stateful_pod_control_test.go,
// stateful_set_status_updater_test.go, stateful_set_compatibility_test.go and the rest of stateful_set_utils_test.go in
// pkg/controller/statefulset of v1.36.3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1, corev1, type OwnerReference } from '@tiphys/api';
import { StatusError, statusError } from '@tiphys/machinery';
import { targetRevision } from '../history/revisions.ts';
import { labelsOf } from '../runtime/objects.ts';
import type { Carried } from '../testing/carry-out.ts';
import { snapshotOf } from '../testing/plan.ts';
import { assertMembers, SetStage, type StatefulSet, scaleUp, setOf } from '../testing/stateful-sets.ts';
import { hasIdleOwner, isOwnedBy, matches, ownersAreRight, policyOf, retentionWrites, sameOwners } from './claims.ts';
import { identityMatches, newPod, storageMatches } from './identity.ts';

const pods = corev1.pods;
const claims = corev1.persistentvolumeclaims;
const DOWN = new StatusError(500, 'InternalError', 'Internal error occurred: API server down');
const CONFLICT = statusError.conflict({ group: '', resource: 'pods' }, 'foo-0', 'conflict');

/** One pod that is up, as the set wants it. */
async function up(): Promise<SetStage> {
  const stage = new SetStage(setOf(1));
  await scaleUp(stage, assertMembers);
  return stage;
}

const spoil = (stage: SetStage, change: (pod: corev1.Pod) => corev1.Pod) => stage.put(pods, change(stage.pod(0)));
const unnamed = (pod: corev1.Pod): corev1.Pod => {
  const { 'statefulset.kubernetes.io/pod-name': _, ...labels } = labelsOf(pod);
  return { ...pod, metadata: { ...pod.metadata, labels: { ...labels, 'statefulset.kubernetes.io/pod-name': 'goo-0' } } };
};
const unmounted = (pod: corev1.Pod): corev1.Pod => ({
  ...pod,
  spec: { ...pod.spec!, volumes: pod.spec!.volumes!.filter((volume) => !volume.persistentVolumeClaim) },
});

interface PodCase {
  name: string;
  arrange: (stage: SetStage) => void;
  events: string[];
  fails?: true;
  /** After a second try. */
  right?: (stage: SetStage) => boolean;
}

const isNamed = (stage: SetStage) => identityMatches(stage.object, stage.pod(0));
const isMounted = (stage: SetStage) => storageMatches(stage.object, stage.pod(0)) && stage.claimOf(stage.pod(0)) !== undefined;
const withoutClaim = (stage: SetStage) => {
  spoil(stage, unmounted);
  stage.drop(claims, 'datadir-foo-0');
};
const UPDATES: readonly PodCase[] = [
  { name: 'nothing to do', arrange: () => undefined, events: [] },
  { name: 'its identity', arrange: (stage) => spoil(stage, unnamed), events: ['SuccessfulUpdate'], right: isNamed },
  {
    name: 'its identity, and that fails',
    arrange: (stage) => {
      spoil(stage, unnamed);
      stage.fail({ do: 'update', type: pods }, DOWN);
    },
    events: ['FailedUpdate'],
    fails: true,
  },
  { name: 'its storage', arrange: withoutClaim, events: ['SuccessfulCreate', 'SuccessfulUpdate'], right: isMounted },
  {
    name: 'its storage, and the claim fails',
    arrange: (stage) => {
      withoutClaim(stage);
      stage.fail({ do: 'create', type: claims }, DOWN);
    },
    events: ['FailedCreate', 'FailedUpdate'],
    fails: true,
  },
];
test(`updates of a pod: ${UPDATES.length + 1} cases`, async () => {
  for (const { name, arrange, events, fails = false, right } of UPDATES) {
    const stage = await up();
    arrange(stage);
    const carried = await stage.sync();
    assert.deepEqual(carried.events, events, name);
    assert.equal(carried.failure !== undefined, fails, name);
    if (right) assert.ok(right(stage), name);
  }
  const stage = await up();
  spoil(stage, unnamed);
  stage.fail({ do: 'update', type: pods }, CONFLICT);
  // Upstream tries again at once; here the next plan does, and nothing is told of the first.
  assert.deepEqual((await stage.sync()).events, []);
  assert.deepEqual((await stage.sync()).events, ['SuccessfulUpdate']);
  assert.ok(isNamed(stage));
});

test('deletions of a pod: 3 cases', async () => {
  for (const [error, event, fails] of [
    [undefined, 'SuccessfulDelete', false],
    [statusError.notFound({ group: '', resource: 'pods' }, 'foo-0'), 'SuccessfulDelete', false],
    [DOWN, 'FailedDelete', true],
  ] as const) {
    const stage = await up();
    stage.change({ replicas: 0 });
    if (error) stage.fail({ do: 'delete', type: pods }, error);
    const carried: Carried = await stage.sync();
    assert.deepEqual(carried.events, [event]);
    assert.equal(carried.failure !== undefined, fails);
  }
});

const policy = (whenDeleted: string, whenScaled = 'Retain') => ({ persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } });
const claimOf = (ownerReferences: OwnerReference[] = []): corev1.PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'datadir-foo-0', namespace: 'default', uid: 'claim', ownerReferences },
});
const bySet: OwnerReference = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'foo', uid: 'test', controller: true };
const someone: OwnerReference = { apiVersion: '', kind: '', name: 'foobar', uid: '', controller: true };

test('claims follow the retention policy: 9 cases', async () => {
  const retain = setOf(3, policy('Retain'));
  const withSet = setOf(3, policy('Delete'));
  const pod = newPod(retain, retain.spec!.template, 'rev', 0);
  assert.equal(ownersAreRight(claimOf(), retain, pod), true);
  assert.equal(ownersAreRight(claimOf(), withSet, pod), false);
  const written = (set: StatefulSet, claim: corev1.PersistentVolumeClaim) =>
    retentionWrites(set, pod, snapshotOf([claim])).flatMap((action) =>
      action.do === 'update' ? [action.object.metadata!.ownerReferences!] : [],
    );
  assert.deepEqual(
    written(withSet, claimOf()).map((owners) => owners.map(({ uid }) => uid)),
    [['test']],
  );
  assert.deepEqual(written(withSet, claimOf([someone])), []);
  // Whole syncs: the set goes, comes, and comes when the claim does.
  for (const [whenDeleted, before, after] of [
    ['Retain', [bySet], false],
    ['Delete', [], true],
  ] as const) {
    const stage = await up();
    stage.change(policy(whenDeleted));
    stage.put(claims, claimOf([...before]));
    await stage.sync();
    assert.equal(isOwnedBy(stage.claimOf(stage.pod(0))!, stage.object), after);
  }
  const stage = await up();
  stage.change(policy('Delete'));
  stage.drop(claims, 'datadir-foo-0');
  assert.equal((await stage.sync()).failure, undefined);
  stage.put(claims, claimOf());
  assert.equal((await stage.sync()).failure, undefined);
  assert.ok(isOwnedBy(stage.claimOf(stage.pod(0))!, stage.object));
  for (const whenScaled of ['Retain', 'Delete'])
    assert.deepEqual(policyOf(setOf(1, policy('Retain', whenScaled))), { whenDeleted: 'Retain', whenScaled });
});

test('references: 15 cases', () => {
  const fred: OwnerReference = { apiVersion: 'v1', kind: 'Pod', name: 'fred', uid: 'abc' };
  const named = (name: string, uid: string) => ({ metadata: { name, uid } });
  assert.equal(matches(fred, pods, named('fred', 'abc')), true);
  assert.equal(matches(fred, pods, named('fred', 'not-matching')), true);
  assert.equal(matches(fred, pods, named('joan', 'abc')), false);
  assert.equal(matches({ ...fred, apiVersion: 'beta2' }, pods, named('fred', 'abc')), false);
  const owned = claimOf([
    { ...fred, uid: '123', controller: true },
    { ...fred, uid: '456', controller: false },
    { ...fred, uid: '789' },
  ]);
  assert.deepEqual(
    ['123', '456', '789', '012'].map((uid) => isOwnedBy(owned, named('', uid))),
    [true, true, true, false],
  );
  const owners = (...names: string[]) => names.map((name) => ({ ...fred, name }));
  assert.equal(sameOwners(owners('foo'), []), false);
  assert.equal(sameOwners(owners('foo'), owners('foo')), true);
  assert.equal(sameOwners(owners('foo'), owners('bar')), false);
  assert.equal(sameOwners(owners('foo', 'bob'), owners('foo', 'alice')), false);
  assert.equal(sameOwners(owners('foo', 'bob'), owners('foo', 'bob')), true);
  assert.equal(sameOwners(owners('foo', 'bob'), owners('foo', 'bob', 'bob')), false);
  assert.equal(sameOwners(owners('foo', 'bob'), owners('bob', 'foo')), true);
});

test('owners that do not control: 10 cases', () => {
  const of = (name: string, controller?: boolean): OwnerReference => ({
    ...{ apiVersion: 'v1', kind: name, name, uid: name },
    ...(controller === undefined ? {} : { controller }),
  });
  const idle = (...references: OwnerReference[]) =>
    hasIdleOwner(claimOf(references), { metadata: { name: 'set', uid: 'set' } }, { metadata: { name: 'pod', uid: 'pod' } });
  assert.equal(idle(of('pod', true), of('set', true)), false);
  assert.equal(idle(of('pod'), of('set', true)), true);
  assert.equal(idle(of('pod', true), of('set')), true);
  assert.equal(idle(of('set', true)), false);
  assert.equal(idle(of('pod', true)), false);
  assert.equal(idle(), false);
  assert.equal(idle(of('set')), true);
  assert.equal(idle(of('set', false)), true);
  assert.equal(idle(of('pod')), true);
  assert.equal(idle({ ...of('pod'), uid: 'not-matching' }), false);
});

test('the status that is written: 6 cases', async () => {
  const stage = await up();
  assert.deepEqual([stage.status.replicas, stage.status.availableReplicas], [1, 1]);
  stage.object = { ...stage.object, metadata: { ...stage.object.metadata, generation: 3 } };
  await stage.sync();
  assert.equal(stage.status.observedGeneration, 3);
  const failing = async (error: Error) => {
    const one = new SetStage(setOf(3));
    one.fail({ do: 'updateStatus', type: appsv1.statefulsets }, error);
    return [await one.sync(), await one.sync(), one] as const;
  };
  assert.equal((await failing(DOWN))[0].failure, DOWN);
  const [first, second, one] = await failing(CONFLICT);
  assert.deepEqual([first.failure, second.failure], [CONFLICT, undefined]);
  assert.equal(one.requests['updateStatus statefulsets'], 2);
});

test('revisions of earlier versions are those of their sets: 3 cases', () => {
  const templateOf = (nulls: object) => ({
    metadata: { annotations: { test: 'value' }, ...nulls, labels: { app: 'foo' } },
    spec: {
      containers: [
        {
          ...{ image: 'test', imagePullPolicy: 'Always', name: 'test', resources: {} },
          ...{ terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' },
        },
      ],
      ...{ dnsPolicy: 'ClusterFirst', restartPolicy: 'Always', schedulerName: 'default-scheduler' },
      ...{ securityContext: {}, terminationGracePeriodSeconds: 30 },
    },
  });
  const set = (nulls: object): StatefulSet => ({
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'test', namespace: 'default', uid: 'ec335e25' } },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'foo' } },
      serviceName: '',
      template: templateOf(nulls) as corev1.PodTemplateSpec,
    },
  });
  const revision = (name: string, number: number, nulls: object): appsv1.ControllerRevision => ({
    metadata: { name, namespace: 'default', labels: { app: 'foo' } },
    data: { spec: { template: { $patch: 'replace', ...templateOf(nulls) } } },
    revision: number,
  });
  // Until 1.33 templates had a creationTimestamp, which was null.
  const nulls = { creationTimestamp: null };
  const [old, fresh] = [revision('test-c77f6d978', 1, nulls), revision('test-776999688b', 2, {})];
  for (const [of, revisions] of [
    [set(nulls), [old]],
    [set({}), [fresh]],
    [set({}), [old, fresh]],
  ] as const) {
    const target = targetRevision(appsv1.statefulsets, of, revisions, 0, snapshotOf([]));
    assert.deepEqual([target.revision, target.write], [revisions.at(-1), undefined]);
  }
});
