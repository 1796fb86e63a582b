// What a machine needs beside its network, as data: facts in, findings with their remedies out.
import type { Finding } from '@tiphys/network';

export interface MachineFacts {
  platform: string;
  /** Of the Node that runs this. */
  nodeVersion: string;
  cgroups: { version: 1 | 2; controllers: readonly string[] } | undefined;
  /** Version lines of the programs; undefined where one can't be run. */
  programs: Readonly<Record<'containerd' | 'runc', string | undefined>>;
  inotify: { instances: number; watches: number };
  /** Of the file system that holds the data folder. */
  disk: { path: string; freeBytes: number; totalBytes: number };
  memoryAvailableBytes: number;
  /** Ports that others listen on. */
  portsTaken: readonly number[];
}

export const NODE_MAJOR_MIN = 26;
export const CONTROLLERS = ['cpu', 'cpuset', 'memory', 'pids'] as const;
export const INOTIFY_INSTANCES_MIN = 512;
export const INOTIFY_WATCHES_MIN = 65_536;
const GIBIBYTE = 2 ** 30;
export const DISK_BYTES_MIN = GIBIBYTE;
/** Kubelets begin to remove images when less than this share is free. */
export const DISK_SHARE_MIN = 0.15;
export const MEMORY_BYTES_MIN = GIBIBYTE / 2;

function finding(severity: Finding['severity'], name: string, ok: boolean, text: string, fix: string): Finding {
  return { name, ok, severity, text, ...(ok ? {} : { fix }) };
}

function cgroupFinding({ cgroups }: MachineFacts): Finding {
  if (!cgroups) return finding('fail', 'cgroups', false, 'no control groups are mounted', 'mount -t cgroup2 none /sys/fs/cgroup');
  const missing = CONTROLLERS.filter((controller) => !cgroups.controllers.includes(controller));
  const text =
    missing.length === 0
      ? `cgroup v${cgroups.version} with all controllers`
      : `cgroup v${cgroups.version} lacks controllers: ${missing.join(', ')}`;
  const fix =
    cgroups.version === 2
      ? `echo '${missing.map((controller) => `+${controller}`).join(' ')}' > /sys/fs/cgroup/cgroup.subtree_control, or enable them on the kernel's command line`
      : `enable them on the kernel's command line: ${missing.map((controller) => `cgroup_enable=${controller}`).join(' ')}`;
  return finding('fail', 'cgroups', missing.length === 0, text, fix);
}

const gibibytes = (bytes: number) => `${(bytes / GIBIBYTE).toFixed(1)} GiB`;

function diskFinding({ disk }: MachineFacts): Finding {
  const { path, freeBytes, totalBytes } = disk;
  const text = `${gibibytes(freeBytes)} of ${gibibytes(totalBytes)} are free at ${path}`;
  const fix = 'remove what is not needed, or choose another place with --data-dir';
  if (freeBytes < DISK_BYTES_MIN) return finding('fail', 'disk', false, text, fix);
  return finding('warning', 'disk', freeBytes >= totalBytes * DISK_SHARE_MIN, text, fix);
}

export function machineFindings(facts: MachineFacts): Finding[] {
  const { programs, inotify, portsTaken } = facts;
  const program = (name: 'containerd' | 'runc') =>
    finding('fail', name, programs[name] !== undefined, programs[name] ?? `the program ${name} is missing`, `install the package ${name}`);
  const limit = (name: string, value: number, least: number, key: string) =>
    finding(
      'warning',
      name,
      value >= least,
      `fs.inotify.${key} is ${value}`,
      `sysctl -w fs.inotify.${key}=${least}; programs that watch files fail with "too many open files" otherwise`,
    );
  return [
    finding(
      'fail',
      'platform',
      facts.platform === 'linux',
      `this is ${facts.platform}`,
      'use simulated nodes: tiphys up --runtime simulated',
    ),
    finding(
      'fail',
      'node',
      Number(facts.nodeVersion.split('.')[0]) >= NODE_MAJOR_MIN,
      `Node ${facts.nodeVersion}`,
      `install Node ${NODE_MAJOR_MIN} or newer`,
    ),
    cgroupFinding(facts),
    program('containerd'),
    program('runc'),
    limit('inotify-instances', inotify.instances, INOTIFY_INSTANCES_MIN, 'max_user_instances'),
    limit('inotify-watches', inotify.watches, INOTIFY_WATCHES_MIN, 'max_user_watches'),
    diskFinding(facts),
    finding(
      'warning',
      'memory',
      facts.memoryAvailableBytes >= MEMORY_BYTES_MIN,
      `${gibibytes(facts.memoryAvailableBytes)} of memory are available`,
      'end other programs',
    ),
    finding(
      'fail',
      'ports',
      portsTaken.length === 0,
      portsTaken.length === 0 ? 'the ports of the API server and the node are free' : `other programs listen on ${portsTaken.join(', ')}`,
      'end them, or choose other ports: tiphys up --port, and kubeletPort in the configuration file',
    ),
  ];
}
