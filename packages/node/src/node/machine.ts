// Facts about this machine for the node's status (pkg/kubelet/cadvisor, nodestatus/setters.go).
import { readFile, statfs } from 'node:fs/promises';
import { arch, availableParallelism, hostname, networkInterfaces, release, totalmem } from 'node:os';

export interface MachineFacts {
  hostname: string;
  address: string;
  architecture: string;
  cpus: number;
  memoryBytes: number;
  ephemeralStorageBytes: number;
  machineId: string;
  systemUuid: string;
  bootId: string;
  kernel: string;
  osImage: string;
}

const read = async (path: string) => (await readFile(path, 'utf8').catch(() => '')).trim();

export interface MemoryInfo {
  totalBytes: number;
  freeBytes: number;
  /** Cached files that nobody has touched for long. */
  inactiveFileBytes: number;
  /** What is no file's. */
  anonymousBytes: number;
}

/** Of /proc/meminfo. Pure. */
export function parseMemoryInfo(text: string): MemoryInfo {
  const bytes = (name: string) => Number(new RegExp(`^${RegExp.escape(name)}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return {
    totalBytes: bytes('MemTotal'),
    freeBytes: bytes('MemFree'),
    inactiveFileBytes: bytes('Inactive(file)'),
    anonymousBytes: bytes('AnonPages'),
  };
}

/** The address of the interface that leads out, else the first that isn't the loopback. */
export async function mainAddress(): Promise<string> {
  const routes = (await read('/proc/net/route')).split('\n').map((line) => line.split(/\s+/));
  const out = routes.find((fields) => fields[1] === '00000000')?.[0];
  const interfaces = networkInterfaces();
  const named = out ? (interfaces[out] ?? []) : [];
  const all = [...named, ...Object.values(interfaces).flatMap((list) => list ?? [])];
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}

export async function readMachine(directory: string): Promise<MachineFacts> {
  const disk = await statfs(directory);
  const osRelease = await read('/etc/os-release');
  const machineId = await read('/etc/machine-id');
  return {
    hostname: hostname().toLowerCase(),
    address: await mainAddress(),
    architecture: arch() === 'x64' ? 'amd64' : arch(),
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    ephemeralStorageBytes: disk.blocks * disk.bsize,
    machineId,
    systemUuid: (await read('/sys/class/dmi/id/product_uuid')) || machineId,
    bootId: await read('/proc/sys/kernel/random/boot_id'),
    kernel: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? 'Linux',
  };
}
