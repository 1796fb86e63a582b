// Logs as the container runtime writes them, read as callers ask for them.
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { realClock } from '@tiphys/runtime';
import fc from 'fast-check';
import { LogFormatter, type LogOptions } from './cri-log.ts';
import { readLog } from './log-reader.ts';

let directory = '';
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tiphys-logs-'));
});
after(() => rm(directory, { recursive: true }));

const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}.123456789Z`;
const line = (second: number, text: string, stream = 'stdout', tag = 'F') => `${at(second)} ${stream} ${tag} ${text}\n`;
const LOG = [
  line(1, 'one'),
  line(2, 'two', 'stderr'),
  line(3, 'long ', 'stdout', 'P'),
  line(4, 'line'),
  line(5, ''),
  line(6, 'last', 'stdout', 'F:x'),
].join('');

async function read(options: LogOptions, content = LOG): Promise<string> {
  const path = join(directory, 'read.log');
  await writeFile(path, content);
  const chunks: Buffer[] = [];
  for await (const chunk of readLog({ ...options, path, clock: realClock(), isRunning: () => false })) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('all, the end, a time, one stream, so many bytes', async () => {
  assert.equal(await read({}), 'one\ntwo\nlong line\n\nlast\n');
  assert.equal(await read({ tailLines: 2 }), '\nlast\n');
  assert.equal(await read({ tailLines: 0 }), '');
  assert.equal(await read({ tailLines: 100 }), 'one\ntwo\nlong line\n\nlast\n');
  assert.equal(await read({ sinceMs: Date.UTC(2026, 0, 1, 0, 0, 5) }), '\nlast\n');
  assert.equal(await read({ stream: 'stderr' }), 'two\n');
  assert.equal(await read({ limitBytes: 6 }), 'one\ntw');
  assert.equal(await read({ tailLines: 1, follow: true }), 'last\n');
});

test('times stand at the beginning of lines only', async () => {
  const [first, second, third] = (await read({ timestamps: true })).split('\n');
  assert.deepEqual([first, second, third], [`${at(1)} one`, `${at(2)} two`, `${at(3)} long line`]);
});

test('lines that are not in the format are left out, a last line without its end is not', async () => {
  assert.equal(await read({}, `garbage\n${line(1, 'one')}x y z\n${line(2, 'cut').trimEnd()}`), 'one\ncut');
  assert.equal(await read({}, ''), '');
});

test('however the bytes arrive, the output is the same', () => {
  const whole = new LogFormatter({ timestamps: true }).push(Buffer.from(LOG)).toString();
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: LOG.length - 1 }), { maxLength: 8 }), (cuts) => {
      const formatter = new LogFormatter({ timestamps: true });
      const ends = [...cuts.sort((a, b) => a - b), LOG.length];
      let start = 0;
      let output = '';
      for (const end of ends) {
        output += formatter.push(Buffer.from(LOG.slice(start, end))).toString();
        start = end;
      }
      assert.equal(output + formatter.end().toString(), whole);
    }),
  );
});

test('the end is found across the boundaries of blocks', async () => {
  const many = Array.from({ length: 5000 }, (_, index) => line(1, `line ${index} ${'x'.repeat(index % 97)}`));
  const text = await read({ tailLines: 3000 }, many.join(''));
  assert.equal(text.split('\n').length - 1, 3000);
  assert.match(text, /^line 2000 /);
});

test('a followed log goes on over a rotation and ends with its container', async () => {
  const path = join(directory, 'follow.log');
  await writeFile(path, line(1, 'old'));
  let running = true;
  const log = readLog({ follow: true, path, clock: realClock(), isRunning: () => running });
  const next = async () => (await log.next()).value?.toString();
  assert.equal(await next(), 'old\n');
  const appended = next();
  await appendFile(path, line(2, 'new'));
  assert.equal(await appended, 'new\n');
  const rotated = next();
  await rename(path, `${path}.20260101`);
  await writeFile(path, line(3, 'fresh'));
  assert.equal(await rotated, 'fresh\n');
  running = false;
  const over = log.next();
  await appendFile(path, line(4, 'final'));
  const rest = [await over, await log.next()].filter((result) => !result.done).map((result) => String(result.value));
  assert.deepEqual(rest, ['final\n'], 'what the container wrote last is not lost');
});

test('a reader that goes away ends the following', async () => {
  const path = join(directory, 'abort.log');
  await writeFile(path, line(1, 'only'));
  const abort = new AbortController();
  const log = readLog({ follow: true, path, clock: realClock(), isRunning: () => true, signal: abort.signal });
  await log.next();
  const ended = log.next();
  abort.abort();
  assert.equal((await ended).done, true);
});
