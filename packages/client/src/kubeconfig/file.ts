// One kubeconfig file as a document to change: comments, order and unknown fields stay as the user left them. Guarded by
// the lock file that kubectl uses, written whole or not at all, with mode 0600 when new.
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Document, isMap, isSeq, parseDocument, type YAMLMap } from 'yaml';
import { KubeconfigError } from './types.ts';

export const LOCK_ATTEMPTS_MAX = 50;
const LOCK_AGAIN_MS = 100;

/** First line of a file that was made here: it goes again when nothing is left in it. */
const OWN_FILE = ' Made by tiphys. Goes away with the last entry.';
const EMPTY = `#${OWN_FILE}\napiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\ncurrent-context: ""\n`;

export type EntryList = 'clusters' | 'users' | 'contexts';

export interface KubeconfigFile {
  path: string;
  document: Document;
  /** Text as it was; undefined when there was no file. */
  before?: string;
}

export function readKubeconfigFile(path: string): KubeconfigFile {
  let before: string | undefined;
  try {
    before = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new KubeconfigError(`error loading config file "${path}": ${(error as Error).message}`);
  }
  const document = parseDocument(before?.trim() ? before : EMPTY);
  const problem = document.errors[0];
  if (problem) throw new KubeconfigError(`error loading config file "${path}": ${problem.message}`);
  if (!isMap(document.contents)) throw new KubeconfigError(`error loading config file "${path}": it holds no Config object`);
  return { path, document, ...(before === undefined ? {} : { before }) };
}

export function entryOf(file: KubeconfigFile, list: EntryList, name: string): YAMLMap | undefined {
  const entries = file.document.get(list);
  if (!isSeq(entries)) return undefined;
  return entries.items.find((item): item is YAMLMap => isMap(item) && item.get('name') === name);
}

export function putEntry(file: KubeconfigFile, list: EntryList, name: string, value: object): void {
  const key = list.slice(0, -1);
  const known = entryOf(file, list, name);
  if (known) {
    known.set(key, file.document.createNode(value));
    return;
  }
  let entries = file.document.get(list);
  if (!isSeq(entries)) {
    file.document.set(list, file.document.createNode([]));
    entries = file.document.get(list);
  }
  if (!isSeq(entries)) throw new KubeconfigError(`${file.path}: ${list} is not a list`);
  // An empty `[]` would make the whole entry one line.
  if (entries.items.length === 0) entries.flow = false;
  entries.add(file.document.createNode({ name, [key]: value }));
}

export function dropEntry(file: KubeconfigFile, list: EntryList, name: string): void {
  const entries = file.document.get(list);
  if (!isSeq(entries)) return;
  entries.items = entries.items.filter((item) => !(isMap(item) && item.get('name') === name));
  if (entries.items.length === 0) entries.flow = true;
}

function holdsNothing(file: KubeconfigFile): boolean {
  const { document } = file;
  const lists = ['clusters', 'users', 'contexts'] as const;
  return (
    (file.before ?? EMPTY).startsWith(`#${OWN_FILE}`) &&
    lists.every((list) => {
      const entries = document.get(list);
      return !isSeq(entries) || entries.items.length === 0;
    })
  );
}

/** A link is followed, so that the file it points to changes and the link stays. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** Writes what changed; nothing when nothing did. */
export function writeKubeconfigFile(file: KubeconfigFile): void {
  const path = realPath(file.path);
  if (holdsNothing(file)) {
    rmSync(path, { force: true });
    return;
  }
  const text = file.document.toString({ lineWidth: 0 });
  if (text === file.before) return;
  const temporary = `${path}.tiphys-new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  if (file.before !== undefined) {
    const { mode, uid, gid } = statSync(path);
    chmodSync(temporary, mode & 0o7777);
    if (process.getuid?.() === 0) chownSync(temporary, uid, gid);
  }
  renameSync(temporary, path);
}

async function lock(path: string): Promise<() => void> {
  const lockPath = `${path}.lock`;
  mkdirSync(dirname(path), { recursive: true });
  for (let attempt = 1; ; attempt++) {
    try {
      closeSync(openSync(lockPath, 'wx', 0o600));
      return () => rmSync(lockPath, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw new KubeconfigError(`${lockPath}: ${(error as Error).message}`);
      if (attempt >= LOCK_ATTEMPTS_MAX) throw new KubeconfigError(`${lockPath} is held by another program; remove it if none is running`);
      await sleep(LOCK_AGAIN_MS);
    }
  }
}

/** The folder of a file that was made here and is gone again. */
function removeFolderOf(path: string): void {
  if (existsSync(path)) return;
  try {
    rmdirSync(dirname(path));
  } catch {
    // Other things live in it.
  }
}

/** Runs `change` while no other well-behaved program changes the files. Locks are taken in one order, so none wait for each other. */
export async function withLocks<T>(paths: readonly string[], change: () => T): Promise<T> {
  const unlocks: (() => void)[] = [];
  try {
    for (const path of [...new Set(paths)].sort()) unlocks.push(await lock(path));
    return change();
  } finally {
    for (const unlock of unlocks) unlock();
    for (const path of paths) removeFolderOf(path);
  }
}
