// DIR: where a cluster keeps everything it has. Names what is in it, refuses another version's, and says who runs on it.
import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Runtime } from '@tiphys/runtime';
import type { KeyFiles } from './certificates/cluster-keys.ts';
import { ConfigurationError } from './configuration.ts';

/** Raised when the folder's layout changes so that an older or newer program can't use it. */
export const FOLDER_VERSION = 1;

export interface DataFolder {
  path: string;
  database: string;
  kubeconfig: string;
  nodeFolder: string;
  logFile: string;
  processFile: string;
}

/** Who runs on a folder. `startedTicks` tells a process from a later one with the same id. */
export interface RunningProcess {
  pid: number;
  startedTicks: string;
  url: string;
  runtime: string;
}

export function dataFolder(path: string): DataFolder {
  return {
    path,
    database: join(path, 'state.db'),
    kubeconfig: join(path, 'kubeconfig'),
    nodeFolder: join(path, 'node'),
    logFile: join(path, 'tiphys.log'),
    processFile: join(path, 'process.json'),
  };
}

/** Keys of another server are put here before this one is started for the first time. */
const KEY_FOLDER = 'pki';
const MAY_COME_FIRST = new Set([KEY_FOLDER]);

const temporaryOf = (path: string) => `${path}.new`;

/** Writes whole or not at all. What can't be made again is `precious`: it is on the disk when this returns. */
export function writeFileAtomically(path: string, text: string, mode = 0o600, precious = false): void {
  const temporary = temporaryOf(path);
  const file = openSync(temporary, 'w', mode);
  try {
    writeSync(file, text);
    fchmodSync(file, mode);
    // Without this a power cut could leave the new name on an empty file.
    if (precious) fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/** Makes the folder, or checks that it is one of ours and of this version. */
export function openDataFolder(path: string): DataFolder {
  const folder = dataFolder(path);
  const versionFile = join(path, 'version');
  if (existsSync(path) && !statSync(path).isDirectory()) throw new ConfigurationError(`${path} is not a folder`);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (existsSync(versionFile)) {
    const found = readFileSync(versionFile, 'utf8').trim();
    if (found !== String(FOLDER_VERSION))
      throw new ConfigurationError(
        `${path} belongs to another version of Tiphys (folder version ${JSON.stringify(found)}; this program knows ${FOLDER_VERSION}). Use that version, or another folder with --data-dir.`,
      );
  } else if (readdirSync(path).some((name) => !MAY_COME_FIRST.has(name) && name !== basename(temporaryOf(versionFile)))) {
    throw new ConfigurationError(`${path} is not empty and not a Tiphys data folder. Choose another with --data-dir.`);
  } else writeFileAtomically(versionFile, `${FOLDER_VERSION}\n`, 0o644, true);
  return folder;
}

/** Tells the server on this folder from others that share its store. */
export function serverIdentity(folder: DataFolder, { random }: Pick<Runtime, 'random'>): string {
  const path = join(folder.path, 'server-id');
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  const identity = `${hostname()}_${random.uuid()}`;
  writeFileAtomically(path, `${identity}\n`, 0o644, true);
  return identity;
}

export function isDataFolder(path: string): boolean {
  return existsSync(join(path, 'version'));
}

export function folderKeyFiles(folder: DataFolder): KeyFiles {
  const pki = join(folder.path, KEY_FOLDER);
  mkdirSync(pki, { recursive: true, mode: 0o700 });
  return {
    read: (name) => (existsSync(join(pki, name)) ? readFileSync(join(pki, name), 'utf8') : undefined),
    write: (name, text) => writeFileAtomically(join(pki, name), text, 0o600, true),
  };
}

/** Field 22 of /proc/PID/stat on Linux: when the process began. Empty where there is no such file. */
export function startedTicks(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The process that runs on the folder, if one does. */
export function runningOn(folder: DataFolder): RunningProcess | undefined {
  let found: RunningProcess;
  try {
    found = JSON.parse(readFileSync(folder.processFile, 'utf8'));
  } catch {
    return undefined;
  }
  return isAlive(found.pid) && startedTicks(found.pid) === found.startedTicks ? found : undefined;
}

export function markRunning(folder: DataFolder, url: string, runtime: string): void {
  const mark: RunningProcess = { pid: process.pid, startedTicks: startedTicks(process.pid), url, runtime };
  mkdirSync(dirname(folder.processFile), { recursive: true });
  writeFileAtomically(folder.processFile, JSON.stringify(mark));
}

export function unmarkRunning(folder: DataFolder): void {
  rmSync(folder.processFile, { force: true });
}
