// The cgroups above containers: one per quality of service and one per pod (pkg/kubelet/cm). Version 1, hybrid and version 2.
import { access, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { corev1 } from '@tiphys/api';
import { amountsOf, podLimits, podRequests } from '@tiphys/machinery';
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
  /** The limits that follow from the pod's spec, and those that its cgroup has. */
  wantedLimits(pod: corev1.Pod): PodLimits;
  limitsOf(pod: corev1.Pod): Promise<PodLimits>;
  /** Changes one limit of a running pod; rejects when the kernel does. */
  setLimit(pod: corev1.Pod, key: keyof PodLimits, value: number): Promise<void>;
  /** Bytes in use by everything in the pod. */
  memoryUsage(pod: corev1.Pod): Promise<number>;
  /** Which version of cgroups can keep containers from swapping here; 0 when none can. */
  swapControl(): Promise<0 | 1 | 2>;
  processCount(pod: corev1.Pod): Promise<number>;
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

/** As the kernel's files hold them (version 2 has weights for shares); zero is no limit. */
export interface PodLimits {
  cpuShares: number;
  cpuQuota: number;
  memoryBytes: number;
}

export function cgroupLimits(pod: corev1.Pod): PodLimits {
  const { resources, containers, initContainers = [] } = pod.spec!;
  const limits = podLimits(pod);
  // One container without a limit leaves the pod without, unless the pod has one of its own.
  const isLimited = (name: string) =>
    Boolean(amountsOf(resources?.limits).get(name)) ||
    [...containers, ...initContainers].every((container) => amountsOf(container.resources?.limits).get(name));
  const limit = (name: string) => (isLimited(name) ? (limits.get(name) ?? 0) : 0);
  return {
    // By the spec alone: what was reported before may be of another size.
    cpuShares: cpuShares(podRequests({ ...pod, status: {} }).get('cpu') ?? 0),
    cpuQuota: cpuQuota(limit('cpu')),
    memoryBytes: limit('memory'),
  };
}

/** Shares 2…262144 → weight 1…10000. */
const weightOf = (shares: number) => Math.round(1 + ((shares - 2) * 9999) / 262142);

const LIMITS = ['cpuShares', 'cpuQuota', 'memoryBytes'] as const;
const FILES: Record<1 | 2, Record<keyof PodLimits, string>> = {
  1: { cpuShares: 'cpu.shares', cpuQuota: 'cpu.cfs_quota_us', memoryBytes: 'memory.limit_in_bytes' },
  2: { cpuShares: 'cpu.weight', cpuQuota: 'cpu.max', memoryBytes: 'memory.max' },
};
/** Version 1 prints "no limit" as the largest multiple of the page size. */
const UNLIMITED_BYTES = 2 ** 62;

/** Where the trees are mounted, and which version they have. */
interface Mounted {
  mount: string;
  version: 1 | 2;
}

const limitFile = ({ mount, version }: Mounted, path: string, key: keyof PodLimits) =>
  version === 2 ? join(mount, path, FILES[2][key]) : join(mount, key === 'memoryBytes' ? 'memory' : 'cpu', path, FILES[1][key]);

function limitText(version: 1 | 2, key: keyof PodLimits, value: number): string {
  if (key === 'cpuShares') return String(value);
  const text = value ? String(value) : version === 2 ? 'max' : '-1';
  return version === 2 && key === 'cpuQuota' ? `${text} ${QUOTA_PERIOD_MICROSECONDS}` : text;
}

function limitValue(key: keyof PodLimits, text: string): number {
  const value = Number(text.trim().split(' ')[0]);
  if (!(value > 0)) return 0;
  return key === 'memoryBytes' && value >= UNLIMITED_BYTES ? 0 : value;
}

/** The mounted trees: one in version 2, one for each controller before. */
async function hierarchiesOf({ mount, version }: Mounted): Promise<string[]> {
  if (version === 2) return [mount];
  const paths = CONTROLLERS_V1.map((name) => join(mount, name));
  const mounted = await Promise.all(paths.map(exists));
  return paths.filter((_, index) => mounted[index]);
}

function measures(
  { mount, version }: Mounted,
  hierarchies: readonly string[],
  base: string,
  podPath: (pod: corev1.Pod) => string,
): Pick<CgroupTree, 'memoryUsage' | 'swapControl' | 'processCount'> {
  return {
    memoryUsage: async (pod) => {
      const path = podPath(pod);
      const file = version === 2 ? join(mount, path, 'memory.current') : join(mount, 'memory', path, 'memory.usage_in_bytes');
      return Number(await readFile(file, 'utf8'));
    },
    swapControl: async () => {
      const file = version === 2 ? join(mount, base, 'memory.swap.max') : join(mount, 'memory', 'memory.memsw.limit_in_bytes');
      return (await exists(file)) ? version : 0;
    },
    processCount: async (pod) => (await pidsBelow(join(hierarchies.at(0)!, podPath(pod)))).length,
  };
}

/** `root` names the tree below every controller, such as `/tiphys-1a2b3c4d`. */
export async function cgroupTree(root: string, mount = MOUNT): Promise<CgroupTree> {
  const version = (await exists(join(mount, 'cgroup.controllers'))) ? 2 : 1;
  const mounted: Mounted = { mount, version };
  const hierarchies = await hierarchiesOf(mounted);
  const base = `${root}/kubepods`;
  const made = new Set<string>();

  const podPath = (pod: corev1.Pod) => {
    const qos = qosOf(pod);
    return `${base}${qos === 'Guaranteed' ? '' : `/${qos.toLowerCase()}`}/pod${pod.metadata!.uid}`;
  };
  /** Whether it was not there before. */
  const make = async (path: string): Promise<boolean> => {
    let fresh = false;
    for (const hierarchy of hierarchies) {
      fresh = (await mkdir(join(hierarchy, path), { recursive: true })) !== undefined || fresh;
      if (version === 2) await delegate(hierarchy, path);
    }
    return fresh;
  };
  const wanted = (pod: corev1.Pod): PodLimits => {
    const limits = cgroupLimits(pod);
    return version === 2 ? { ...limits, cpuShares: weightOf(limits.cpuShares) } : limits;
  };
  const apply = async (path: string, limits: PodLimits) => {
    for (const key of LIMITS) await write(limitFile(mounted, path, key), limitText(version, key, limits[key]));
  };
  for (const path of [base, `${base}/burstable`, `${base}/besteffort`]) await make(path);
  await apply(`${base}/besteffort`, { cpuShares: version === 2 ? 1 : 2, cpuQuota: 0, memoryBytes: 0 });

  const remove = async (path: string) => {
    const hybrid = version === 1 ? [join(mount, HYBRID)] : [];
    for (const hierarchy of [...hierarchies, ...hybrid]) await removeTree(join(hierarchy, path));
  };
  return {
    version,
    podPath,
    ensurePod: async (pod) => {
      const path = podPath(pod);
      if (made.has(pod.metadata!.uid!)) return path;
      // One that is there already belongs to containers that run: a resize changes it, in order.
      if (await make(path)) await apply(path, wanted(pod));
      made.add(pod.metadata!.uid!);
      return path;
    },
    wantedLimits: wanted,
    limitsOf: async (pod) => {
      const path = podPath(pod);
      const read = (key: keyof PodLimits) => readFile(limitFile(mounted, path, key), 'utf8').then((text) => limitValue(key, text));
      const [cpuShares, cpuQuota, memoryBytes] = await Promise.all([read('cpuShares'), read('cpuQuota'), read('memoryBytes')]);
      return { cpuShares, cpuQuota, memoryBytes };
    },
    setLimit: (pod, key, value) => writeFile(limitFile(mounted, podPath(pod), key), limitText(version, key, value)),
    ...measures(mounted, hierarchies, base, podPath),
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
