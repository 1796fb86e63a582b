// The suite on both stores, and what only the SQLite one promises: durability, its lock, and refusing what it can't trust.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { seededRandom } from '@tiphys/runtime';
import { Retryable } from '@tiphys/std';
import { LocalStore } from './local-store.ts';
import { memoryStore } from './memory-store.ts';
import { Mvcc } from './mvcc.ts';
import { SCHEMA_VERSION, StoreFileError, sqliteStore } from './sqlite-store.ts';
import type { StoreOperation } from './store.ts';
import { storeSuite } from './suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'tiphys-storage-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const freshPath = () => join(folder, `${files++}.db`);
const bytes = (text: string) => Buffer.from(text);

storeSuite('memory', async () => memoryStore());
storeSuite('sqlite', async () => sqliteStore(freshPath()));

test('a file that is opened again holds the same records at the same revision', async () => {
  const path = freshPath();
  const first = sqliteStore(path);
  await Promise.all(Array.from({ length: 20 }, (_, i) => first.commit({ type: 'put', key: `/r/${i}`, value: bytes(`v${i}`) })));
  await first.commit({ type: 'delete', key: '/r/3' });
  const { records, revision } = await first.list('/');
  await first[Symbol.asyncDispose]();
  await using second = sqliteStore(path);
  const again = await second.list('/');
  assert.equal(again.revision, revision);
  assert.deepEqual(
    again.records.map((r) => ({ ...r, value: Buffer.from(r.value).toString() })),
    records.map((r) => ({ ...r, value: Buffer.from(r.value).toString() })),
  );
  assert.equal(second.compactedRevision, revision);
});

test('every acknowledged write survives kill -9', async () => {
  const path = freshPath();
  const child = spawn(process.execPath, [new URL('./testdata/endless-writer.ts', import.meta.url).pathname, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let acknowledged = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Number(line);
    if (acknowledged >= 500) break;
  }
  assert.ok(child.kill('SIGKILL'));
  await once(child, 'exit');
  await using store = sqliteStore(path);
  for (let i = 1; i <= acknowledged; i++) assert.equal(Buffer.from((await store.get(`/r/${i}`))!.value).toString(), `value ${i}`);
});

test('a file in use is refused', async () => {
  const path = freshPath();
  await using _ = sqliteStore(path);
  assert.throws(() => sqliteStore(path), { name: 'StoreFileError', message: /in use by another process/ });
});

test('a newer, a foreign and a damaged file are refused and left alone', async () => {
  const newer = freshPath();
  await sqliteStore(newer)[Symbol.asyncDispose]();
  const database = new DatabaseSync(newer);
  database.exec(`PRAGMA user_version=${SCHEMA_VERSION + 1}`);
  database.close();
  assert.throws(() => sqliteStore(newer), { name: 'StoreFileError', message: /newer version/ });

  const foreign = freshPath();
  const other = new DatabaseSync(foreign);
  other.exec('CREATE TABLE mine (x)');
  other.close();
  assert.throws(() => sqliteStore(foreign), { name: 'StoreFileError', message: /another program/ });

  const noDatabase = freshPath();
  writeFileSync(noDatabase, 'this is no database, however long it may be '.repeat(200));
  assert.throws(() => sqliteStore(noDatabase), StoreFileError);
  assert.match(readFileSync(noDatabase, 'utf8'), /^this is no database/);

  const damaged = freshPath();
  const store = sqliteStore(damaged);
  await store.commit({ type: 'put', key: '/r/a', value: bytes('before') });
  await store[Symbol.asyncDispose]();
  const changed = new DatabaseSync(damaged);
  changed.prepare('UPDATE records SET value = ?').run(bytes('behind'));
  changed.close();
  assert.throws(() => sqliteStore(damaged), { name: 'StoreFileError', message: /checksum of \/r\/a/ });
});

test('when the disk fails nothing is written, reads go on, and the next write may succeed', async () => {
  let broken = true;
  const store = new LocalStore(new Mvcc(), {
    write: () => {
      if (broken) throw new Error('no space left on device');
    },
    schedule: queueMicrotask,
    close() {},
  });
  const before = store.revision;
  await assert.rejects(store.commit({ type: 'put', key: '/r/a', value: bytes('x') }), Retryable);
  assert.equal(store.revision, before);
  assert.equal(await store.get('/r/a'), undefined);
  broken = false;
  assert.ok((await store.commit({ type: 'put', key: '/r/a', value: bytes('x') })).ok);
});

test('revisions go on above those of what is carried in', async () => {
  const path = freshPath();
  const store = sqliteStore(path);
  await store.commitAll([{ type: 'put', key: '/r/a', value: bytes('x') }], { afterRevision: 1000 });
  assert.equal((await store.get('/r/a'))!.modRevision, 1001);
  await store[Symbol.asyncDispose]();
  await using again = sqliteStore(path);
  assert.equal(again.revision, 1001);
});

test('the file stays close to the size of what is in it, whatever becomes of the rows', async () => {
  const path = freshPath();
  const store = sqliteStore(path);
  const random = seededRandom(7);
  const sizes = new Map<string, number>();
  const filler = Buffer.alloc(8000, 'x');
  for (let round = 0; round < 150; round++) {
    const operations: StoreOperation[] = [];
    for (let i = 0; i < 100; i++) {
      const key = `/r/${Math.floor(random.number() * 3000)}`;
      // For a while many go, which leaves pages that are nearly empty.
      if (sizes.has(key) && random.number() < (round > 90 && round < 110 ? 0.6 : 0.1)) {
        operations.push({ type: 'delete', key });
        sizes.delete(key);
      } else {
        const size = 300 + Math.floor(random.number() ** 2 * 7000);
        operations.push({ type: 'put', key, value: filler.subarray(0, size) });
        sizes.set(key, size);
      }
    }
    await store.commitAll(operations);
  }
  await store[Symbol.asyncDispose]();
  const content = [...sizes].reduce((sum, [key, size]) => sum + key.length + size, 0);
  assert.ok(statSync(path).size < 1.5 * content, `${statSync(path).size} bytes hold ${content}`);
  await using again = sqliteStore(path);
  const { records } = await again.list('/');
  assert.deepEqual(new Map(records.map(({ key, value }) => [key, value.length])), new Map([...sizes].sort(([a], [b]) => (a < b ? -1 : 1))));
});

test('a file of the first layout is brought into this one with all that is in it', async () => {
  const path = freshPath();
  const store = sqliteStore(path);
  await store.commitAll(Array.from({ length: 100 }, (_, i) => ({ type: 'put', key: `/r/${i}`, value: bytes('x'.repeat(i)) })));
  const { revision } = store;
  await store[Symbol.asyncDispose]();
  const old = new DatabaseSync(path);
  old.exec('PRAGMA journal_mode=DELETE; PRAGMA page_size=4096; PRAGMA auto_vacuum=NONE; VACUUM; PRAGMA user_version=1');
  old.close();
  {
    await using upgraded = sqliteStore(path);
    assert.equal(upgraded.revision, revision);
    assert.equal((await upgraded.list('/')).records.length, 100);
  }
  const now = new DatabaseSync(path);
  assert.deepEqual(
    ['page_size', 'auto_vacuum', 'user_version'].map((name) => Object.values(now.prepare(`PRAGMA ${name}`).get()!)[0]),
    [8192, 2, SCHEMA_VERSION],
  );
  now.close();
});
