// StatefulSets on the real server: order, updates, scaling, claims and revisions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1, corev1 } from '@tiphys/api';
import { startTestCluster } from '../testing/cluster.ts';
import { template } from '../testing/objects.ts';
import { statefulSetController } from './statefulset-controller.ts';

function database(replicas: number, extra: Partial<appsv1.StatefulSetSpec> = {}): appsv1.StatefulSet {
  return {
    metadata: { name: 'db', namespace: 'default' },
    spec: { replicas, serviceName: 'db', selector: { matchLabels: { app: 'web' } }, template: template('db:1'), ...extra },
  };
}

const settled = (set: appsv1.StatefulSet) =>
  set.status?.observedGeneration === set.metadata?.generation &&
  set.status?.readyReplicas === set.spec?.replicas &&
  set.status?.updatedReplicas === set.spec?.replicas;
const names = (pods: readonly corev1.Pod[]) => pods.map((pod) => pod.metadata?.name).sort();

test('creates pods in order with their claims, updates from the highest and scales down', async () => {
  await using cluster = await startTestCluster([statefulSetController]);
  const sets = cluster.client.of(appsv1.statefulsets);
  const claim = { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } };
  const created: string[] = [];
  cluster.client.informer(corev1.pods).subscribe({ added: (pod) => void created.push(pod.metadata!.name!) });
  await sets.create(database(3, { volumeClaimTemplates: [claim] }));
  const first = await cluster.until(appsv1.statefulsets, 'db', settled);
  assert.deepEqual(created, ['db-0', 'db-1', 'db-2']);
  assert.equal(first.status?.currentRevision, first.status?.updateRevision);
  const claims = await cluster.client.of(corev1.persistentvolumeclaims).list({ namespace: 'default' });
  assert.deepEqual(claims.items.map((one) => one.metadata?.name).sort(), ['data-db-0', 'data-db-1', 'data-db-2']);
  const pod = await cluster.client.of(corev1.pods).get('db-1', 'default');
  assert.equal(pod.spec?.hostname, 'db-1');
  assert.equal(pod.metadata?.labels?.['apps.kubernetes.io/pod-index'], '1');

  await sets.patch('db', 'default', 'json', [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'db:2' }]);
  const second = await cluster.until(appsv1.statefulsets, 'db', (set) => set.metadata?.generation === 2 && settled(set));
  assert.deepEqual(created.slice(3), ['db-2', 'db-1', 'db-0']);
  assert.notEqual(second.status?.currentRevision, first.status?.currentRevision);

  await sets.patch('db', 'default', 'merge', { spec: { replicas: 1 } });
  await cluster.until(appsv1.statefulsets, 'db', (set) => set.metadata?.generation === 3 && settled(set));
  assert.deepEqual(names(await cluster.untilAll(corev1.pods, (pods) => pods.length === 1)), ['db-0']);
});

test('a partition holds the lower ordinals back', async () => {
  await using cluster = await startTestCluster([statefulSetController]);
  const sets = cluster.client.of(appsv1.statefulsets);
  const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 2 } };
  await sets.create(database(3, { podManagementPolicy: 'Parallel', updateStrategy }));
  await cluster.until(appsv1.statefulsets, 'db', settled);
  await sets.patch('db', 'default', 'json', [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: 'db:2' }]);
  const set = await cluster.until(appsv1.statefulsets, 'db', (one) => one.status?.updatedReplicas === 1 && one.status.readyReplicas === 3);
  assert.equal(set.status?.currentReplicas, 2);
  const pods = await cluster.client.of(corev1.pods).list({ namespace: 'default' });
  const images = Object.fromEntries(pods.items.map((pod) => [pod.metadata?.name, pod.spec?.containers[0]?.image]));
  assert.deepEqual(images, { 'db-0': 'db:1', 'db-1': 'db:1', 'db-2': 'db:2' });
});
