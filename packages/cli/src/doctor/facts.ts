// Reads from the machine what findings.ts judges.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { MachineFacts } from './findings.ts';

const run = promisify(execFile);
const PROGRAM_MS_MAX = 5_000;

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
};

function cgroups(): MachineFacts['cgroups'] {
  if (existsSync('/sys/fs/cgroup/cgroup.controllers'))
    return { version: 2, controllers: textOf('/sys/fs/cgroup/cgroup.controllers').split(' ') };
  const mounted = textOf('/proc/mounts')
    .split('\n')
    .filter((line) => line.split(' ')[2] === 'cgroup')
    .flatMap((line) => line.split(' ')[3]!.split(','));
  return mounted.length > 0 ? { version: 1, controllers: mounted } : undefined;
}

async function versionOf(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, ['--version'], { timeout: PROGRAM_MS_MAX });
    return stdout.split('\n')[0]!.trim();
  } catch {
    return undefined;
  }
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => settle(error.code === 'EADDRINUSE'));
    server.listen(port, () => server.close(() => settle(false)));
  });
}

/** The folder itself, or what is there of the way to it. */
function nearestExisting(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : nearestExisting(dirname(path));
}

export async function machineFacts(dataDir: string, ports: readonly number[]): Promise<MachineFacts> {
  const path = nearestExisting(dataDir);
  const { bavail, blocks, bsize } = statfsSync(path);
  const [containerd, runc, taken] = await Promise.all([versionOf('containerd'), versionOf('runc'), Promise.all(ports.map(isTaken))]);
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(textOf('/proc/meminfo'))?.[1];
  return {
    platform: process.platform,
    nodeVersion: process.versions.node,
    cgroups: cgroups(),
    programs: { containerd, runc },
    inotify: {
      instances: Number(textOf('/proc/sys/fs/inotify/max_user_instances')),
      watches: Number(textOf('/proc/sys/fs/inotify/max_user_watches')),
    },
    disk: { path, freeBytes: bavail * bsize, totalBytes: blocks * bsize },
    memoryAvailableBytes: Number(available ?? 0) * 1024,
    portsTaken: ports.filter((_, index) => taken[index]),
  };
}
