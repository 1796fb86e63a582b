// Upstream's scenarios of a StatefulSet's life as facts (TestStatefulSetControl and its neighbours in
// pkg/controller/statefulset/stateful_set_control_test.go of v1.36.3): each one pod after another and all at once, with every policy for claims.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1, corev1 } from '@tiphys/api';
import { nameOf, uidOf } from '../runtime/objects.ts';
import {
  assertMembers,
  assertOrdered,
  FAILURE,
  type Invariants,
  POLICIES,
  policyText,
  SetStage,
  scaleDown,
  scaleUp,
  setOf,
  synced,
} from '../testing/stateful-sets.ts';
import { isMonotonic } from './replicas.ts';
import { isCreated } from './status.ts';

type Scenario = (stage: SetStage, invariants: Invariants) => Promise<void>;

const pods = corev1.pods;
const isFailure = (error: unknown) => error === FAILURE;

const recreates =
  (phase: string, deleteFails: boolean): Scenario =>
  async (stage, invariants) => {
    const attempts = (verb: string) => stage.requests[`${verb} pods`] ?? 0;
    await synced(stage);
    invariants(stage);
    assert.equal(attempts('delete'), 0);
    for (const [index] of stage.pods.entries()) stage.setPhase(index, index === 0 ? phase : 'Pending');
    if (deleteFails) {
      stage.fail({ do: 'delete', type: pods }, FAILURE);
      await assert.rejects(synced(stage), isFailure);
      invariants(stage);
      assert.equal(attempts('delete'), 1);
    }
    const deletes = deleteFails ? 2 : 1;
    await synced(stage);
    assert.equal(attempts('delete'), deletes);
    await synced(stage);
    invariants(stage);
    assert.equal(attempts('delete'), deletes);
    assert.equal(isCreated(stage.pod(0)), false);
    assert.equal(attempts('create'), isMonotonic(stage.object) ? 2 : 4);
  };

const replaces: Scenario = async (stage, invariants) => {
  await scaleUp(stage, invariants);
  assert.equal(stage.status.replicas, 5);
  for (const pod of stage.pods) {
    const owners = stage.claimOf(pod)?.metadata?.ownerReferences ?? [];
    assert.ok(owners.every(({ uid }) => uid !== uidOf(pod)));
  }
  for (const ordinal of [0, 2, 4]) stage.drop(pods, `foo-${ordinal}`);
  for (const ordinal of [0, 2, 4]) {
    await synced(stage);
    stage.setPhase(ordinal, 'Running');
    await synced(stage);
    stage.setReady(ordinal);
  }
  await synced(stage);
  assert.equal(stage.status.replicas, 5);
};

const SCENARIOS: Readonly<Record<string, { replicas?: number; run: Scenario }>> = {
  'creates pods': {
    run: async (stage, invariants) => {
      await scaleUp(stage, invariants);
      assert.deepEqual(stage.counts, [3, 3, 3]);
      assert.equal(stage.pods.length, 3);
    },
  },
  'scales up': {
    run: async (stage, invariants) => {
      await scaleUp(stage, invariants);
      stage.change({ replicas: 4 });
      await scaleUp(stage, invariants);
      assert.deepEqual(stage.counts, [4, 4, 4]);
    },
  },
  'scales down': {
    run: async (stage, invariants) => {
      await scaleUp(stage, invariants);
      stage.change({ replicas: 0 });
      await scaleDown(stage, invariants);
      assert.deepEqual(stage.counts, [0, 0, 0]);
    },
  },
  'replaces pods': { replicas: 5, run: replaces },
  'recreates a failed pod': { run: recreates('Failed', false) },
  'recreates a succeeded pod': { run: recreates('Succeeded', false) },
  'recreates a failed pod whose deletion fails first': { run: recreates('Failed', true) },
  'recreates a succeeded pod whose deletion fails first': { run: recreates('Succeeded', true) },
  'the creation of a pod fails': {
    run: async (stage, invariants) => {
      stage.fail({ do: 'create', type: pods }, FAILURE, 2);
      await assert.rejects(scaleUp(stage, invariants), isFailure);
      await scaleUp(stage, invariants);
      assert.deepEqual(stage.counts, [3, 3, 3]);
    },
  },
  'the repair of a pod fails': {
    run: async (stage, invariants) => {
      stage.fail({ do: 'update', type: pods }, FAILURE);
      await scaleUp(stage, invariants);
      assert.deepEqual(stage.counts, [3, 3, 3]);
      const pod = stage.pod(0);
      const { 'statefulset.kubernetes.io/pod-name': _, ...labels } = pod.metadata!.labels!;
      stage.put(pods, { ...pod, metadata: { ...pod.metadata, labels } });
      await assert.rejects(synced(stage), isFailure);
      await synced(stage);
      invariants(stage);
    },
  },
  'the update of the status fails': {
    run: async (stage, invariants) => {
      stage.fail({ do: 'updateStatus', type: appsv1.statefulsets }, FAILURE, 2);
      await assert.rejects(scaleUp(stage, invariants), isFailure);
      await scaleUp(stage, invariants);
      assert.deepEqual(stage.counts, [3, 3, 3]);
    },
  },
  'the deletion of a pod with an old revision fails': {
    run: async (stage, invariants) => {
      await scaleUp(stage, invariants);
      assert.equal(stage.status.replicas, 3);
      stage.setImage('nginx-new');
      stage.fail({ do: 'delete', type: pods }, FAILURE);
      await assert.rejects(synced(stage), isFailure);
      invariants(stage);
      assert.equal(stage.status.currentReplicas, 3);
      assert.notEqual(stage.status.currentRevision, stage.status.updateRevision);
      await synced(stage);
      invariants(stage);
      assert.equal(stage.status.currentReplicas, 2);
    },
  },
  'the claim of a pending pod is created again': {
    run: async (stage, invariants) => {
      await synced(stage);
      invariants(stage);
      stage.drop(corev1.persistentvolumeclaims, nameOf(stage.claimOf(stage.pod(0))!));
      stage.setPhase(0, 'Pending');
      await synced(stage);
      invariants(stage);
      assert.ok(stage.claimOf(stage.pod(0)));
    },
  },
};

for (const [name, { replicas = 3, run }] of Object.entries(SCENARIOS)) {
  test(`${name}: ${2 * POLICIES.length} cases`, async () => {
    for (const policy of POLICIES) {
      const claims = policy ? { persistentVolumeClaimRetentionPolicy: policy } : {};
      const { persistentVolumeClaimRetentionPolicy: _, ...spec } = setOf(replicas).spec!;
      for (const [podManagementPolicy, invariants] of [
        ['OrderedReady', assertOrdered],
        ['Parallel', assertMembers],
      ] as const) {
        const stage = new SetStage({ ...setOf(replicas), spec: { ...spec, ...claims, podManagementPolicy } });
        await run(stage, invariants).catch((error) => {
          throw new Error(`${podManagementPolicy}, ${policyText(policy)}: ${error.message}`, { cause: error });
        });
      }
    }
  });
}
