// The tree of version 2 on a folder that looks like its mount: what the kernel would answer lies there as files.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { linuxResources } from '../container/container-configuration.ts';
import { cgroupTree } from './cgroup-tree.ts';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});
function mounted(files: Record<string, string>): string {
  const mount = mkdtempSync(join(tmpdir(), 'tiphys-cgroup-'));
  folders.push(mount);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(mount, path, '..'), { recursive: true });
    writeFileSync(join(mount, path), text);
  }
  return mount;
}

const ROOT = '/tiphys-1a2b3c4d';
/** As Linux 6.1 under systemd has it. */
const UNIFIED = { 'cgroup.controllers': 'cpuset cpu io memory hugetlb pids rdma misc\n', 'cgroup.subtree_control': '' };

const pod = (resources: corev1.ResourceRequirements): corev1.Pod => ({
  metadata: { name: 'p', namespace: 'default', uid: 'u-1' },
  spec: { containers: [{ name: 'c', image: 'i', resources }] },
});
const BURSTABLE = pod({ requests: { cpu: '500m' }, limits: { cpu: '1', memory: '64Mi' } });

test('version 2: a pod has one folder with weight, quota and limit', async () => {
  const mount = mounted(UNIFIED);
  const tree = await cgroupTree(ROOT, mount);
  assert.equal(tree.version, 2);
  assert.equal(readFileSync(join(mount, ROOT, 'kubepods/besteffort/cpu.weight'), 'utf8'), '1');
  const path = await tree.ensurePod(BURSTABLE);
  assert.equal(path, `${ROOT}/kubepods/burstable/podu-1`);
  const file = (name: string) => readFileSync(join(mount, path, name), 'utf8');
  assert.deepEqual([file('cpu.weight'), file('cpu.max'), file('memory.max')], ['20', '100000 100000', String(64 * 2 ** 20)]);
  assert.deepEqual(await tree.limitsOf(BURSTABLE), tree.wantedLimits(BURSTABLE));

  const unlimited = pod({ requests: { cpu: '2' } });
  unlimited.metadata!.uid = 'u-2';
  const other = await tree.ensurePod(unlimited);
  assert.deepEqual(
    [readFileSync(join(mount, other, 'cpu.max'), 'utf8'), readFileSync(join(mount, other, 'memory.max'), 'utf8')],
    ['max 100000', 'max'],
  );
  assert.deepEqual(await tree.limitsOf(unlimited), { cpuShares: 79, cpuQuota: 0, memoryBytes: 0 });
});

test('version 2: what the kernel answers is understood', async () => {
  const path = `${ROOT}/kubepods/burstable/podu-1`;
  const mount = mounted({
    ...UNIFIED,
    [`${path}/cpu.weight`]: '20\n',
    [`${path}/cpu.max`]: 'max 100000\n',
    [`${path}/memory.max`]: 'max\n',
    [`${path}/memory.current`]: '1048576\n',
    [`${path}/cgroup.procs`]: '',
    [`${path}/abc/cgroup.procs`]: '41\n42\n',
  });
  const tree = await cgroupTree(ROOT, mount);
  assert.deepEqual(await tree.limitsOf(BURSTABLE), { cpuShares: 20, cpuQuota: 0, memoryBytes: 0 });
  assert.equal(await tree.memoryUsage(BURSTABLE), 1_048_576);
  assert.equal(await tree.processCount(BURSTABLE), 2);
  assert.deepEqual(await tree.processes(), [41, 42]);
  await tree.setLimit(BURSTABLE, 'cpuQuota', 50_000);
  assert.equal(readFileSync(join(mount, path, 'cpu.max'), 'utf8'), '50000 100000');
  // A tree that runs already keeps its limits: a resize changes them in order.
  await tree.ensurePod(BURSTABLE);
  assert.equal(readFileSync(join(mount, path, 'cpu.max'), 'utf8'), '50000 100000');
});

test('version 2: every parent hands its controllers down', async () => {
  const mount = mounted({ ...UNIFIED, [`${ROOT}/cgroup.controllers`]: 'cpu memory pids\n' });
  await cgroupTree(ROOT, mount);
  // The kernel adds up what is written; a file keeps the last word.
  assert.equal(readFileSync(join(mount, 'cgroup.subtree_control'), 'utf8'), '+misc');
  assert.equal(readFileSync(join(mount, ROOT, 'cgroup.subtree_control'), 'utf8'), '+pids');
});

test('version 2: containers end as one and do not swap; version 1 knows no such rule', async () => {
  const withSwap = mounted({ ...UNIFIED, [`${ROOT}/kubepods/memory.swap.max`]: 'max\n' });
  assert.equal(await (await cgroupTree(ROOT, withSwap)).swapControl(), 2);
  assert.equal(await (await cgroupTree(ROOT, mounted(UNIFIED))).swapControl(), 0);
  const container = BURSTABLE.spec!.containers[0]!;
  const unified = (swapControl: 0 | 1 | 2, endsTogether: boolean) =>
    linuxResources(BURSTABLE, container, { capacityBytes: 2 ** 30, swapControl, endsTogether }).unified;
  assert.deepEqual(unified(2, true), { 'memory.oom.group': '1', 'memory.swap.max': '0' });
  assert.deepEqual(unified(0, true), { 'memory.oom.group': '1' });
  assert.equal(unified(1, false), undefined);
});

test('version 1: a folder in each hierarchy that is mounted', async () => {
  const mount = mounted({ 'cpu/tasks': '', 'memory/tasks': '' });
  const tree = await cgroupTree(ROOT, mount);
  assert.equal(tree.version, 1);
  const path = await tree.ensurePod(BURSTABLE);
  const files = ['cpu', 'cpu.shares', 'cpu', 'cpu.cfs_quota_us', 'memory', 'memory.limit_in_bytes'];
  const texts = [0, 2, 4].map((index) => readFileSync(join(mount, files[index]!, path, files[index + 1]!), 'utf8'));
  assert.deepEqual(texts, ['512', '100000', String(64 * 2 ** 20)]);
  assert.ok(!existsSync(join(mount, 'pids')));
  writeFileSync(join(mount, 'memory', path, 'memory.limit_in_bytes'), '9223372036854771712\n');
  assert.equal((await tree.limitsOf(BURSTABLE)).memoryBytes, 0);
});
