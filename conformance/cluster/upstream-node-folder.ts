// Where upstream's node keeps what it has, and how all of it goes: a kubelet leaves its pods running when it ends.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './lab.ts';
import { run } from './run.ts';

const CGROUPS = '/sys/fs/cgroup';

export interface NodeFolder {
  path: string;
  /** containerd's folder for what runs, and its socket. */
  state: string;
  socket: string;
  /** Below the root of each hierarchy. */
  cgroup: string;
}

/** Version 1 has a folder per controller, version 2 one for all. */
const hierarchies = (): string[] =>
  existsSync(join(CGROUPS, 'cgroup.controllers'))
    ? [CGROUPS]
    : readdirSync(CGROUPS, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [join(CGROUPS, entry.name)] : []));

/** Makes the cgroup: kubelets of one machine would take each other's pods for left behind. */
export function nodeFolder(scratch: string, { nodeName }: Machine): NodeFolder {
  const path = join(scratch, nodeName);
  const cgroup = `/tiphys-conformance-${process.pid}-${nodeName}`;
  for (const hierarchy of hierarchies()) mkdirSync(join(hierarchy, cgroup), { recursive: true });
  return { path, state: join(path, 'run'), socket: join(path, 'containerd.sock'), cgroup };
}

/** Innermost first. */
function removeCgroup(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  rmdirSync(path);
}

/** While containerd still runs. */
export async function removeNode({ path, socket, cgroup }: NodeFolder, peers: string): Promise<void> {
  const ctr = (...args: string[]) => run(join(peers, 'ctr'), ['-a', socket, '-n', 'k8s.io', ...args]);
  const tasks = (await ctr('tasks', 'list', '-q').catch(() => '')).split('\n').filter((id) => id !== '');
  for (const id of tasks) await ctr('tasks', 'delete', '--force', id).catch(() => '');
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  for (const mount of mounts.filter((each) => each.startsWith(`${path}/`)).reverse()) await run('umount', ['-l', mount]).catch(() => '');
  for (const hierarchy of hierarchies()) {
    try {
      removeCgroup(join(hierarchy, cgroup));
    } catch {
      // Something in it has not ended yet: the machine keeps an empty name.
    }
  }
}
