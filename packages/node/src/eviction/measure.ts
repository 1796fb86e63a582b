// What a node has left, and what its pods use (cadvisor's and CRI's numbers, as pkg/kubelet/stats puts them together).
import { execFile } from 'node:child_process';
import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { corev1 } from '@tiphys/api';
import type { ContainerStats } from '../cri/generated/cri.ts';
import { parseMemoryInfo } from '../node/machine.ts';
import type { NodeContext } from '../pod-worker/node-context.ts';
import { podLogDirectory } from '../pod-worker/paths.ts';
import { LABELS } from '../pod-worker/pod-runtime.ts';
import type { DiskUse } from './local-storage.ts';
import type { PodUse, Uses } from './ranking.ts';
import type { Observation, Observations, Signal, Starved } from './signals.ts';

const run = promisify(execFile);

async function memory(): Promise<Observation> {
  const { totalBytes, freeBytes, inactiveFileBytes } = parseMemoryInfo(await readFile('/proc/meminfo', 'utf8'));
  return { capacity: totalBytes, available: freeBytes + inactiveFileBytes };
}

async function processes(): Promise<Observation> {
  const [load, pidMax, threadsMax] = await Promise.all(
    ['/proc/loadavg', '/proc/sys/kernel/pid_max', '/proc/sys/kernel/threads-max'].map((path) => readFile(path, 'utf8')),
  );
  const capacity = Math.min(Number(pidMax), Number(threadsMax));
  return { capacity, available: capacity - Number(/\/(\d+) /.exec(load!)?.[1] ?? 0) };
}

/** `directory` lies on the disk of pods, logs and images: with Tiphys they are one. */
export async function observeNode(directory: string): Promise<Observations> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(directory);
  const space = { capacity: blocks * bsize, available: bavail * bsize };
  const inodes = { capacity: files, available: ffree };
  const found: [Signal, Observation][] = [
    ['memory.available', await memory()],
    ['nodefs.available', space],
    ['imagefs.available', space],
    ['pid.available', await processes()],
  ];
  // Some file systems make inodes as they need them, and say zero.
  if (files > 0) found.push(['nodefs.inodesFree', inodes], ['imagefs.inodesFree', inodes]);
  return new Map(found);
}

/** Bytes or inodes below a folder on its own disk. */
async function count(directory: string, what: 'bytes' | 'inodes'): Promise<number> {
  // A file that vanishes while they are counted makes du complain, and still say its sum.
  const { stdout } = await run('du', what === 'bytes' ? ['-sxB1', directory] : ['-sx', '--inodes', directory]).catch(
    (error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }),
  );
  return Number.parseInt(stdout, 10) || 0;
}

const nameOf = ({ attributes }: ContainerStats) => attributes?.labels?.[LABELS.containerName] ?? '';
const uidOf = ({ attributes }: ContainerStats) => attributes?.labels?.[LABELS.podUid] ?? '';

/** The last run of each container: the runtime also tells of older ones. */
function newestRuns(stats: readonly ContainerStats[]): ContainerStats[] {
  const newest = new Map<string, ContainerStats>();
  const attemptOf = (run: ContainerStats | undefined) => run?.attributes?.metadata?.attempt ?? 0;
  for (const run of stats) {
    const key = `${uidOf(run)}/${nameOf(run)}`;
    if (!newest.has(key) || attemptOf(run) > attemptOf(newest.get(key))) newest.set(key, run);
  }
  return [...newest.values()];
}

async function diskUse(
  context: NodeContext,
  pod: corev1.Pod,
  stats: readonly ContainerStats[],
  what: 'bytes' | 'inodes',
): Promise<DiskUse> {
  const directory = context.volumes.podDirectory(pod.metadata!.uid!);
  const volumes = new Map<string, number>();
  for (const { name, emptyDir, configMap } of pod.spec!.volumes ?? []) {
    if ((!emptyDir || emptyDir.medium === 'Memory') && !configMap) continue;
    const plugin = emptyDir ? 'empty-dir' : 'configmap';
    volumes.set(name, await count(join(directory, 'volumes', `kubernetes.io~${plugin}`, name), what));
  }
  const containers = new Map<string, number>();
  for (const each of stats) {
    const logs = await count(join(podLogDirectory(context.directory, pod), nameOf(each)), what);
    const written = what === 'bytes' ? each.writableLayer?.usedBytes?.value : each.writableLayer?.inodesUsed?.value;
    containers.set(nameOf(each), (written ?? 0) + logs);
  }
  const otherBytes = what === 'bytes' ? await count(join(directory, 'etc-hosts'), what) : 0;
  return { volumes, containers, otherBytes };
}

/** What a pod has on the disk. */
export async function measureDisk(context: NodeContext, pod: corev1.Pod): Promise<DiskUse> {
  const stats = await context.cri.listContainerStats({ labelSelector: { [LABELS.podUid]: pod.metadata!.uid! } });
  return diskUse(context, pod, newestRuns(stats), 'bytes');
}

const sum = (amounts: Iterable<number>) => [...amounts].reduce((total, amount) => total + amount, 0);

async function podUse(context: NodeContext, pod: corev1.Pod, stats: readonly ContainerStats[], resource: Starved): Promise<PodUse> {
  const isDisk = resource === 'ephemeral-storage' || resource === 'inodes';
  const disk = isDisk ? await diskUse(context, pod, stats, resource === 'inodes' ? 'inodes' : 'bytes') : undefined;
  const total = disk ? sum(disk.volumes.values()) + sum(disk.containers.values()) : 0;
  const containers = stats.map((each) => ({
    name: nameOf(each),
    memoryBytes: each.memory?.workingSetBytes?.value ?? 0,
    diskBytes: disk?.containers.get(nameOf(each)) ?? 0,
  }));
  return {
    memoryBytes: sum(containers.map(({ memoryBytes }) => memoryBytes)),
    diskBytes: total,
    inodes: total,
    processes: resource === 'pids' ? await context.cgroups.processCount(pod) : 0,
    containers,
  };
}

/** What is in question alone is measured: walking every pod's files takes its time. */
export async function measurePods(context: NodeContext, pods: readonly corev1.Pod[], resource: Starved): Promise<Uses> {
  const stats = newestRuns(await context.cri.listContainerStats());
  const uses = new Map<string, PodUse>();
  for (const pod of pods) {
    const own = stats.filter((each) => uidOf(each) === pod.metadata!.uid);
    if (own.length > 0) uses.set(pod.metadata!.uid!, await podUse(context, pod, own, resource));
  }
  return uses;
}
