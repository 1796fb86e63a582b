import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1 } from '@tiphys/api';
import type { ReconcileContext, Snapshot } from '../runtime/controller.ts';
import { NAMESPACE, startTestCluster } from '../testing/cluster.ts';
import { resourceQuotaController } from './resource-quota-controller.ts';

test('a new quota counts what is there, and again what goes', async () => {
  await using cluster = await startTestCluster([resourceQuotaController]);
  const { client } = cluster;
  const requests = { cpu: '250m', memory: '64Mi' };
  for (const name of ['a', 'b']) {
    const spec = { containers: [{ name: 'c', image: 'c:1', resources: { requests } }] } as corev1.PodSpec;
    await client.of(corev1.pods).create({ metadata: { name, namespace: NAMESPACE }, spec });
  }
  await client.of(corev1.configmaps).create({ metadata: { name: 'settings', namespace: NAMESPACE } });
  const hard = { pods: '5', 'requests.cpu': '2', configmaps: '10', 'count/limitranges': '3' };
  await client.of(corev1.resourcequotas).create({ metadata: { name: 'quota', namespace: NAMESPACE }, spec: { hard } });
  const counted = await cluster.until(corev1.resourcequotas, 'quota', ({ status }) => status?.used !== undefined);
  assert.deepEqual(counted.status!.hard, hard);
  assert.deepEqual(counted.status!.used, { pods: '2', 'requests.cpu': '500m', configmaps: '1', 'count/limitranges': '0' });
  await client.of(corev1.pods).delete('a', NAMESPACE, { gracePeriodSeconds: 0 });
  await client.of(corev1.configmaps).delete('settings', NAMESPACE);
  const after = await cluster.until(
    corev1.resourcequotas,
    'quota',
    ({ status }) => status?.used?.pods === '1' && status.used.configmaps === '0',
  );
  assert.equal(after.status!.used!['requests.cpu'], '250m');
});

test('nothing is given back for what a cache does not show yet', async () => {
  await using cluster = await startTestCluster([]);
  const { client, runtime } = cluster;
  const spec = { containers: [{ name: 'c', image: 'c:1' }] } as corev1.PodSpec;
  await client.of(corev1.pods).create({ metadata: { name: 'new', namespace: NAMESPACE }, spec });
  const quotas = client.of(corev1.resourcequotas);
  const created = await quotas.create({ metadata: { name: 'quota', namespace: NAMESPACE }, spec: { hard: { pods: '5' } } });
  const quota = await quotas.updateStatus({ ...created, status: { hard: { pods: '5' }, used: { pods: '1' } } });
  const lagging: Snapshot = { get: () => undefined, list: () => [], controlledBy: () => [], byIndex: () => [] };
  const context = { client, runtime, snapshot: lagging, signal: new AbortController().signal } as unknown as ReconcileContext;
  await resourceQuotaController.reconcile!({ name: 'quota', namespace: NAMESPACE }, quota, context);
  assert.deepEqual((await quotas.get('quota', NAMESPACE)).status!.used, { pods: '1' });
});
