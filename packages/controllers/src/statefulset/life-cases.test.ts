// Upstream's cases of a whole StatefulSet controller as facts (stateful_set_test.go in pkg/controller/statefulset of v1.36.3). Whom a pod
// concerns, what is adopted and what is let go is in runtime/owners.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1 } from '@tiphys/api';
import { nameOf } from '../runtime/objects.ts';
import { assertMembers, assertOrdered, SetStage, scaleDown, scaleUp, setOf, synced } from '../testing/stateful-sets.ts';
import { newPod } from './identity.ts';

const pods = corev1.pods;
const claims = corev1.persistentvolumeclaims;

async function up(replicas: number, extra = {}): Promise<SetStage> {
  const stage = new SetStage(setOf(replicas, extra));
  await scaleUp(stage, assertOrdered);
  assert.equal(stage.status.replicas, replicas);
  return stage;
}

const podAt = (stage: SetStage, ordinal: number) => newPod(stage.object, stage.object.spec!.template, 'rev', ordinal);

test('comes and goes: 2 cases', async () => {
  const stage = await up(3);
  stage.change({ replicas: 0 });
  await scaleDown(stage, assertOrdered);
  assert.equal(stage.status.replicas, 0);
});

test('waits for pods beyond its range that are terminating: 1 case', async () => {
  const stage = await up(3);
  for (const ordinal of [3, 4]) stage.setTerminating({ ...podAt(stage, ordinal), apiVersion: 'v1', kind: 'Pod' });
  await synced(stage);
  assert.equal(stage.pods.length, 5);
  for (const ordinal of [3, 4]) stage.drop(pods, `foo-${ordinal}`);
  stage.change({ replicas: 0 });
  await scaleDown(stage, assertOrdered);
  assert.equal(stage.status.replicas, 0);
});

test('a terminating pod holds up scaling: 1 case', async () => {
  const stage = await up(3);
  stage.change({ replicas: 5 });
  stage.setTerminating(stage.pod(0));
  await synced(stage);
  assert.equal(stage.pods.length, 3);
  stage.drop(pods, 'foo-0');
  await synced(stage);
  assert.equal(stage.pods.length, 3);
  assert.ok(stage.pod(0));
});

test('makes no pods while it is being deleted: 1 case', async () => {
  const stage = new SetStage({ ...setOf(3), metadata: { ...setOf(3).metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
  await synced(stage);
  assert.deepEqual(stage.pods, []);
});

test('who owns claims of pods that were orphans or have another name: 4 cases', async () => {
  for (const whenScaled of ['Retain', 'Delete'])
    for (const whenDeleted of ['Retain', 'Delete']) {
      const stage = new SetStage(
        setOf(2, { persistentVolumeClaimRetentionPolicy: { whenScaled, whenDeleted }, updateStrategy: { type: 'OnDelete' } }),
      );
      const [first, second, third] = [0, 1, 2].map((ordinal) => podAt(stage, ordinal));
      const { ownerReferences: _, ...orphaned } = second!.metadata!;
      // The orphan is adopted and the pod with the wrong name let go before the plan.
      const adopted = { ...orphaned, ownerReferences: first!.metadata!.ownerReferences! };
      const { ownerReferences: __, ...released } = { ...third!.metadata!, name: `x${nameOf(third!)}` };
      for (const metadata of [first!.metadata!, adopted, released]) {
        const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }];
        stage.put(pods, { ...first!, metadata, status: { phase: 'Running', conditions } });
      }
      for (const ordinal of [0, 1, 2]) stage.put(claims, { metadata: { name: `datadir-foo-${ordinal}`, namespace: 'default' } });
      await synced(stage);
      const owners = (ordinal: number) =>
        (stage.get(claims, `datadir-foo-${ordinal}`)!.metadata?.ownerReferences ?? []).map(({ kind, name }) => `${kind} ${name}`);
      for (const ordinal of [0, 1])
        assert.deepEqual(owners(ordinal), whenDeleted === 'Delete' ? ['StatefulSet foo'] : [], `${whenScaled}, ${whenDeleted}`);
      stage.change({ replicas: 0 });
      await synced(stage);
      const condemned =
        whenScaled === 'Delete' ? (ordinal: number) => [`Pod foo-${ordinal}`] : () => (whenDeleted === 'Delete' ? ['StatefulSet foo'] : []);
      for (const ordinal of [0, 1]) assert.deepEqual(owners(ordinal), condemned(ordinal), `${whenScaled}, ${whenDeleted}, scaled down`);
      assert.deepEqual(owners(2), []);
    }
});

test('a claim of an earlier pod holds up its successor: 2 cases', async () => {
  for (const whenDeleted of ['Retain', 'Delete']) {
    const stage = await up(3, { persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete', whenDeleted } });
    const before = stage.pod(2);
    stage.change({ replicas: 2 });
    await synced(stage);
    const claim = stage.get(claims, 'datadir-foo-2')!;
    assert.deepEqual(
      claim.metadata?.ownerReferences?.map(({ name }) => name),
      [nameOf(before)],
    );
    await synced(stage);
    assert.equal(stage.status.replicas, 2);
    const stale = [{ ...claim.metadata!.ownerReferences![0]!, uid: 'stale' }];
    stage.put(claims, { ...claim, metadata: { ...claim.metadata, ownerReferences: stale } });
    stage.change({ replicas: 3 });
    for (let round = 0; round < 10; round++) await synced(stage);
    assert.equal(stage.status.replicas, 2);
    assert.deepEqual(stage.get(claims, 'datadir-foo-2')!.metadata?.ownerReferences, stale);
    stage.drop(claims, 'datadir-foo-2');
    await scaleUp(stage, assertMembers);
    assert.equal(stage.status.replicas, 3);
  }
});

test('looks again when the next pod becomes available: 1 case', async () => {
  const stage = new SetStage(setOf(4, { minReadySeconds: 5, podManagementPolicy: 'Parallel' }));
  for (const [ordinal, agoMs] of [undefined, 0, 2000, 4300].entries()) {
    stage.put(pods, { ...podAt(stage, ordinal), status: { phase: 'Running' } });
    if (agoMs !== undefined) stage.setReady(ordinal, true, stage.nowMs - agoMs);
  }
  const { wakesMs } = await stage.sync();
  assert.deepEqual([stage.status.readyReplicas, stage.status.availableReplicas], [3, 0]);
  assert.deepEqual(wakesMs, [stage.nowMs + 700]);
});
