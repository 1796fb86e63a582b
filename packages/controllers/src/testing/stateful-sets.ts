// A StatefulSet on a stage, moved as upstream's scenarios move it, with what must hold after each step
// (pkg/controller/statefulset/stateful_set_control_test.go of v1.36.3).
import assert from 'node:assert/strict';
import { type appsv1, corev1 } from '@tiphys/api';
import { StatusError } from '@tiphys/machinery';
import { type Random, seededRandom } from '@tiphys/runtime';
import { isReady, type Pod, phaseOf } from '../pods/pod-state.ts';
import { labelsOf, nameOf, uidOf } from '../runtime/objects.ts';
import {
  claimName,
  identityMatches,
  inRange,
  ordinalOf,
  replicasOf,
  revisionOf,
  startOrdinal,
  storageMatches,
} from '../statefulset/identity.ts';
import { statefulSetController } from '../statefulset/statefulset-controller.ts';
import { isRunningAndReady } from '../statefulset/status.ts';
import { Stage } from './stage.ts';

export type StatefulSet = appsv1.StatefulSet;
export type Spec = appsv1.StatefulSetSpec;
type Policy = NonNullable<Spec['persistentVolumeClaimRetentionPolicy']>;

/** Far more than any scenario takes. */
const STEPS_MAX = 20_000;
const STEP_MS = 1000;

export const FAILURE = new StatusError(500, 'InternalError', 'Internal error occurred: API server failed');

/** What becomes of claims, each way that can be said; undefined says nothing. */
export const POLICIES: readonly (Policy | undefined)[] = [
  { whenScaled: 'Retain', whenDeleted: 'Retain' },
  { whenScaled: 'Delete', whenDeleted: 'Retain' },
  { whenScaled: 'Retain', whenDeleted: 'Delete' },
  { whenScaled: 'Delete', whenDeleted: 'Delete' },
  undefined,
];

export const policyText = (policy: Policy | undefined): string =>
  policy ? `scaled ${policy.whenScaled}, deleted ${policy.whenDeleted}` : 'no policy';

/** Of one container, one volume of the template and one claim. */
export function setOf(replicas: number, extra: Partial<Spec> = {}): StatefulSet {
  const volumeMounts = [
    { name: 'datadir', mountPath: '/tmp/zookeeper' },
    { name: 'home', mountPath: '/home' },
  ];
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'foo', namespace: 'default', uid: 'test' },
    spec: {
      selector: { matchLabels: { foo: 'bar' } },
      replicas,
      template: {
        metadata: { labels: { foo: 'bar' } },
        spec: {
          containers: [{ name: 'nginx', image: 'nginx', volumeMounts }],
          volumes: [{ name: 'home', hostPath: { path: '/tmp/home' } }],
        },
      } as corev1.PodTemplateSpec,
      volumeClaimTemplates: [{ metadata: { name: 'datadir', namespace: 'default' }, spec: { resources: { requests: { storage: '1' } } } }],
      serviceName: 'governingsvc',
      updateStrategy: { type: 'RollingUpdate' },
      persistentVolumeClaimRetentionPolicy: { whenScaled: 'Retain', whenDeleted: 'Retain' },
      revisionHistoryLimit: 2,
      ...extra,
    },
  };
}

export class SetStage extends Stage<StatefulSet> {
  readonly random: Random = seededRandom(1);

  constructor(set: StatefulSet) {
    super(statefulSetController, set);
  }

  get status(): appsv1.StatefulSetStatus {
    return this.object.status ?? ({ replicas: 0 } as appsv1.StatefulSetStatus);
  }

  /** By ordinal. */
  get pods(): Pod[] {
    return this.list(corev1.pods).sort((a, b) => ordinalOf(a) - ordinalOf(b));
  }

  get images(): (string | undefined)[] {
    return this.pods.map((pod) => pod.spec?.containers[0]?.image);
  }

  /** Replicas, ready and updated. */
  get counts(): number[] {
    const { replicas, readyReplicas = 0, updatedReplicas = 0 } = this.status;
    return [replicas ?? 0, readyReplicas, updatedReplicas];
  }

  change(spec: Partial<Spec>): void {
    this.object = { ...this.object, spec: { ...this.object.spec!, ...spec } };
  }

  setImage(image: string): void {
    const { template } = this.object.spec!;
    const containers = template.spec!.containers.map((container) => ({ ...container, image }));
    this.change({ template: { ...template, spec: { ...template.spec!, containers } } });
  }

  pod(ordinal: number): Pod {
    const pod = this.get(corev1.pods, `foo-${ordinal}`);
    assert.ok(pod, `there is no foo-${ordinal}`);
    return pod;
  }

  setPhase(ordinal: number, phase: string): void {
    const pod = this.pod(ordinal);
    this.put(corev1.pods, { ...pod, status: { ...pod.status, phase } });
  }

  /** A pod that has the condition already keeps its time. */
  setReady(ordinal: number, ready = true, sinceMs?: number): void {
    const pod = this.pod(ordinal);
    if (isReady(pod) === ready && sinceMs === undefined) return;
    const lastTransitionTime = new Date(sinceMs ?? this.nowMs).toISOString();
    const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }];
    this.put(corev1.pods, { ...pod, status: { ...pod.status, conditions } });
  }

  /** A running pod at the ordinal that is being deleted, whether there was one or not. */
  setTerminating(pod: Pod): void {
    const deletionTimestamp = new Date(this.nowMs).toISOString();
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: deletionTimestamp }];
    this.put(corev1.pods, { ...pod, metadata: { ...pod.metadata, deletionTimestamp }, status: { phase: 'Running', conditions } });
  }

  claimOf(pod: Pod): corev1.PersistentVolumeClaim | undefined {
    const template = this.object.spec!.volumeClaimTemplates![0]!;
    return this.get(corev1.persistentvolumeclaims, claimName(this.object, template, ordinalOf(pod)));
  }
}

const owns = (claim: corev1.PersistentVolumeClaim, uid: string) =>
  claim.metadata?.ownerReferences?.some((owner) => owner.uid === uid) ?? false;

function assertClaim(stage: SetStage, pod: Pod): void {
  const { whenScaled, whenDeleted } = stage.object.spec!.persistentVolumeClaimRetentionPolicy ?? POLICIES[0]!;
  const claim = stage.claimOf(pod);
  if (!claim) assert.notEqual(whenScaled, 'Retain', `${nameOf(pod)} has no claim`);
  // Until the pod is up nobody is expected to have looked at who owns the claim.
  if (!claim || !isRunningAndReady(pod)) return;
  const scaledDown = !inRange(stage.object, pod);
  const byPod = whenScaled === 'Delete' && scaledDown;
  assert.deepEqual(
    { byPod: owns(claim, uidOf(pod)), bySet: owns(claim, uidOf(stage.object)) },
    { byPod, bySet: whenDeleted === 'Delete' && !byPod },
    `who owns ${nameOf(claim)}`,
  );
}

export type Invariants = (stage: SetStage) => void;

/** Every pod has its name, labels, volumes and claim. */
export const assertMembers: Invariants = (stage) => {
  for (const pod of stage.pods) {
    assert.ok(storageMatches(stage.object, pod), `${nameOf(pod)} has the volumes of its ordinal`);
    assert.ok(identityMatches(stage.object, pod), `${nameOf(pod)} has the labels of its ordinal`);
    assert.equal(labelsOf(pod)['apps.kubernetes.io/pod-index'], String(ordinalOf(pod)));
    assertClaim(stage, pod);
  }
};

/** Besides, without gaps, and nobody is ready before the one below. */
export const assertOrdered: Invariants = (stage) => {
  const { pods } = stage;
  for (const [index, pod] of pods.entries()) {
    assert.equal(ordinalOf(pod), startOrdinal(stage.object) + index, 'ordinals have no gap');
    const below = pods[index - 1];
    assert.ok(!below || !isRunningAndReady(pod) || isRunningAndReady(below), `${nameOf(pod)} is ready before the one below`);
  }
  assertMembers(stage);
};

/** The lowest have the current revision, the highest the new one, as many as the status says. */
export const assertRevisions: Invariants = (stage) => {
  assertMembers(stage);
  if (stage.object.spec?.updateStrategy?.type !== 'RollingUpdate') return;
  const { currentReplicas = 0, updatedReplicas = 0, currentRevision, updateRevision } = stage.status;
  const revisions = stage.pods.map(revisionOf);
  for (const revision of revisions.slice(0, currentReplicas)) assert.equal(revision, currentRevision);
  if (updatedReplicas > 0) for (const revision of revisions.slice(-updatedReplicas)) assert.equal(revision, updateRevision);
};

/** One random pod takes its next step: the first without a phase is seen, then pending pods run and running ones are ready. */
function movePods(stage: SetStage): boolean {
  stage.nowMs += STEP_MS;
  const unseen = stage.pods.find((pod) => phaseOf(pod) === '');
  if (unseen) stage.setPhase(ordinalOf(unseen), 'Pending');
  const { pods } = stage;
  if (pods.length === 0) return true;
  const pod = pods[Math.floor(stage.random.number() * pods.length)]!;
  if (phaseOf(pod) === 'Pending') stage.setPhase(ordinalOf(pod), 'Running');
  else if (phaseOf(pod) === 'Running') stage.setReady(ordinalOf(pod));
  else return false;
  return true;
}

/** Pods come up one random step at a time until enough are ready. Rejects with the first failure, as all of these. */
export async function scaleUp(stage: SetStage, invariants: Invariants): Promise<void> {
  let steps = 0;
  while ((stage.status.readyReplicas ?? 0) < replicasOf(stage.object)) {
    assert.ok(steps++ < STEPS_MAX, 'the set never comes up');
    if (!movePods(stage)) continue;
    await synced(stage);
    invariants(stage);
  }
  invariants(stage);
}

/** Deletes claims that pods own which are gone, as the garbage collector does. */
export function collectClaims(stage: SetStage): void {
  const pods = new Map(stage.pods.map((pod) => [uidOf(pod), pod]));
  for (const claim of stage.list(corev1.persistentvolumeclaims)) {
    const owner = claim.metadata?.ownerReferences?.find(({ kind }) => kind === 'Pod');
    if (owner && !pods.has(owner.uid)) stage.drop(corev1.persistentvolumeclaims, nameOf(claim));
  }
}

/** Pods go one by one, each seen while it is terminating. */
export async function scaleDown(stage: SetStage, invariants: Invariants): Promise<void> {
  let steps = 0;
  while ((stage.status.replicas ?? 0) > replicasOf(stage.object)) {
    assert.ok(steps++ < STEPS_MAX, 'the set never comes down');
    stage.nowMs += STEP_MS;
    const highest = stage.pods.at(-1);
    if (highest) {
      await synced(stage);
      stage.setTerminating(highest);
      await synced(stage);
      const left = stage.pods.at(-1);
      if (left) stage.drop(corev1.pods, nameOf(left));
    }
    await synced(stage);
    invariants(stage);
  }
  collectClaims(stage);
  invariants(stage);
}

function isUpdated(stage: SetStage): boolean {
  const { pods, status } = stage;
  const { replicas, updateStrategy } = stage.object.spec!;
  if (pods.length !== replicas || status.readyReplicas !== replicas) return false;
  if (updateStrategy?.type === 'OnDelete') return true;
  const partition = updateStrategy?.rollingUpdate?.partition ?? 0;
  if (partition > 0) return pods.slice(partition).every((pod) => revisionOf(pod) === status.updateRevision);
  return (status.currentReplicas ?? 0) >= replicas && pods.every((pod) => revisionOf(pod) === status.currentRevision);
}

/** Carries an update through, one random step of a pod at a time. */
export async function rollOut(stage: SetStage, invariants: Invariants = assertRevisions): Promise<void> {
  await synced(stage);
  let steps = 0;
  while (!isUpdated(stage)) {
    assert.ok(steps++ < STEPS_MAX, 'the update never ends');
    if (!movePods(stage)) continue;
    await synced(stage);
    invariants(stage);
  }
  invariants(stage);
}

export async function synced(stage: SetStage): Promise<void> {
  const { failure } = await stage.sync();
  if (failure) throw failure;
}
