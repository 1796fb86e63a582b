// Upstream's scenarios of updates, history, availability and parallel scaling of StatefulSets as facts
// (pkg/controller/statefulset/stateful_set_control_test.go of v1.36.3). Those behind the gate MaxUnavailableStatefulSet, which is off, are left out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1, corev1 } from '@tiphys/api';
import { REVISION_HASH_LABEL, sortRevisions, targetRevision, templateOf } from '../history/revisions.ts';
import { snapshotOf } from '../testing/plan.ts';
import {
  assertMembers,
  assertOrdered,
  collectClaims,
  FAILURE,
  type Invariants,
  POLICIES,
  policyText,
  rollOut,
  SetStage,
  type Spec,
  type StatefulSet,
  scaleDown,
  scaleUp,
  setOf,
  synced,
} from '../testing/stateful-sets.ts';
import { newPod, ordinalOf } from './identity.ts';

const pods = corev1.pods;
const OLD = 'nginx';
const NEW = 'foo';
const MODES: readonly [string, Invariants][] = [
  ['OrderedReady', assertOrdered],
  ['Parallel', assertMembers],
];
const SCALINGS = [
  { before: 3, replicas: 3 },
  { before: 3, replicas: 5 },
  { before: 5, replicas: 3 },
];

const images = (olds: number, news: number) => [...Array(olds).fill(OLD), ...Array(news).fill(NEW)];

interface Case {
  name: string;
  before: number;
  replicas: number;
  invariants: Invariants;
  spec: Partial<Spec>;
}

function casesOf(policies: readonly Spec['persistentVolumeClaimRetentionPolicy'][], scalings = SCALINGS, more: Partial<Spec> = {}): Case[] {
  return policies.flatMap((policy) =>
    MODES.flatMap(([podManagementPolicy, invariants]) =>
      scalings.map(({ before, replicas }) => ({
        ...{ before, replicas, invariants },
        name: `${podManagementPolicy}, ${before} to ${replicas}, ${policyText(policy)}`,
        spec: { podManagementPolicy, ...more, ...(policy ? { persistentVolumeClaimRetentionPolicy: policy } : {}) },
      })),
    ),
  );
}

/** Without a policy of its own where the spec has none. */
function stageOf(replicas: number, spec: Partial<Spec>): SetStage {
  const { persistentVolumeClaimRetentionPolicy: _, ...rest } = setOf(replicas).spec!;
  return new SetStage({ ...setOf(replicas), spec: { ...rest, ...spec } });
}

async function startUpdate({ before, replicas, invariants, spec }: Case): Promise<SetStage> {
  const stage = stageOf(before, spec);
  await scaleUp(stage, invariants);
  stage.change({ replicas });
  stage.setImage(NEW);
  await rollOut(stage);
  return stage;
}

const rolling = casesOf([POLICIES[0]]);
test(`rolling updates: ${rolling.length} cases`, async () => {
  for (const one of rolling) assert.deepEqual((await startUpdate(one)).images, images(0, one.replicas), one.name);
});

test(`rollbacks: ${rolling.length} cases`, async () => {
  for (const one of rolling) {
    const stage = await startUpdate(one);
    assert.deepEqual(stage.images, images(0, one.replicas), one.name);
    const [oldest] = sortRevisions(stage.list(appsv1.controllerrevisions));
    stage.change({ template: templateOf(oldest!) });
    await rollOut(stage);
    assert.deepEqual(stage.images, images(one.replicas, 0), one.name);
  }
});

const held = casesOf(POLICIES, SCALINGS.slice(0, 2), { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } });
test(`rolling updates down to a partition: ${held.length} cases`, async () => {
  for (const one of held) assert.deepEqual((await startUpdate(one)).images, images(2, one.replicas - 2), one.name);
});

function assertNoClaimOfPods(stage: SetStage): void {
  const owners = stage.list(corev1.persistentvolumeclaims).flatMap((claim) => claim.metadata?.ownerReferences ?? []);
  assert.ok(owners.every(({ kind }) => kind !== 'Pod'));
}

const onDelete = casesOf(POLICIES, SCALINGS, { updateStrategy: { type: 'OnDelete' } });
test(`updates on deletion: ${onDelete.length} cases`, async () => {
  for (const one of onDelete) {
    const stage = await startUpdate(one);
    collectClaims(stage);
    assert.deepEqual(stage.images, images(Math.min(one.before, one.replicas), Math.max(0, one.replicas - one.before)), one.name);
    assertNoClaimOfPods(stage);
    stage.change({ replicas: 0 });
    await scaleDown(stage, one.invariants);
    assertNoClaimOfPods(stage);
    stage.change({ replicas: one.replicas });
    await scaleUp(stage, one.invariants);
    assert.deepEqual(stage.images, images(0, one.replicas), one.name);
  }
});

test(`history is limited while the status cannot be written: ${POLICIES.length} cases`, async () => {
  for (const policy of POLICIES) {
    const stage = stageOf(3, policy ? { persistentVolumeClaimRetentionPolicy: policy } : {});
    await scaleUp(stage, assertOrdered);
    for (let round = 0; round < 7; round++) {
      stage.setImage(`foo-${round}`);
      stage.fail({ do: 'updateStatus', type: appsv1.statefulsets }, FAILURE);
      await assert.rejects(rollOut(stage), (error) => error === FAILURE);
      const count = stage.list(appsv1.controllerrevisions).length;
      assert.ok(count <= 2 + 2, `${count} revisions, ${policyText(policy)}`);
    }
  }
});

const LIMITS: readonly { limit: number; podManagementPolicy?: string }[] = [
  { limit: 2 },
  { limit: 2, podManagementPolicy: 'Parallel' },
  { limit: 0 },
  { limit: -2 },
  { limit: 5 },
];
test(`history is limited: ${LIMITS.length} cases`, async () => {
  for (const { limit, podManagementPolicy = 'OrderedReady' } of LIMITS) {
    const stage = stageOf(3, { revisionHistoryLimit: limit, podManagementPolicy });
    await scaleUp(stage, podManagementPolicy === 'Parallel' ? assertMembers : assertOrdered);
    for (let round = 0; round < 10; round++) {
      stage.setImage(`foo-${round}`);
      await rollOut(stage);
      await synced(stage);
      const count = stage.list(appsv1.controllerrevisions).length;
      // Without a limit each template leaves its revision.
      if (limit < 0) assert.equal(count, round + 2);
      else assert.ok(count <= limit + 2, `${count} revisions with a limit of ${limit}`);
    }
  }
});

/** Like `set`, whose template has one change more than the last. */
function templates(): { sets: StatefulSet[]; revisions: appsv1.ControllerRevision[] } {
  const first = setOf(3);
  const image = { ...first, spec: { ...first.spec!, template: structuredClone(first.spec!.template) } };
  image.spec.template.spec!.containers[0]!.image = NEW;
  const label = { ...image, spec: { ...image.spec, template: structuredClone(image.spec.template) } };
  label.spec.template.metadata!.labels!.new = 'label';
  const sets = [first, image, label];
  const revisions = sets.map((set, index) => {
    const { revision } = targetRevision(appsv1.statefulsets, set, [], 0, snapshotOf([]));
    return { ...revision, revision: index + 1 };
  });
  return { sets, revisions };
}

const REVISIONS = [
  { name: 'the first is made', existing: 0, set: 0, count: 1, update: { of: 0, number: 1 } },
  { name: 'an update makes one', existing: 1, set: 1, count: 2, update: { of: 1, number: 2 } },
  { name: 'the same is not made again', existing: 2, set: 1, count: 2, update: { of: 1, number: 2 } },
  { name: 'an earlier one comes back', existing: 3, set: 1, count: 3, update: { of: 1, number: 4 } },
];
test(`current and new revision: ${REVISIONS.length * POLICIES.length} cases`, async () => {
  const { sets, revisions } = templates();
  for (const policy of POLICIES)
    for (const { name, existing, set, count, update } of REVISIONS) {
      const stage = new SetStage({
        ...sets[set]!,
        ...(set > 0 ? { status: { replicas: 0, collisionCount: 0, currentRevision: revisions[0]!.metadata!.name! } } : {}),
      });
      stage.change(policy ? { persistentVolumeClaimRetentionPolicy: policy } : {});
      for (const revision of revisions.slice(0, existing)) stage.put(appsv1.controllerrevisions, revision);
      await synced(stage);
      const found = new Map(stage.list(appsv1.controllerrevisions).map((one) => [one.metadata!.name!, one]));
      assert.equal(found.size, count, name);
      const { currentRevision = '', updateRevision = '' } = stage.status;
      const of = (one: string) => ({ data: found.get(one)?.data, number: found.get(one)?.revision });
      assert.deepEqual(of(currentRevision), { data: revisions[0]!.data, number: 1 }, name);
      assert.deepEqual(of(updateRevision), { data: revisions[update.of]!.data, number: update.number }, name);
    }
});

const FAULTS = [
  { sync: false, status: false },
  { sync: true, status: false },
  { sync: false, status: true },
  { sync: true, status: true },
];
test(`the status is written once, whatever fails: ${FAULTS.length} cases`, async () => {
  const [syncError, statusError] = [new Error('sync error'), new Error('status error')];
  for (const { sync, status } of FAULTS) {
    const stage = new SetStage(setOf(3));
    if (sync) stage.fail({ do: 'create', type: pods }, syncError);
    if (status) stage.fail({ do: 'updateStatus', type: appsv1.statefulsets }, statusError);
    const { failure } = await stage.sync();
    assert.equal(stage.requests['updateStatus statefulsets'], 1);
    assert.equal(failure, sync ? syncError : status ? statusError : undefined);
  }
});

const AGES = [
  { readyMinutes: 120, available: 1 },
  { readyMinutes: 30, available: 0 },
];
test(`a pod is available after an hour: ${AGES.length} cases`, async () => {
  for (const { readyMinutes, available } of AGES) {
    const stage = new SetStage(setOf(1, { minReadySeconds: 3600 }));
    await scaleUp(stage, assertMembers);
    stage.setReady(0, true, stage.nowMs - readyMinutes * 60_000);
    await synced(stage);
    assert.equal(stage.status.availableReplicas, available);
  }
});

/** All pods of the set's first template, ready since some seconds. */
function withPods(spec: Partial<Spec>, replicas: number, readySeconds: number): SetStage {
  const stage = new SetStage(setOf(replicas, spec));
  for (let ordinal = 0; ordinal < replicas; ordinal++) {
    const pod = newPod(stage.object, stage.object.spec!.template, '', ordinal);
    delete pod.metadata!.labels![REVISION_HASH_LABEL];
    stage.put(pods, { ...pod, status: { phase: 'Running' } });
    stage.setReady(ordinal, true, stage.nowMs - readySeconds * 1000);
  }
  return stage;
}

test('minReadySeconds in updates and scaling: 5 cases', async () => {
  const update = withPods({ minReadySeconds: 30 }, 2, 10);
  update.setImage('updated-image');
  await synced(update);
  assert.deepEqual([update.status.availableReplicas, update.pods.length], [0, 2]);
  for (const { ordinal } of update.pods.map((pod) => ({ ordinal: ordinalOf(pod) }))) update.setReady(ordinal, true, update.nowMs - 60_000);
  await synced(update);
  assert.equal(update.status.availableReplicas, 2);
  assert.equal(update.pods.length, 1);

  const down = new SetStage(setOf(3, { minReadySeconds: 30 }));
  await scaleUp(down, assertOrdered);
  for (const ordinal of [0, 1, 2]) down.setReady(ordinal, true, down.nowMs - 10_000);
  down.change({ replicas: 1 });
  await synced(down);
  assert.deepEqual([down.status.availableReplicas, down.pods.length], [0, 3]);

  const kept = new SetStage(setOf(2, { minReadySeconds: 30, updateStrategy: { type: 'OnDelete' } }));
  await scaleUp(kept, assertOrdered);
  for (const ordinal of [0, 1]) kept.setReady(ordinal, true, kept.nowMs - 10_000);
  kept.setImage('updated-image');
  await synced(kept);
  assert.equal(kept.status.availableReplicas, 0);
  assert.notEqual(kept.status.updateRevision, kept.status.currentRevision);

  const atOnce = withPods({ minReadySeconds: 0 }, 2, 0);
  await synced(atOnce);
  assert.equal(atOnce.status.availableReplicas, 2);

  const partition = { type: 'RollingUpdate', rollingUpdate: { partition: 2 } };
  const part = withPods({ minReadySeconds: 30, updateStrategy: partition }, 4, 10);
  part.setImage('updated-image');
  await synced(part);
  assert.deepEqual([part.status.availableReplicas, part.pods.length], [0, 4]);
});

const PARALLEL = [
  { from: 3, to: 30, least: 2 },
  { from: 10, to: 1, least: 2 },
  { from: 501, to: 0, least: 10 },
  { from: 0, to: 1000, least: 20 },
];
test(`scaling all at once: ${PARALLEL.length} cases`, async () => {
  const ROUNDS_MAX = 2;
  for (const { from, to, least } of PARALLEL) {
    const stage = new SetStage(setOf(0, { podManagementPolicy: 'Parallel' }));
    let sideBySide = 0;
    const scale = async (replicas: number) => {
      stage.change({ replicas });
      for (let round = 0; round < ROUNDS_MAX * 2 && stage.status.replicas !== replicas; round++) {
        for (const pod of stage.pods) if (!pod.status?.phase) stage.setPhase(ordinalOf(pod), 'Pending');
        const carried = await stage.sync();
        assert.equal(carried.failure, undefined);
        sideBySide = Math.max(sideBySide, carried.sideBySide);
      }
      assert.equal(stage.status.replicas ?? 0, replicas);
      assertMembers(stage);
    };
    await scale(from);
    await scale(to);
    assert.ok(sideBySide >= least, `${sideBySide} side by side from ${from} to ${to}`);
  }
});

test('the first ordinal is where the set says: 1 case', async () => {
  const stage = new SetStage(setOf(3, { ordinals: { start: 2 } }));
  await scaleUp(stage, () => undefined);
  assert.deepEqual(stage.counts, [3, 3, 3]);
  assert.deepEqual(stage.pods.map(ordinalOf), [2, 3, 4]);
});

test(`a deletion fails while scaling down: ${POLICIES.length} cases`, async () => {
  for (const policy of POLICIES) {
    const stage = stageOf(3, policy ? { persistentVolumeClaimRetentionPolicy: policy } : {});
    await scaleUp(stage, assertOrdered);
    stage.change({ replicas: 0 });
    stage.fail({ do: 'delete', type: pods }, FAILURE, 2);
    await assert.rejects(scaleDown(stage, assertOrdered), (error) => error === FAILURE);
    await scaleDown(stage, assertOrdered);
    assert.deepEqual(stage.counts, [0, 0, 0]);
  }
});
