// Reads a container's log file: from the end backwards to find the last lines, then forwards, then on as it grows, over
// rotations, until the container is gone. Follows cri-client pkg/logs/logs.go and tail.go.
import { watch } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Clock } from '@tiphys/runtime';
import { LogFormatter, type LogOptions } from './cri-log.ts';

export interface LogReaderOptions extends LogOptions {
  path: string;
  clock: Clock;
  /** Whether more may come; asked when a followed log is quiet. */
  isRunning(): boolean | Promise<boolean>;
  signal?: AbortSignal;
}

const CHUNK_BYTES = 64 * 1024;
/** A quiet log is looked at again after this, in case the notice of a change was lost, and to see whether the container has ended. */
const FOLLOW_CHECK_MS = 1000;
const NEWLINE = 10;

/** Where the last count lines begin. */
export async function tailStart(file: FileHandle, count: number): Promise<number> {
  let position = (await file.stat()).size;
  if (count <= 0) return position;
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let found = 0;
  // The newline that ends the last line is not a beginning.
  let limit = position - 1;
  while (position > 0) {
    const length = Math.min(CHUNK_BYTES, position);
    position -= length;
    await file.read(chunk, 0, length, position);
    for (let index = Math.min(length, limit - position) - 1; index >= 0; index--) {
      if (chunk[index] === NEWLINE && ++found === count) return position + index + 1;
    }
    limit = position;
  }
  return 0;
}

/** Yields what the options ask for. Throws when the file can't be opened. */
export async function* readLog(options: LogReaderOptions): AsyncGenerator<Buffer> {
  const path = await realpath(options.path);
  let file = await open(path);
  try {
    const position = options.tailLines === undefined ? 0 : await tailStart(file, options.tailLines);
    const linesMax = options.follow ? undefined : options.tailLines;
    const formatter = new LogFormatter(options, linesMax);
    const cursor = { position };
    yield* readToEnd(file, cursor, formatter);
    if (!options.follow) {
      const last = formatter.end();
      if (last.length > 0) yield last;
      return;
    }
    const changes = watchFile(path, options);
    try {
      let running = true;
      while (!options.signal?.aborted && !formatter.done) {
        yield* readToEnd(file, cursor, formatter);
        const reopened = await reopenIfReplaced(file, path);
        if (reopened) {
          // What was written between our last read and the rotation.
          yield* readToEnd(file, cursor, formatter);
          await file.close();
          file = reopened;
          cursor.position = 0;
          continue;
        }
        if (!running) return;
        running = await options.isRunning();
        if (running) await changes.next();
      }
    } finally {
      changes.stop();
    }
  } finally {
    await file.close();
  }
}

async function* readToEnd(file: FileHandle, cursor: { position: number }, formatter: LogFormatter): AsyncGenerator<Buffer> {
  while (!formatter.done) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, cursor.position);
    if (bytesRead === 0) return;
    cursor.position += bytesRead;
    const output = formatter.push(chunk.subarray(0, bytesRead));
    if (output.length > 0) yield output;
  }
}

/** A new file under the same name: the log was rotated. */
async function reopenIfReplaced(file: FileHandle, path: string): Promise<FileHandle | undefined> {
  const fresh = await open(path).catch(() => undefined);
  if (!fresh) return undefined;
  const [now, before] = await Promise.all([fresh.stat(), file.stat()]);
  if (now.ino !== before.ino) return fresh;
  await fresh.close();
  return undefined;
}

/** next() resolves at the next change of the file, after a while without any, or when the reader goes away. */
function watchFile(path: string, options: LogReaderOptions): { next(): Promise<void>; stop(): void } {
  const name = basename(path);
  let changed = false;
  let wake = () => {};
  const notice = () => {
    changed = true;
    wake();
  };
  const watcher = watch(dirname(path), { persistent: false }, (_kind, file) => {
    if (file === null || file === name) notice();
  });
  // The folder may go away with its pod; the regular check then finds the container gone.
  watcher.on('error', notice);
  options.signal?.addEventListener('abort', notice);
  return {
    next: () =>
      new Promise<void>((resolve) => {
        if (changed || options.signal?.aborted) {
          changed = false;
          return resolve();
        }
        const timer = options.clock.after(FOLLOW_CHECK_MS, () => finish());
        const finish = () => {
          timer.cancel();
          wake = () => {};
          changed = false;
          resolve();
        };
        wake = finish;
      }),
    stop: () => {
      watcher.close();
      options.signal?.removeEventListener('abort', notice);
    },
  };
}
