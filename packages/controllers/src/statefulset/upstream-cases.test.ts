// Upstream's tables of who owns the claims of a StatefulSet's pods as facts (pkg/controller/statefulset stateful_set_utils_test.go of
// v1.36.3), each with the variations that upstream's tests make of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1, OwnerReference } from '@tiphys/api';
import { hasUnexpectedController, ownersAreRight, rightOwners } from './claims.ts';
import type { StatefulSet } from './identity.ts';
import cases from './upstream-cases.json' with { type: 'json' };

const claimOf = (ownerReferences: OwnerReference[]): corev1.PersistentVolumeClaim => ({
  metadata: { name: 'target-claim', ownerReferences },
});
const podOf = (name: string, uid: string): corev1.Pod => ({ metadata: { name, uid } });
const setOf = (name: string, uid: string, replicas: number, policy?: { whenDeleted: string; whenScaled: string }): StatefulSet => ({
  metadata: { name, uid },
  spec: {
    replicas,
    selector: {},
    template: {},
    ...(policy ? { persistentVolumeClaimRetentionPolicy: policy } : {}),
  } as unknown as NonNullable<StatefulSet['spec']>,
});

const byPod = ({ metadata }: corev1.Pod): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'Pod',
  name: metadata!.name!,
  uid: metadata!.uid!,
  controller: true,
});
const bySet = ({ metadata }: StatefulSet): OwnerReference => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  name: metadata!.name!,
  uid: metadata!.uid!,
  controller: true,
});
const stranger = (name: string): OwnerReference => ({ apiVersion: 'v1', kind: 'Pod', name, uid: `${name}-uid` });
const BOTH = [false, true];

for (const one of cases.owners) {
  test(`owners are right: ${one.name}`, () => {
    const pod = podOf(`pod-${one.ordinal}`, 'pod-123');
    const set = setOf('stateful-set', 'ss-456', one.replicas, one);
    for (const hasPod of BOTH)
      for (const hasSet of BOTH)
        for (const hasOthers of BOTH) {
          const others = hasOthers ? [stranger('rand1'), stranger('rand2')] : [];
          const claim = claimOf([...(hasPod ? [byPod(pod)] : []), ...(hasSet ? [bySet(set)] : []), ...others]);
          assert.equal(ownersAreRight(claim, set, pod), hasPod === one.needsPod && hasSet === one.needsSet);
        }
  });
}

for (const one of cases.edges) {
  test(`owners are right: ${one.name}`, () => {
    const set = setOf('stateful-set', 'ss-456', 1, one.policy);
    assert.equal(ownersAreRight(claimOf(one.owners), set, podOf('pod-1', 'pod-123')), one.right);
  });
}

for (const one of cases.unexpected) {
  test(`somebody else manages the claim: ${one.name}`, () => {
    const [claim, pod] = [claimOf(one.owners), podOf('pod', 'pod-uid')];
    assert.equal(hasUnexpectedController(claim, setOf('set', 'set-uid', 1), pod), false);
    for (const [whenDeleted, whenScaled] of [
      ['Retain', 'Delete'],
      ['Delete', 'Retain'],
      ['Delete', 'Delete'],
    ] as const)
      assert.equal(hasUnexpectedController(claim, setOf('set', 'set-uid', 1, { whenDeleted, whenScaled }), pod), one.unexpected);
  });
}

for (const one of cases.updates) {
  test(`owners after the update: ${one.name}`, () => {
    const set = setOf('ss', 'ss-123', 5, one);
    const pod = podOf(one.condemned ? 'pod-8' : 'pod-1', 'pod-456');
    const manager = { apiVersion: 'custom/v1', kind: 'Unknown', name: 'unknown', uid: 'xyz', controller: true };
    for (const hasPod of BOTH)
      for (const hasSet of BOTH) {
        const owners = [...(hasPod ? [byPod(pod)] : []), ...(hasSet ? [bySet(set)] : []), stranger('random')];
        const after = rightOwners(claimOf([...owners, ...(one.unexpected ? [manager] : [])]), set, pod);
        const controls = (uid: string) => after.some((owner) => owner.uid === uid && owner.controller === true);
        assert.deepEqual([controls('pod-456'), controls('ss-123')], [one.needsPod, one.needsSet]);
        assert.ok(after.some(({ uid }) => uid === 'random-uid'));
      }
  });
}
