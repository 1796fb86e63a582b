import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appsv1, type corev1 } from '@tiphys/api';
import type { StoreEvent } from '@tiphys/storage';
import { VirtualCluster } from './virtual-cluster.ts';

const deployment = (name: string, replicas: number): appsv1.Deployment => ({
  metadata: { name, namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } as corev1.PodSpec },
  },
});

/** Everything that was ever written, as text. */
async function history(seed: number): Promise<string[]> {
  await using cluster = new VirtualCluster({ seed, nodes: 3 });
  const written: string[] = [];
  cluster.store.watch('/', cluster.store.revision, (events: readonly StoreEvent[]) => {
    for (const { type, record } of events)
      written.push(`${type} ${record.modRevision} ${record.key} ${Buffer.from(record.value).toString()}`);
  });
  await cluster.start();
  const { client } = cluster;
  const undo = cluster.faults.begin({ kind: 'refuse', part: 'controllers', code: 409, share: 0.2 });
  await cluster.clock.runUntil(client.of(appsv1.deployments).create(deployment('web', 5)));
  await cluster.clock.advance(30_000);
  undo();
  await cluster.stopPart('scheduler');
  await cluster.clock.runUntil(client.of(appsv1.deployments).patch('web', 'default', 'merge', { spec: { replicas: 8 } }));
  await cluster.clock.advance(60_000);
  await cluster.startPart('scheduler');
  await cluster.clock.advance(60_000);
  const web = await cluster.clock.runUntil(client.of(appsv1.deployments).get('web', 'default'));
  assert.equal(web.status?.readyReplicas, 8);
  return written;
}

test('a cluster on a virtual clock works, and the same seed writes the same history to the last byte', async () => {
  const [first, second] = [await history(7), await history(7)];
  assert.ok(first.length > 200, `${first.length} writes`);
  assert.deepEqual(second, first);
});
