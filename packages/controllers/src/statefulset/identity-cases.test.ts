// Upstream's questions about one pod, its claims and revisions as facts (stateful_set_utils_test.go and stateful_pod_control_test.go
// in pkg/controller/statefulset of v1.36.3). Those of claims' owners are in upstream-cases.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1, corev1, type OwnerReference } from '@tiphys/api';
import { statusError } from '@tiphys/machinery';
import { targetRevision, templateOf } from '../history/revisions.ts';
import type { Pod } from '../pods/pod-state.ts';
import { snapshotOf } from '../testing/plan.ts';
import { FAILURE, SetStage, type StatefulSet, setOf } from '../testing/stateful-sets.ts';
import { hasStaleClaim, missingClaims, rightOwners } from './claims.ts';
import { identityMatches, isMember, newPod, parentAndOrdinal, storageMatches, withIdentity } from './identity.ts';
import { isRunningAndReady } from './status.ts';

const set = setOf(3);
const podAt = (ordinal: number): Pod => newPod(set, set.spec!.template, 'rev', ordinal);
const named = (name: string): Pod => ({ ...podAt(1), metadata: { ...podAt(1).metadata, name } });
const withVolumes = (change: (volume: corev1.Volume) => corev1.Volume): Pod => {
  const pod = podAt(1);
  return { ...pod, spec: { ...pod.spec!, volumes: pod.spec!.volumes!.map(change) } };
};
const noVolumes = (): Pod => ({ ...podAt(1), spec: { ...podAt(1).spec!, volumes: [] } });
const noClaims = () => withVolumes(({ name }) => ({ name }));
const otherClaims = () =>
  withVolumes((volume) => (volume.persistentVolumeClaim ? { ...volume, persistentVolumeClaim: { claimName: 'foo' } } : volume));
const elsewhere = (): Pod => ({ ...podAt(1), metadata: { ...podAt(1).metadata, namespace: '' } });
function withoutName(): Pod {
  const { 'statefulset.kubernetes.io/pod-name': _, ...labels } = podAt(1).metadata!.labels!;
  return { ...podAt(1), metadata: { ...podAt(1).metadata, labels } };
}

test('names, ordinals and membership: 4 cases', () => {
  assert.deepEqual(parentAndOrdinal(podAt(1)), { parent: 'foo', ordinal: 1 });
  assert.deepEqual(parentAndOrdinal(named('1-bar')), { parent: '', ordinal: -1 });
  assert.equal(isMember(set, podAt(1)), true);
  assert.equal(isMember({ ...set, metadata: { ...set.metadata, name: 'foo2' } }, podAt(1)), false);
});

test('identity and storage match: 9 cases', () => {
  assert.deepEqual(
    [podAt(1), named('foo'), elsewhere(), withoutName()].map((pod) => identityMatches(set, pod)),
    [true, false, false, false],
  );
  assert.deepEqual(
    [podAt(1), noVolumes(), noClaims(), otherClaims(), named('bar')].map((pod) => storageMatches(set, pod)),
    [true, false, false, false, false],
  );
});

test('identity and storage are put right: 5 cases', () => {
  for (const pod of [elsewhere(), withoutName()]) assert.equal(identityMatches(set, withIdentity(set, pod, 1)), true);
  for (const pod of [noVolumes(), noClaims(), otherClaims()]) assert.equal(storageMatches(set, withIdentity(set, pod, 1)), true);
});

test('running and ready: 3 cases', () => {
  const ready = [{ type: 'Ready', status: 'True' }];
  const pods: Pod[] = [podAt(1), { status: { phase: 'Running' } }, { status: { phase: 'Running', conditions: ready } }];
  assert.deepEqual(pods.map(isRunningAndReady), [false, false, true]);
});

test('a new pod names the set as its controller: 1 case', () => {
  const [owner] = podAt(0).metadata!.ownerReferences!;
  const { blockOwnerDeletion: _, ...rest } = owner!;
  assert.deepEqual(rest, { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'foo', uid: 'test', controller: true });
});

const revisionOf = (of: StatefulSet) => targetRevision(appsv1.statefulsets, of, [], 0, snapshotOf([])).revision;
const withContainer = (change: Partial<corev1.Container>): StatefulSet => {
  const template = structuredClone(set.spec!.template);
  Object.assign(template.spec!.containers[0]!, change);
  return { ...set, spec: { ...set.spec!, template } };
};

test('revisions bring templates back: 2 cases', () => {
  const changed = { ...withContainer({ name: 'foo' }), metadata: { ...set.metadata, annotations: { foo: 'bar' } } };
  const restored = { ...changed, spec: { ...changed.spec!, template: templateOf(revisionOf(set)) } };
  assert.deepEqual(revisionOf(restored).data, revisionOf(set).data);
  assert.equal(revisionOf(restored).metadata?.annotations?.foo, 'bar');
  for (const one of [set, withContainer({ env: [{ name: 'foo', value: 'bar' }] })])
    assert.deepEqual(templateOf(revisionOf(one)), one.spec!.template);
});

type Labels = Record<string, string>;
const LABELS: readonly { selector: Labels | undefined; template: Labels | undefined; expected: Labels }[] = [
  { selector: undefined, template: undefined, expected: {} },
  { selector: { test: 'test' }, template: undefined, expected: { test: 'test' } },
  { selector: { name: 'foo' }, template: { test: 'test' }, expected: { test: 'test', name: 'foo' } },
  { selector: { test: 'foo' }, template: { test: 'test' }, expected: { test: 'foo' } },
];
test(`labels of claims: ${LABELS.length} cases`, () => {
  for (const { selector, template, expected } of LABELS) {
    const [claim] = set.spec!.volumeClaimTemplates!;
    const labelled: StatefulSet = {
      ...set,
      spec: {
        ...set.spec!,
        selector: selector ? { matchLabels: selector } : {},
        volumeClaimTemplates: [{ ...claim!, metadata: { ...claim!.metadata, ...(template ? { labels: template } : {}) } }],
      },
    };
    const [write] = missingClaims(labelled, podAt(0), snapshotOf([])).writes;
    const { metadata, spec } = (write as { object: corev1.PersistentVolumeClaim }).object;
    assert.deepEqual(metadata, { name: 'datadir-foo-0', namespace: 'default', labels: expected });
    assert.deepEqual(spec, claim!.spec);
  }
});

const BY_SET: OwnerReference = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'sts', uid: '123', controller: true };
const { controller: _, ...NOT_CONTROLLING } = BY_SET;
const someone = { apiVersion: 'someone', kind: 'Else', name: 'foo', uid: '' };
const namesake = { apiVersion: 'someone', kind: 'else', name: 'sts', uid: '456' };
const OWNERS: readonly { before: OwnerReference[]; after: OwnerReference[] }[] = [
  { before: [BY_SET, someone], after: [BY_SET, someone] },
  { before: [NOT_CONTROLLING], after: [BY_SET] },
  { before: [namesake], after: [namesake, BY_SET] },
  { before: [], after: [BY_SET] },
  // Without a uid it counts as one of an earlier set.
  { before: [{ ...BY_SET, uid: '' }], after: [] },
  { before: [{ ...NOT_CONTROLLING, uid: '' }], after: [] },
];
test(`the set as controller of claims: ${OWNERS.length} cases`, () => {
  const persistentVolumeClaimRetentionPolicy = { whenScaled: 'Delete', whenDeleted: 'Delete' };
  const sts: StatefulSet = { ...setOf(1, { persistentVolumeClaimRetentionPolicy }), metadata: { name: 'sts', uid: '123' } };
  const pod: Pod = { metadata: { name: 'pod-0', uid: '456' } };
  const plain = (owners: readonly OwnerReference[]) =>
    owners.map(({ blockOwnerDeletion: _, ...owner }) => owner).sort((a, b) => (a.apiVersion < b.apiVersion ? -1 : 1));
  for (const { before, after } of OWNERS)
    assert.deepEqual(plain(rightOwners({ metadata: { ownerReferences: before } }, sts, pod)), plain(after));
});

const STALE: readonly { claims: (string | undefined)[]; stale: boolean; uid?: string }[] = [
  { claims: [undefined, undefined], stale: false },
  { claims: [], stale: false },
  { claims: [undefined, ''], stale: false },
  { claims: ['123', '123'], stale: false },
  { claims: ['stale', ''], stale: true },
  { claims: ['stale', undefined], stale: true },
  { claims: ['123', 'stale'], stale: true },
  { claims: ['123'], stale: true, uid: '' },
];
test(`claims of an earlier pod: ${STALE.length + 3} cases`, () => {
  const persistentVolumeClaimRetentionPolicy = { whenScaled: 'Delete', whenDeleted: 'Retain' };
  const claim = (name: string, owners: [string, string][]): corev1.PersistentVolumeClaim => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace: 'default',
      ownerReferences: owners.map(([of, uid]) => ({ apiVersion: 'v1', kind: 'Pod', name: of, uid })),
    },
  });
  for (const { claims, stale, uid = '123' } of STALE) {
    const volumeClaimTemplates = claims.map((_, index) => ({ metadata: { name: `claim-${index}` }, spec: {} }));
    const one = {
      ...setOf(4, { persistentVolumeClaimRetentionPolicy, volumeClaimTemplates }),
      metadata: { name: 'set', namespace: 'default' },
    };
    const existing = claims.flatMap((owner, index) =>
      owner === undefined ? [] : [claim(`claim-${index}-set-3`, owner === '' ? [] : [['set-3', owner]])],
    );
    const pod: Pod = { metadata: { name: 'set-3', ...(uid ? { uid } : {}) } };
    assert.equal(hasStaleClaim(one, pod, snapshotOf(existing)), stale, JSON.stringify(claims));
  }
  const both = claim('claim-0-set-3', [
    ['bob-3', '123'],
    ['shirley-3', '456'],
  ]);
  for (const [name, uid, stale] of [
    ['bob', '123', false],
    ['shirley', '789', true],
    ['yvonne', '345', false],
  ] as const) {
    const spec = { persistentVolumeClaimRetentionPolicy, volumeClaimTemplates: [{ metadata: { name: 'claim-0' }, spec: {} }] };
    const one = { ...setOf(4, spec), metadata: { name: 'set', namespace: 'default' } };
    assert.equal(hasStaleClaim(one, { metadata: { name: `${name}-3`, uid } }, snapshotOf([both])), stale);
  }
});

const claimed = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'datadir-foo-0', namespace: 'default' } };
const claims = corev1.persistentvolumeclaims;
const EVENTS: readonly { name: string; arrange: (stage: SetStage) => void; events: string[]; fails?: true }[] = [
  { name: 'all goes well', arrange: () => undefined, events: ['SuccessfulCreate', 'SuccessfulCreate'] },
  {
    name: 'the pod is there already',
    arrange: (stage) => {
      stage.put(claims, claimed);
      stage.fail({ do: 'create', type: corev1.pods }, statusError.alreadyExists({ group: '', resource: 'pods' }, 'foo-0'));
    },
    events: [],
    fails: true,
  },
  {
    name: 'its claim cannot be made',
    arrange: (stage) => stage.fail({ do: 'create', type: claims }, FAILURE),
    events: ['FailedCreate', 'FailedCreate'],
    fails: true,
  },
  {
    name: 'its claim is being deleted',
    arrange: (stage) => stage.put(claims, { ...claimed, metadata: { ...claimed.metadata, deletionTimestamp: '2019-01-01T00:00:00Z' } }),
    events: ['FailedCreate'],
  },
  {
    name: 'it cannot be made',
    arrange: (stage) => stage.fail({ do: 'create', type: corev1.pods }, FAILURE),
    events: ['SuccessfulCreate', 'FailedCreate'],
    fails: true,
  },
];
test(`events of a pod's creation: ${EVENTS.length} cases`, async () => {
  for (const { name, arrange, events, fails = false } of EVENTS) {
    const stage = new SetStage(setOf(1));
    arrange(stage);
    const carried = await stage.sync();
    assert.deepEqual(carried.events, events, name);
    assert.equal(carried.failure !== undefined, fails, name);
  }
});
