// The soak proof: a server lives long. Writes without a pause, history that is forgotten all the time, watchers that come and go; what the
// process and the file hold must stay within bounds.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiHandler, HttpMethod } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { type Random, realRuntime, seededRandom } from '@tiphys/runtime';
import { type ApiServer, createApiServer } from '@tiphys/server';
import { type Store, sqliteStore } from '@tiphys/storage';
import type { Proof, Round } from '../proof.ts';

const CLIENTS = 64;
const NAMES = 4000;
const VALUE_BYTES_MAX = 2000;
const WATCHERS = 50;
/** Writes between two compactions. */
const COMPACTED_EVERY = 100_000;
const DELETED_SHARE = 0.15;
const REWATCHED_SHARE = 0.001;
/** Descriptors that come and go: pipes of the runtime, files that are open for a moment. */
const DESCRIPTORS_MAX = 64;
/** Besides live data: history that is still kept, and what any process holds. */
export const HEAP_MEGABYTES_MAX = 320;
/** The file may be so many times as large as what is in it, and the log beside it so large. */
const FILE_FACTOR_MAX = 1.5;
const LOG_MEGABYTES_MAX = 33;
const SMALL_MEGABYTES = 4;
const MEGABYTE = 1024 * 1024;
const MAPS = '/api/v1/namespaces/default/configmaps';
const KEYS = '/registry/configmaps/default/';

async function ask(server: ApiHandler, method: HttpMethod, url: string, body?: object) {
  const headers = { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json', accept: 'application/json' };
  return server.handle({ method, url, headers, ...(body ? { body } : {}) });
}

/** A watcher that goes away now and then, and comes back to where it was. */
class Watcher {
  revision: number;
  events = 0;
  lost = 0;
  readonly #server: ApiServer;
  #stop = () => {};
  #isComing = false;

  constructor(server: ApiServer, revision: number) {
    this.#server = server;
    this.revision = revision;
  }

  async begin(): Promise<void> {
    // One that two clients send away at once comes back once.
    if (this.#isComing) return;
    this.#isComing = true;
    this.#stop();
    const { body } = await ask(this.#server, 'GET', `${MAPS}?watch=true&allowWatchBookmarks=true&resourceVersion=${this.revision}`);
    this.#isComing = false;
    if (body.kind !== 'watch') throw new Error('a watch was refused');
    this.#stop = body.watch.subscribe(
      (events) => {
        for (const { type, object } of events) {
          if (type === 'ERROR') this.lost++;
          const revision = type === 'ERROR' ? 0 : Number(object.metadata!.resourceVersion);
          if (revision > 0 && revision <= this.revision && type !== 'BOOKMARK')
            throw new Error(`revision ${revision} was told after ${this.revision}`);
          this.revision = Math.max(this.revision, revision);
          this.events++;
        }
      },
      () => {},
    );
  }

  stop(): void {
    this.#stop();
  }
}

async function write(server: ApiServer, random: Random, there: Set<string>, busy: Set<string>): Promise<void> {
  let name: string;
  do name = `map-${Math.floor(random.number() * NAMES)}`;
  while (busy.has(name));
  busy.add(name);
  const body = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: { value: random.suffix(6).repeat(Math.floor((random.number() * VALUE_BYTES_MAX) / 6)) },
  };
  const isThere = there.has(name);
  const isDeleted = isThere && random.number() < DELETED_SHARE;
  const { status } = isDeleted
    ? await ask(server, 'DELETE', `${MAPS}/${name}`)
    : isThere
      ? await ask(server, 'PUT', `${MAPS}/${name}`, body)
      : await ask(server, 'POST', MAPS, body);
  busy.delete(name);
  if (status >= 300) throw new Error(`a write was answered with ${status}`);
  if (isDeleted) there.delete(name);
  else there.add(name);
}

interface Held {
  heap: number;
  descriptors: number;
  file: number;
  log: number;
  live: number;
}

const sizeOf = (path: string) => statSync(path).size / MEGABYTE;

async function heldBy(path: string, store: Store): Promise<Held> {
  globalThis.gc?.();
  const { records } = await store.list('/');
  return {
    heap: process.memoryUsage().heapUsed / MEGABYTE,
    descriptors: readdirSync('/proc/self/fd').length,
    file: sizeOf(path),
    log: sizeOf(`${path}-wal`),
    live: records.reduce((sum, { key, value }) => sum + key.length + value.length, 0) / MEGABYTE,
  };
}

function beyondBounds({ heap, descriptors, file, log, live }: Held): string[] {
  return [
    ...(heap > HEAP_MEGABYTES_MAX ? [`the heap has ${Math.round(heap)} MB, at most ${HEAP_MEGABYTES_MAX}`] : []),
    ...(descriptors > DESCRIPTORS_MAX ? [`${descriptors} descriptors are open, at most ${DESCRIPTORS_MAX}`] : []),
    ...(file > SMALL_MEGABYTES && file > live * FILE_FACTOR_MAX
      ? [`the file has ${file.toFixed(1)} MB for ${live.toFixed(1)} MB of data`]
      : []),
    ...(log > LOG_MEGABYTES_MAX ? [`the log has ${log.toFixed(1)} MB`] : []),
  ];
}

export interface Soaking {
  round(seed: number): Promise<Round>;
  close(): Promise<void>;
}

/** Each round ends with a compaction and a look at what is held. A file in `kept` is gone on with, and stays. */
export async function soaking(writesPerRound = COMPACTED_EVERY, kept?: string): Promise<Soaking> {
  if (kept) mkdirSync(kept, { recursive: true });
  const folder = kept ?? mkdtempSync(join(tmpdir(), 'tiphys-soak-'));
  const path = join(folder, 'state.db');
  const store = sqliteStore(path);
  const server = createApiServer({ runtime: realRuntime(), store, definitions: builtinDefinitions() });
  await server.ready;
  const { records } = await store.list(KEYS);
  const there = new Set(records.map(({ key }) => key.slice(KEYS.length)));
  const busy = new Set<string>();
  const watchers = Array.from({ length: WATCHERS }, () => new Watcher(server, store.revision));
  for (const watcher of watchers) await watcher.begin();
  const round = async (seed: number): Promise<Round> => {
    const random = seededRandom(seed);
    const eventsBefore = watchers.reduce((sum, { events }) => sum + events, 0);
    let left = writesPerRound;
    let reconnected = 0;
    const client = async () => {
      while (left-- > 0) {
        await write(server, random, there, busy);
        if (random.number() > REWATCHED_SHARE) continue;
        reconnected++;
        await watchers[Math.floor(random.number() * WATCHERS)]!.begin();
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    await store.compact(store.revision);
    const held = await heldBy(path, store);
    const failures = beyondBounds(held);
    for (const watcher of watchers) {
      if (watcher.lost > 0) failures.push('a watcher was told that its revision is forgotten');
      if (watcher.revision !== store.revision) failures.push(`a watcher is at ${watcher.revision}, the store at ${store.revision}`);
    }
    return {
      done: writesPerRound,
      sums: {
        compactions: 1,
        'watchers that came back': reconnected,
        'watch events': watchers.reduce((sum, { events }) => sum + events, 0) - eventsBefore,
      },
      peaks: {
        'megabytes of heap': held.heap,
        descriptors: held.descriptors,
        'megabytes of file': held.file,
        'megabytes of log': held.log,
        'megabytes of live data': held.live,
      },
      failures: [...new Set(failures)],
    };
  };
  const close = async () => {
    for (const watcher of watchers) watcher.stop();
    await server.close();
    await store[Symbol.asyncDispose]();
    if (!kept) rmSync(folder, { recursive: true });
  };
  return { round, close };
}

export const soak: Proof = {
  name: 'soak',
  title: 'Soak',
  about: `
A server on a SQLite store is written to without a pause by ${CLIENTS} clients that create, update and delete ${NAMES} objects of up to ${VALUE_BYTES_MAX} bytes, while
${WATCHERS} watchers follow, go away and come back to where they were. After every ${COMPACTED_EVERY.toLocaleString('en-US')} writes history is forgotten, and the process and its file are measured:
heap at most ${HEAP_MEGABYTES_MAX} MB, descriptors at most ${DESCRIPTORS_MAX}, the file at most ${FILE_FACTOR_MAX} times the live data, the log at most ${LOG_MEGABYTES_MAX} MB; every watcher has heard of
every write, each once and in order. Fifty million writes are what a busy cluster makes in half a day. A run that was ended goes on with its file.`,
  unit: 'writes',
  fullCount: 50_000_000,
  open: (_, folder) => soaking(COMPACTED_EVERY, folder),
};
