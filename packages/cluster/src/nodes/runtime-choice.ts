// Which runtime `auto` means on this machine, and why not containerd when it doesn't.
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { CNI_DIRECTORIES } from '@tiphys/node';
import { ConfigurationError, type NodeRuntime } from '../configuration.ts';

const PROGRAM_FOLDERS = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin', '/bin', '/sbin'];
const PROGRAMS = ['containerd', 'runc', 'nft', 'ip'];
const PLUGINS = ['bridge', 'host-local', 'loopback'];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What stands between this machine and real containers, as sentences; empty when nothing does. */
export function obstacles(): string[] {
  if (process.platform !== 'linux') return [`real containers need Linux, and this is ${process.platform}`];
  const found: string[] = [];
  if (process.getuid?.() !== 0) found.push('real containers need root');
  const folders = [...new Set([...(process.env.PATH ?? '').split(':'), ...PROGRAM_FOLDERS])];
  const missing = PROGRAMS.filter((name) => !folders.some((folder) => isExecutable(join(folder, name))));
  if (missing.length > 0)
    found.push(
      `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not installed (Debian: apt-get install containerd runc nftables iproute2)`,
    );
  if (!PLUGINS.every((name) => CNI_DIRECTORIES.some((folder) => existsSync(join(folder, name)))))
    found.push('the CNI plugins are not installed (Debian: apt-get install containernetworking-plugins)');
  return found;
}

/** Decides `auto`, and refuses containerd where it can't be. `explain` is told when a simulated node takes its place. */
export function chooseRuntime(wanted: NodeRuntime, explain: (text: string) => void, problems = obstacles()): Exclude<NodeRuntime, 'auto'> {
  if (wanted === 'containerd' && problems.length > 0) throw new ConfigurationError(`--runtime containerd: ${problems.join('; ')}`);
  if (wanted !== 'auto') return wanted;
  if (problems.length === 0) return 'containerd';
  explain(`No real containers here: ${problems.join('; ')}. Pods run on a simulated node; the API is the same`);
  return 'simulated';
}
