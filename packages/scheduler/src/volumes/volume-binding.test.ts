import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1, storagev1 } from '@tiphys/api';
import { isRefusal, type Snapshot } from '../framework/plugin.ts';
import { snapshotOfWorld, worldOf } from '../testing/snapshot.ts';
import { decideVolumes, podVolumes, type VolumeDecision } from './volume-binding.ts';

const classes: Record<string, storagev1.StorageClass> = {
  standard: { metadata: { name: 'standard' }, provisioner: 'tiphys.dev/local', volumeBindingMode: 'WaitForFirstConsumer' },
  byhand: { metadata: { name: 'byhand' }, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' },
  atonce: { metadata: { name: 'atonce' }, provisioner: 'tiphys.dev/local', volumeBindingMode: 'Immediate' },
};
const claim = (name: string, storageClassName: string, storage = '1Gi', extra: object = {}): corev1.PersistentVolumeClaim => ({
  metadata: { name, namespace: 'default', uid: name, ...extra },
  spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
  status: { phase: 'Pending' },
});
const volume = (name: string, storageClassName: string, storage: string, host: string): corev1.PersistentVolume => ({
  metadata: { name },
  spec: {
    storageClassName,
    accessModes: ['ReadWriteOnce'],
    capacity: { storage },
    nodeAffinity: {
      required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [host] }] }] },
    },
  },
  status: { phase: 'Available' },
});
const node = (name: string): corev1.Node => ({ metadata: { name, labels: { 'kubernetes.io/hostname': name } } });
const pod = (...claims: string[]): corev1.Pod => ({
  metadata: { name: 'web', namespace: 'default', uid: 'web' },
  spec: {
    containers: [],
    volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
  } as corev1.PodSpec,
});
const snapshotOf = (claims: corev1.PersistentVolumeClaim[], volumes: corev1.PersistentVolume[] = []): Snapshot =>
  snapshotOfWorld(worldOf([]), {
    claim: (_namespace, name) => claims.find(({ metadata }) => metadata!.name === name),
    volume: (name) => volumes.find(({ metadata }) => metadata!.name === name),
    volumes: () => volumes,
    storageClass: (name) => classes[name],
  });

function onNode(wanted: corev1.Pod, snapshot: Snapshot, name: string, taken: string[] = []): string {
  const volumes = podVolumes(wanted, snapshot);
  if (!volumes) return 'no claims';
  if (isRefusal(volumes)) return volumes.reasons.join();
  const decided = decideVolumes(volumes, node(name), snapshot, new Set(taken));
  if (!Array.isArray(decided)) return decided.reasons.join();
  return decided.map((each: VolumeDecision) => `${each.claim.metadata!.name}=${each.volume?.metadata?.name ?? 'new'}`).join();
}

test('a claim waits for the node, then gets the smallest volume there or a new one', () => {
  const snapshot = snapshotOf(
    [claim('data', 'standard'), claim('log', 'byhand')],
    [volume('big', 'byhand', '10Gi', 'a'), volume('small', 'byhand', '2Gi', 'a'), volume('tiny', 'byhand', '1Mi', 'a')],
  );
  assert.equal(onNode(pod('data'), snapshot, 'a'), 'data=new');
  assert.equal(onNode(pod('log'), snapshot, 'a'), 'log=small');
  assert.equal(onNode(pod('log'), snapshot, 'a', ['small']), 'log=big');
  assert.equal(onNode(pod('log'), snapshot, 'b'), "node(s) didn't find available persistent volumes to bind");
  assert.equal(onNode(pod('data', 'log'), snapshot, 'a'), 'data=new,log=small');
  assert.equal(onNode(pod(), snapshot, 'a'), 'no claims');
});

test('two claims of one pod never share a volume', () => {
  const snapshot = snapshotOf([claim('one', 'byhand'), claim('two', 'byhand', '2Gi')], [volume('only', 'byhand', '5Gi', 'a')]);
  assert.equal(onNode(pod('one', 'two'), snapshot, 'a'), "node(s) didn't find available persistent volumes to bind");
});

test('what keeps a pod from every node', () => {
  const bound = claim('bound', 'standard', '1Gi', { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } });
  bound.spec!.volumeName = 'gone';
  const deleting = claim('deleting', 'standard', '1Gi', { deletionTimestamp: '2026-01-01T00:00:00Z' });
  const snapshot = snapshotOf([claim('now', 'atonce'), bound, deleting]);
  assert.equal(onNode(pod('missing'), snapshot, 'a'), 'persistentvolumeclaim "missing" not found');
  assert.equal(onNode(pod('now'), snapshot, 'a'), 'pod has unbound immediate PersistentVolumeClaims');
  assert.equal(onNode(pod('bound'), snapshot, 'a'), 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)');
  assert.equal(onNode(pod('deleting'), snapshot, 'a'), 'persistentvolumeclaim "deleting" is being deleted');
});

test('a bound volume keeps the pod on nodes that reach it', () => {
  const bound = claim('data', 'standard', '1Gi', { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } });
  bound.spec!.volumeName = 'disk';
  const snapshot = snapshotOf([bound], [volume('disk', 'standard', '1Gi', 'a')]);
  assert.equal(onNode(pod('data'), snapshot, 'a'), '');
  assert.equal(onNode(pod('data'), snapshot, 'b'), "node(s) didn't match PersistentVolume's node affinity");
});
