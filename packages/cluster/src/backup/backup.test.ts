// Backups of clusters that run and that don't, from either store to either, and files that must be refused.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { corev1 } from '@tiphys/api';
import { skipWithoutEtcd, startEtcd } from '@tiphys/storage';
import { dataFolder, openDataFolder } from '../data-folder.ts';
import { type Cluster, startCluster } from '../start-cluster.ts';
import { restoreBackup, saveBackup } from './files.ts';
import { restorePlan } from './plan.ts';

const home = mkdtempSync(join(tmpdir(), 'tiphys-backup-'));
after(() => rmSync(home, { recursive: true, force: true }));
const path = (name: string) => join(home, name);
const start = (name: string, etcd?: string): Promise<Cluster> =>
  startCluster({ directory: path(name), runtime: 'none', port: 0, ...(etcd ? { etcd } : {}) });

const maps = ({ client }: Cluster) => client.of(corev1.configmaps);
const setMap = ({ client }: Cluster, name: string, text: string) =>
  client.of(corev1.configmaps).create({ metadata: { name, namespace: 'default' }, data: { text } });
const namesOf = async (cluster: Cluster) =>
  (await maps(cluster).list({ namespace: 'default' })).items
    .map(({ metadata }) => metadata!.name)
    .filter((name) => name!.startsWith('mine'));

const record = (key: string, createRevision: number, value = key) => ({
  key,
  createRevision,
  modRevision: createRevision,
  value: Buffer.from(value),
});

test('owners are written before what they own, and deletions come last', () => {
  const present = [
    record('/registry/a', 1),
    record('/registry/gone', 2),
    record('/registry/went', 9),
    record('/registry/masterleases/x', 3),
  ];
  const wanted = [
    record('/registry/a', 1),
    record('/registry/pods/p', 8),
    record('/registry/owners/o', 5),
    record('/registry/masterleases/y', 3),
  ];
  assert.deepEqual(
    restorePlan(present, wanted).map(({ type, key }) => `${type} ${key}`),
    ['put /registry/owners/o', 'put /registry/pods/p', 'delete /registry/went', 'delete /registry/gone'],
  );
});

test('a running cluster becomes what it was, and watchers see how', async () => {
  await using cluster = await start('running');
  await setMap(cluster, 'mine-kept', 'before');
  await setMap(cluster, 'mine-lost', 'x');
  const folder = dataFolder(path('running'));
  const { header } = await saveBackup({ folder, file: path('one') });
  assert.equal(statSync(path('one')).mode & 0o777, 0o600);
  await maps(cluster).delete('mine-lost', 'default');
  await maps(cluster).patch('mine-kept', 'default', 'merge', { data: { text: 'after' } });
  await setMap(cluster, 'mine-new', 'x');
  const restored = await restoreBackup({ folder, file: path('one') });
  assert.deepEqual(await namesOf(cluster), ['mine-kept', 'mine-lost']);
  assert.equal((await maps(cluster).get('mine-kept', 'default')).data!.text, 'before');
  assert.ok(restored.revision > header.revision && restored.written >= 2 && restored.deleted >= 1);
});

test('a new folder becomes the cluster of the backup, keys included', async () => {
  {
    await using cluster = await start('first');
    await setMap(cluster, 'mine', 'x');
  }
  const { header } = await saveBackup({ folder: dataFolder(path('first')), file: path('two') });
  const restored = await restoreBackup({ folder: openDataFolder(path('second')), file: path('two') });
  assert.ok(restored.revision > header.revision);
  for (const name of ['ca.crt', 'service-account.key'])
    assert.equal(readFileSync(join(path('second'), 'pki', name), 'utf8'), readFileSync(join(path('first'), 'pki', name), 'utf8'));
  await using cluster = await start('second');
  assert.deepEqual(await namesOf(cluster), ['mine']);
});

test('files that are damaged, newer, or of another cluster are refused, and nothing is changed', async () => {
  await using cluster = await start('refusing');
  await setMap(cluster, 'mine', 'x');
  const folder = dataFolder(path('refusing'));
  await saveBackup({ folder, file: path('good') });
  const good = readFileSync(path('good'));
  const before = (await maps(cluster).list({ namespace: 'default' })).metadata.resourceVersion;
  const refused = async (bytes: Uint8Array, message: RegExp) => {
    writeFileSync(path('bad'), bytes);
    await assert.rejects(restoreBackup({ folder, file: path('bad') }), { name: 'BackupError', message });
  };
  const lines = gunzipSync(good).toString().split('\n');
  const zipped = (change: (lines: string[]) => string[]) => gzipSync(change([...lines]).join('\n'));
  await refused(good.subarray(0, good.length >>> 1), /bad is damaged or no backup: unexpected end of file\. Nothing was changed$/);
  await refused(Buffer.from('kind: ConfigMap\n'), /bad is damaged or no backup: incorrect header check/);
  await refused(gzipSync('{"format":"other"}\n'), /bad is no backup of Tiphys/);
  await refused(
    zipped((all) => all.with(0, all[0]!.replace('"version":1', '"version":2'))),
    /written by a newer version of Tiphys \(format 2; this program knows 1\)/,
  );
  await refused(
    zipped((all) => all.toSpliced(3, 1)),
    /its content does not match its checksum/,
  );
  await refused(
    zipped((all) => all.slice(0, -2)),
    /its end is missing|ends in the middle/,
  );
  for (let i = 20; i < good.length; i += Math.ceil(good.length / 40)) {
    const flipped = Buffer.from(good);
    flipped[i]! ^= 0x10;
    await refused(flipped, /Nothing was changed/);
  }
  await using other = await start('other');
  await saveBackup({ folder: dataFolder(path('other')), file: path('foreign') });
  await assert.rejects(
    restoreBackup({ folder, file: path('foreign') }),
    /is a backup of another cluster \([0-9a-f-]+; this one is [0-9a-f-]+\)\. Nothing was changed/,
  );
  assert.equal((await maps(cluster).list({ namespace: 'default' })).metadata.resourceVersion, before);
  await setMap(other, 'mine-too', 'x');
  const replaced = await restoreBackup({ folder, file: path('foreign'), replaceCluster: true });
  assert.ok(replaced.otherKeys);
  assert.deepEqual(await namesOf(cluster), []);
});

test('a cluster moves from a file to etcd and back', { skip: skipWithoutEtcd() }, async () => {
  const [etcd] = await startEtcd();
  try {
    {
      await using cluster = await start('laptop');
      await setMap(cluster, 'mine', 'x');
    }
    await saveBackup({ folder: dataFolder(path('laptop')), file: path('three') });
    const configuration = { etcd: etcd!.endpoint };
    await restoreBackup({ folder: openDataFolder(path('on-etcd')), file: path('three'), configuration });
    {
      await using cluster = await start('on-etcd', etcd!.endpoint);
      assert.deepEqual(await namesOf(cluster), ['mine']);
      await setMap(cluster, 'mine-too', 'x');
    }
    await saveBackup({ folder: dataFolder(path('on-etcd')), file: path('four'), configuration });
    await restoreBackup({ folder: dataFolder(path('laptop')), file: path('four') });
    await using cluster = await start('laptop');
    assert.deepEqual(await namesOf(cluster), ['mine', 'mine-too']);
  } finally {
    await etcd!.remove();
  }
});
