// The cgroups above containers: one per quality of service and one per pod (pkg/kubelet/cm). Version 1, hybrid and version 2.
import { access, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type corev1, parseQuantity } from '@tiphys/api';
import { podRequests } from '@tiphys/machinery';
import { cpuQuota, cpuShares, QUOTA_PERIOD_MICROSECONDS, qosOf } from '../pod-worker/qos.ts';

const MOUNT = '/sys/fs/cgroup';
/** On hybrid machines runc also makes a folder in the version 2 tree, which has no controllers there. */
const HYBRID = 'unified';
const CONTROLLERS_V1 = [
  'cpu',
  'cpuacct',
  'cpuset',
  'memory',
  'pids',
  'blkio',
  'devices',
  'freezer',
  'hugetlb',
  'systemd',
  'net_cls',
  'perf_event',
];

export interface CgroupTree {
  version: 1 | 2;
  /** Makes or updates the pod's cgroup; answers the path for CRI. */
  ensurePod(pod: corev1.Pod): Promise<string>;
  podPath(pod: corev1.Pod): string;
  removePod(podUid: string): Promise<void>;
  /** Removes the whole tree; processes in it must have ended. */
  removeAll(): Promise<void>;
  /** Pids anywhere below the tree. */
  processes(): Promise<number[]>;
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

async function write(path: string, value: string | number): Promise<void> {
  await writeFile(path, String(value)).catch(() => {});
}

interface Limits {
  cpuShares: number;
  cpuQuota: number;
  memoryBytes: number;
}

function podLimits(pod: corev1.Pod): Limits {
  const spec = pod.spec!;
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const sum = (name: string, milli: boolean) => {
    const amounts = containers.map(({ resources }) => resources?.limits?.[name]);
    // One container without a limit leaves the pod without.
    if (spec.containers.some(({ resources }) => resources?.limits?.[name] === undefined)) return 0;
    const of = (text: string | undefined) =>
      text === undefined ? 0 : milli ? parseQuantity(text).asMilli() : parseQuantity(text).asNumber();
    const regular = amounts.slice(0, spec.containers.length).reduce((total, text) => total + of(text), 0);
    return amounts.slice(spec.containers.length).reduce((most, text) => Math.max(most, of(text)), regular);
  };
  return {
    cpuShares: cpuShares(podRequests(pod).get('cpu') ?? 0),
    cpuQuota: cpuQuota(sum('cpu', true)),
    memoryBytes: sum('memory', false),
  };
}

/** Shares 2…262144 → weight 1…10000. */
const weightOf = (shares: number) => Math.round(1 + ((shares - 2) * 9999) / 262142);

/** `root` names the tree below every controller, such as `/tiphys-1a2b3c4d`. */
export async function cgroupTree(root: string): Promise<CgroupTree> {
  const version = (await exists(join(MOUNT, 'cgroup.controllers'))) ? 2 : 1;
  const hierarchies =
    version === 2
      ? [MOUNT]
      : (await Promise.all(CONTROLLERS_V1.map(async (name) => ((await exists(join(MOUNT, name))) ? join(MOUNT, name) : '')))).filter(
          Boolean,
        );
  const base = `${root}/kubepods`;
  const made = new Map<string, string>();

  const podPath = (pod: corev1.Pod) => {
    const qos = qosOf(pod);
    return `${base}${qos === 'Guaranteed' ? '' : `/${qos.toLowerCase()}`}/pod${pod.metadata!.uid}`;
  };
  const make = async (path: string) => {
    for (const hierarchy of hierarchies) {
      await mkdir(join(hierarchy, path), { recursive: true });
      if (version === 2) await delegate(hierarchy, path);
    }
  };
  const apply = async (path: string, limits: Limits) => {
    if (version === 2) {
      const directory = join(MOUNT, path);
      await write(join(directory, 'cpu.weight'), weightOf(limits.cpuShares));
      await write(join(directory, 'cpu.max'), `${limits.cpuQuota || 'max'} ${QUOTA_PERIOD_MICROSECONDS}`);
      await write(join(directory, 'memory.max'), limits.memoryBytes || 'max');
      return;
    }
    await write(join(MOUNT, 'cpu', path, 'cpu.shares'), limits.cpuShares);
    await write(join(MOUNT, 'cpu', path, 'cpu.cfs_quota_us'), limits.cpuQuota || -1);
    await write(join(MOUNT, 'memory', path, 'memory.limit_in_bytes'), limits.memoryBytes || -1);
  };
  for (const path of [base, `${base}/burstable`, `${base}/besteffort`]) await make(path);
  await apply(`${base}/besteffort`, { cpuShares: 2, cpuQuota: 0, memoryBytes: 0 });

  const remove = async (path: string) => {
    const hybrid = version === 1 ? [join(MOUNT, HYBRID)] : [];
    for (const hierarchy of [...hierarchies, ...hybrid]) await removeTree(join(hierarchy, path));
  };
  return {
    version,
    podPath,
    ensurePod: async (pod) => {
      const path = podPath(pod);
      const limits = podLimits(pod);
      const wanted = JSON.stringify(limits);
      if (made.get(pod.metadata!.uid!) === wanted) return path;
      await make(path);
      await apply(path, limits);
      made.set(pod.metadata!.uid!, wanted);
      return path;
    },
    removePod: async (podUid) => {
      made.delete(podUid);
      for (const parent of [base, `${base}/burstable`, `${base}/besteffort`]) await remove(`${parent}/pod${podUid}`);
    },
    removeAll: () => remove(root),
    processes: async () => {
      const pids = new Set<number>();
      for (const hierarchy of hierarchies) for (const pid of await pidsBelow(join(hierarchy, root))) pids.add(pid);
      return [...pids];
    },
  };
}

/** Version 2: a controller works below only when each parent hands it down. */
async function delegate(hierarchy: string, path: string): Promise<void> {
  const parts = path.split('/').filter(Boolean);
  for (let depth = 0; depth < parts.length; depth++) {
    const directory = join(hierarchy, ...parts.slice(0, depth));
    const available = (await readFile(join(directory, 'cgroup.controllers'), 'utf8').catch(() => '')).trim().split(' ');
    for (const controller of available.filter(Boolean)) await write(join(directory, 'cgroup.subtree_control'), `+${controller}`);
  }
}

async function folders(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(directory, entry.name));
}

async function removeTree(directory: string): Promise<void> {
  for (const folder of await folders(directory)) await removeTree(folder);
  await rmdir(directory).catch(() => {});
}

async function pidsBelow(directory: string): Promise<number[]> {
  const own = (await readFile(join(directory, 'cgroup.procs'), 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number);
  const below = await Promise.all((await folders(directory)).map(pidsBelow));
  return [...own, ...below.flat()];
}
