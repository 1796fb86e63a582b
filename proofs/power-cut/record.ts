// Records what the store does with its files by strace: every write with its bytes, sync, truncation, new and removed name, in order.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { invariant } from '@tiphys/std';
import { bundled, compiledOnce } from '../bundled.ts';
import type { PlanSize } from './plan.ts';

export type FileOperation =
  | { type: 'write'; name: string; offset: number; data: Buffer }
  | { type: 'truncate'; name: string; length: number }
  | { type: 'sync' | 'failedSync'; name: string }
  | { type: 'syncFolder' }
  | { type: 'create' | 'remove'; name: string }
  | { type: 'begin' | 'done'; turn: number };

const CALLS =
  'pwrite64,write,pwritev,pwritev2,writev,fsync,fdatasync,sync_file_range,ftruncate,fallocate,unlink,unlinkat,openat,rename,renameat,renameat2,link,mmap';
/** Longer than anything SQLite writes at once. */
const DATA_BYTES_MAX = 1_000_000;
const LINE_SHOWN = 200;
const WRITER = join(import.meta.dirname, 'writer.ts');

export const skipWithoutStrace = (): string | false =>
  spawnSync('strace', ['-V']).status === 0 ? false : 'strace is not installed (Debian package strace)';

const unescaped = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex');
const plainText = (text: string): string => text.replace(/(?:\\x[0-9a-f]{2})+/g, (hex) => unescaped(hex).toString('latin1'));

/** `write(3</a/b>, "\x6d", 1) = 1` in its parts: the first string's bytes, the rest as words. */
interface Call {
  name: string;
  /** The path that strace shows for the descriptor. */
  path: string;
  /** The same as strace writes it. */
  shownPath: string;
  strings: string[];
  numbers: number[];
  flags: string;
  result: number;
}

function callOf(line: string): Call | undefined {
  const open = line.indexOf('(');
  const answer = /\)\s+= (-?\d+)[^")(]*(?:\([^)]*\)\s*)*$/.exec(line);
  if (open < 0 || !answer) {
    invariant(!/^[a-z]/.test(line) || line.startsWith('exit'), `strace says what can't be read: ${line.slice(0, LINE_SHOWN)}`);
    return undefined;
  }
  const close = answer.index;
  const strings = Array.from(line.slice(open, close).matchAll(/"((?:\\x[0-9a-f]{2})*)"/g), ([, text]) => text!);
  const rest = line.slice(open + 1, close).replace(/"(?:\\x[0-9a-f]{2})*"/g, '');
  const shownPath = /^\d+(<(?:[^>\\]|\\x[0-9a-f]{2})*>)/.exec(rest)?.[1] ?? '<>';
  const path = plainText(shownPath.slice(1, -1));
  const numbers = rest
    .replace(/^\d+<[^>]*>/, '')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => /^\d+$/.test(word))
    .map(Number);
  return { name: line.slice(0, open), path, shownPath, strings, numbers, flags: rest, result: Number(answer[1]) };
}

function markOf({ strings }: Call): FileOperation | undefined {
  const text = strings[0] && strings[0].length < 200 ? unescaped(strings[0]).toString('latin1') : '';
  const match = /^mark (begin|done) (\d+)$/.exec(text);
  return match ? { type: match[1] as 'begin' | 'done', turn: Number(match[2]) } : undefined;
}

/** Undefined for calls that have nothing to do with the folder. Throws for one that the replay does not know. */
function operationOf(call: Call, folder: string, known: Set<string>): FileOperation | undefined {
  const { name, path, strings, numbers, flags, result } = call;
  if (name === 'write' && path === '/dev/null') return markOf(call);
  if (name === 'openat') {
    const opened = plainText(strings[0]!);
    const file = basename(opened);
    if (dirname(opened) !== folder || result < 0 || !flags.includes('O_CREAT')) return undefined;
    if (known.has(file)) return flags.includes('O_TRUNC') ? { type: 'truncate', name: file, length: 0 } : undefined;
    known.add(file);
    return { type: 'create', name: file };
  }
  if (name === 'unlink') {
    const removed = plainText(strings[0]!);
    if (dirname(removed) !== folder || result < 0) return undefined;
    known.delete(basename(removed));
    return { type: 'remove', name: basename(removed) };
  }
  if (path === folder && name.endsWith('sync')) return result < 0 ? undefined : { type: 'syncFolder' };
  if (dirname(path) !== folder) return undefined;
  const file = basename(path);
  if (result < 0) return name === 'fsync' || name === 'fdatasync' ? { type: 'failedSync', name: file } : undefined;
  if (name === 'pwrite64') {
    const data = unescaped(strings[0]!);
    invariant(data.length === result && numbers[0] === result, `a write of ${path} was short`);
    return { type: 'write', name: file, offset: numbers[1]!, data };
  }
  if (name === 'write' && result === 0) return undefined;
  if (name === 'fsync' || name === 'fdatasync') return { type: 'sync', name: file };
  if (name === 'ftruncate') return { type: 'truncate', name: file, length: numbers[0]! };
  if (name === 'mmap' && !flags.includes('MAP_SHARED')) return undefined;
  throw new Error(`the store does ${name} with ${path}, which can't be replayed`);
}

const BEGUN = ' <unfinished ...>';

/**
 * Calls in the order in which they were over; those that were interrupted in the output are put together. A sync by one thread
 * promises nothing of what another writes to the same file meanwhile: a store that does so can't be replayed.
 */
async function* calls(log: string): AsyncGenerator<Call> {
  const begun = new Map<string, string>();
  for await (const line of createInterface({ input: createReadStream(log) })) {
    const pid = line.slice(0, line.indexOf(' '));
    if (line.includes('+++ exited') || line.includes('--- SIG')) continue;
    const rest = line.slice(pid.length).trimStart();
    if (rest.endsWith(BEGUN)) {
      begun.set(pid, rest.slice(0, -BEGUN.length));
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const call = callOf(resumed ? begun.get(pid) + resumed[1]! : rest);
    if (resumed) begun.delete(pid);
    if (!call) continue;
    if (call.name === 'pwrite64') {
      const other = [...begun.values()].find((text) => /^f(?:data)?sync\(/.test(text) && text.includes(call.shownPath));
      invariant(!other, `${call.path} is written while it is synced`);
    }
    yield call;
  }
}

export interface Recording {
  operations: FileOperation[];
  code: number;
  /** What the program printed. */
  output: string;
}

const FILES = ['state.db', 'state.db-wal', 'state.db-journal'];

/** Runs a program with a folder of its own and records what it does there; strace may be told to let some of it fail. */
export async function recordProgram(program: (path: string) => string[], inject?: string): Promise<Recording> {
  const scratch = mkdtempSync(join(tmpdir(), 'tiphys-record-'));
  const folder = join(scratch, 'data');
  const log = join(scratch, 'log');
  try {
    mkdirSync(folder);
    const trace = ['-f', '--seccomp-bpf', '-y', '-xx', '-s', String(DATA_BYTES_MAX), '-o', log, '-e', `trace=${CALLS}`];
    const failing = inject
      ? [...[folder, ...FILES.map((file) => join(folder, file))].flatMap((path) => ['-P', path]), '-e', `inject=${inject}`]
      : [];
    const words = [...trace, ...failing, process.execPath, ...program(join(folder, FILES[0]!))];
    // strace counts the calls that are to fail by thread, so the pool that syncs has one.
    const child = spawn('strace', words, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...compiledOnce, UV_THREADPOOL_SIZE: '1' } });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const [code] = (await once(child, 'close')) as [number];
    const known = new Set<string>();
    const operations: FileOperation[] = [];
    for await (const call of calls(log)) {
      const operation = operationOf(call, folder, known);
      if (operation) operations.push(operation);
    }
    return { operations, code, output };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

export async function record(seed: number, size: PlanSize): Promise<FileOperation[]> {
  const { operations, code } = await recordProgram((path) => [bundled(WRITER), path, String(seed), JSON.stringify(size)]);
  invariant(code === 0, `the recorded program ended with ${code}`);
  return operations;
}
