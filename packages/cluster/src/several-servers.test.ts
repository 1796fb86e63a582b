// Servers that share one etcd: one of them runs the controllers, all of them answer, and one may go.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { appsv1, coordinationv1, corev1 } from '@tiphys/api';
import { type EtcdProcess, skipWithoutEtcd, startEtcd } from '@tiphys/storage';
import { type Cluster, startCluster } from './start-cluster.ts';
import { until } from './testing/until.ts';

/** Far more than it takes. */
const TIMEOUT_MS = 60_000;
const skip = skipWithoutEtcd();
const folder = mkdtempSync(join(tmpdir(), 'tiphys-servers-'));
const [first, second] = [join(folder, 'first'), join(folder, 'second')];
let etcd: EtcdProcess;

before(async () => {
  if (!skip) [etcd] = (await startEtcd()) as [EtcdProcess];
});
after(async () => {
  await etcd?.remove();
  rmSync(folder, { recursive: true });
});

const start = (directory: string, advertiseAddress: string): Promise<Cluster> =>
  startCluster({ directory, etcd: etcd.endpoint, runtime: 'none', port: 0, advertiseAddress });

const holderOf = async ({ client }: Cluster, lease: string) =>
  (await client.of(coordinationv1.leases).get(lease, 'kube-system')).spec?.holderIdentity;

const addressesOf = async ({ client }: Cluster) => {
  const { subsets } = await client.of(corev1.endpoints).get('kubernetes', 'default');
  return subsets?.flatMap(({ addresses }) => addresses?.map(({ ip }) => ip));
};

test('two servers work as one, and the second goes on when the first is stopped', { skip }, async () => {
  await using a = await start(first, '192.0.2.1');
  await assert.rejects(
    start(join(folder, 'third'), '192.0.2.3'),
    /the servers on this etcd have other keys than this one\. Copy ca\.crt, /,
  );
  cpSync(join(first, 'pki'), join(second, 'pki'), { recursive: true });
  await using b = await start(second, '192.0.2.2');
  assert.deepEqual(await addressesOf(a), ['192.0.2.1', '192.0.2.2']);
  const leader = await holderOf(b, 'kube-controller-manager');
  assert.equal(leader, await holderOf(b, 'kube-scheduler'));

  const labels = { app: 'web' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'example.com/c' }] } };
  const web = { metadata: { name: 'web', namespace: 'shared' }, spec: { replicas: 2, selector: { matchLabels: labels }, template } };
  await b.client.of(corev1.namespaces).create({ metadata: { name: 'shared' } });
  // What one server acknowledged, the other knows.
  await a.client.of(appsv1.deployments).create(web);
  const pods = async () => (await b.client.of(corev1.pods).list({ namespace: 'shared' })).items.length;
  await until('the first server makes the pods', TIMEOUT_MS, async () => (await pods()) === 2);

  await a.close();
  assert.deepEqual(await addressesOf(b), ['192.0.2.2']);
  await until('the second server leads', TIMEOUT_MS, async () => (await holderOf(b, 'kube-controller-manager')) !== leader);
  await b.client.of(appsv1.deployments).patch('web', 'shared', 'merge', { spec: { replicas: 3 } });
  await until('the second server makes the third pod', TIMEOUT_MS, async () => (await pods()) === 3);
});

test('a folder whose state is in etcd is not started without it, nor on another', { skip }, async () => {
  await assert.rejects(
    startCluster({ directory: first, runtime: 'none', port: 0 }),
    /the state of the cluster in .* is in etcd: say where with --etcd/,
  );
  await assert.rejects(
    startCluster({ directory: first, runtime: 'none', port: 0, etcd: etcd.endpoint, etcdPrefix: '/other' }),
    /etcdPrefix: this folder's cluster is under \/registry in etcd, not under \/other/,
  );
  const [other] = (await startEtcd()) as [EtcdProcess];
  try {
    await assert.rejects(
      startCluster({ directory: first, runtime: 'none', port: 0, etcd: other.endpoint }),
      /is cluster [0-9a-f]+, and this cluster's state is in etcd cluster [0-9a-f]+; nothing was changed/,
    );
  } finally {
    await other.remove();
  }
});
