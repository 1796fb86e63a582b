import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1, storagev1 } from '@tiphys/api';
import { NAMESPACE, startTestCluster } from '../testing/cluster.ts';
import { volumeControllers } from './index.ts';
import { LOCAL_PROVISIONER, STANDARD_CLASS } from './local-provisioner.ts';
import { CLAIM_FINALIZER, CLASS_FINALIZER } from './protection.ts';

const claim = (name: string, storageClassName: string, metadata: object = {}): corev1.PersistentVolumeClaim => ({
  metadata: { name, namespace: NAMESPACE, ...metadata },
  spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});

const volume = (name: string, storage: string): corev1.PersistentVolume => ({
  metadata: { name },
  spec: {
    capacity: { storage },
    accessModes: ['ReadWriteOnce'],
    persistentVolumeReclaimPolicy: 'Retain',
    storageClassName: 'byhand',
    hostPath: { path: `/srv/${name}` },
  },
});

test('a claim gets the smallest volume that fits, which is released when the claim goes', async () => {
  await using cluster = await startTestCluster(volumeControllers({ directory: '/volumes' }));
  const { client } = cluster;
  for (const [name, size] of [
    ['large', '10Gi'],
    ['fitting', '2Gi'],
    ['small', '1Mi'],
  ] as const) {
    await client.of(corev1.persistentvolumes).create(volume(name, size));
  }
  await cluster.untilAll(corev1.persistentvolumes, (all) => all.length === 3 && all.every(({ status }) => status?.phase === 'Available'));
  await client.of(corev1.persistentvolumeclaims).create(claim('data', 'byhand', { finalizers: [CLAIM_FINALIZER] }));
  const bound = await cluster.until(corev1.persistentvolumeclaims, 'data', ({ status }) => status?.phase === 'Bound');
  assert.equal(bound.spec!.volumeName, 'fitting');
  assert.deepEqual(bound.status!.capacity, { storage: '2Gi' });
  await cluster.until(corev1.persistentvolumes, 'fitting', ({ status }) => status?.phase === 'Bound');
  await client.of(corev1.persistentvolumeclaims).delete('data', NAMESPACE);
  await cluster.untilAll(corev1.persistentvolumeclaims, (all) => all.length === 0);
  await cluster.until(corev1.persistentvolumes, 'fitting', ({ status }) => status?.phase === 'Released');
});

test('a claim is kept while a pod on a node uses it', async () => {
  await using cluster = await startTestCluster(volumeControllers({ directory: '/volumes' }));
  const { client } = cluster;
  const source = { persistentVolumeClaim: { claimName: 'data' } };
  const spec = { nodeName: 'a', containers: [{ name: 'c', image: 'c:1' }], volumes: [{ name: 'data', ...source }] } as corev1.PodSpec;
  await client.of(corev1.persistentvolumeclaims).create(claim('data', 'byhand', { finalizers: [CLAIM_FINALIZER] }));
  await client.of(corev1.pods).create({ metadata: { name: 'user', namespace: NAMESPACE }, spec });
  await cluster.until(corev1.pods, 'user', ({ status }) => status?.phase === 'Running');
  await client.of(corev1.persistentvolumeclaims).delete('data', NAMESPACE);
  const kept = await cluster.until(corev1.persistentvolumeclaims, 'data', ({ metadata }) => metadata?.deletionTimestamp !== undefined);
  assert.deepEqual(kept.metadata!.finalizers, [CLAIM_FINALIZER]);
  await client.of(corev1.pods).delete('user', NAMESPACE, { gracePeriodSeconds: 0 });
  await cluster.untilAll(corev1.persistentvolumeclaims, (all) => all.length === 0);
});

test('the built-in provisioner makes a folder on the chosen node, and takes it away', async () => {
  const folders: string[] = [];
  const record = (what: string) => async (path: string) => void folders.push(`${what} ${path}`);
  await using cluster = await startTestCluster(
    volumeControllers({ directory: '/volumes', create: record('create'), remove: record('remove') }),
  );
  const { client } = cluster;
  const standard = await cluster.until(storagev1.storageclasses, STANDARD_CLASS, () => true);
  assert.deepEqual([standard.provisioner, standard.volumeBindingMode], [LOCAL_PROVISIONER, 'WaitForFirstConsumer']);
  const made = await client.of(corev1.persistentvolumeclaims).create(claim('data', STANDARD_CLASS));
  await cluster.until(corev1.persistentvolumeclaims, 'data', ({ status }) => status?.phase === 'Pending');
  const chosen = { metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'node-a' } } };
  await client.of(corev1.persistentvolumeclaims).patch('data', NAMESPACE, 'merge', chosen);
  const bound = await cluster.until(corev1.persistentvolumeclaims, 'data', ({ status }) => status?.phase === 'Bound');
  const name = `pvc-${made.metadata!.uid}`;
  assert.equal(bound.spec!.volumeName, name);
  await client.of(corev1.persistentvolumeclaims).delete('data', NAMESPACE);
  await cluster.untilAll(corev1.persistentvolumes, (all) => all.length === 0);
  assert.deepEqual(folders, [`create /volumes/${name}`, `remove /volumes/${name}`]);
});

test('a volume attributes class is kept while a claim wants it', async () => {
  await using cluster = await startTestCluster(volumeControllers({ directory: '/volumes' }));
  const { client } = cluster;
  const fast = { metadata: { name: 'fast', finalizers: [CLASS_FINALIZER] }, driverName: 'example.com', parameters: { iops: '1' } };
  await client.of(storagev1.volumeattributesclasses).create(fast);
  const wanted = claim('data', 'byhand');
  await client.of(corev1.persistentvolumeclaims).create({ ...wanted, spec: { ...wanted.spec!, volumeAttributesClassName: 'fast' } });
  await cluster.untilAll(corev1.persistentvolumeclaims, (all) => all.length === 1);
  await client.of(storagev1.volumeattributesclasses).delete('fast');
  const kept = await cluster.until(storagev1.volumeattributesclasses, 'fast', ({ metadata }) => metadata?.deletionTimestamp !== undefined);
  assert.deepEqual(kept.metadata!.finalizers, [CLASS_FINALIZER]);
  await client.of(corev1.persistentvolumeclaims).delete('data', NAMESPACE);
  await cluster.untilAll(storagev1.volumeattributesclasses, (all) => all.length === 0);
});
