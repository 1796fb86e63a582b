// All that is under one prefix of etcd, in memory, kept up to date by one watch. One watch for everything keeps the order of
// revisions, so the replica is always the whole truth about one revision, if perhaps not the newest
// (apiserver storage/cacher does the same per resource; its progress requests are storage/cacher/progress).
import type { Clock, Logger, Timer } from '@tiphys/runtime';
import { Retryable } from '@tiphys/std';
import { Mvcc, type Observed } from '../mvcc.ts';
import type { StoredRecord } from '../store.ts';
import type { EtcdClient } from './client.ts';
import { COMPACTED_KEY } from './compactor.ts';
import type { Stream } from './connection.ts';
import { Code, EtcdError, isCompacted } from './errors.ts';
import type { KeySpace } from './key-space.ts';
import { EventType, type KeyValue, type WatchEvent, type WatchRequest, type WatchResponse } from './messages.ts';

/** Records asked for at once while loading. */
const PAGE_RECORDS = 2_000;
const LOAD_ATTEMPTS_MAX = 5;
/** History that is read at the start. */
const REPLAYED_REVISIONS_MAX = 5_000;
/** Most revisions are events that arrive by themselves; only then is etcd asked how far the watch is. */
const PROGRESS_DELAY_MS = 10;
const PROGRESS_INTERVAL_MS = 100;
/** A watch that tells nothing although it was asked is given up for another member's. */
const SILENCE_MS_MAX = 3_000;
/** How long anyone waits for a revision while none comes. */
const WAIT_MS_MAX = 10_000;
const RECONNECT_DELAY_MS = 100;
const RECONNECT_DELAY_MS_MAX = 2_000;

interface Waiter {
  revision: number;
  sinceMs: number;
  resolve(): void;
  reject(error: Error): void;
}

type End = { type: 'compacted' } | { type: 'lost'; endpoint: string; error?: Error };

/** The bytes that a writer of this process has sent, should they be the same: others know more of them. */
export type KnownValue = (key: string, value: Uint8Array) => Uint8Array | undefined;

function recordOf(
  keys: KeySpace,
  { key: keyBytes, value = new Uint8Array(), createRevision, modRevision }: KeyValue,
  known?: KnownValue,
): StoredRecord {
  const key = keys.fromEtcd(keyBytes!);
  // A copy, since the value is a part of the whole message's bytes.
  return { key, value: known?.(key, value) ?? new Uint8Array(value), createRevision: createRevision!, modRevision: modRevision! };
}

/** Reads everything at one revision; 0 is the newest. */
async function load(client: EtcdClient, keys: KeySpace, at: number): Promise<{ records: StoredRecord[]; revision: number }> {
  const records: StoredRecord[] = [];
  let from = keys.first;
  let revision = at;
  for (;;) {
    const page = await client.range({ key: from, rangeEnd: keys.end, limit: PAGE_RECORDS, revision });
    for (const kv of page.kvs ?? []) records.push(recordOf(keys, kv));
    revision ||= page.header?.revision ?? 0;
    if (!page.more) return { records, revision };
    from = Buffer.concat([page.kvs!.at(-1)!.key!, Buffer.from([0])]);
  }
}

/** The same, from the newest on should it be compacted meanwhile. */
async function loadPatiently(client: EtcdClient, keys: KeySpace, at = 0): Promise<{ records: StoredRecord[]; revision: number }> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await load(client, keys, attempt === 1 ? at : 0);
    } catch (error) {
      if (!isCompacted(error) || attempt === LOAD_ATTEMPTS_MAX) throw error;
    }
  }
}

/** A revision somewhat before the newest, so that watches can move here from a server that was there longer. */
async function beginning(client: EtcdClient, newest: number): Promise<number> {
  const { kvs } = await client.range({ key: COMPACTED_KEY });
  const compacted = Number(Buffer.from(kvs?.[0]?.value ?? []).toString()) || 0;
  return Math.max(newest - REPLAYED_REVISIONS_MAX, compacted, 1);
}

export class Replica {
  readonly view: Mvcc;
  known: KnownValue | undefined;
  readonly #client: EtcdClient;
  readonly #keys: KeySpace;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  #waiters: Waiter[] = [];
  #timer: Timer | undefined;
  #stream: Stream<WatchRequest> | undefined;
  #heardMs = 0;
  /** When the view last moved: one that lags behind a busy etcd gets there, and who waits for it is not told otherwise. */
  #movedMs = 0;
  /** Of a revision whose events came in several messages. */
  #pieces: WatchEvent[] = [];
  #failures = 0;
  readonly #done: Promise<void>;

  private constructor(client: EtcdClient, keys: KeySpace, clock: Clock, log: Logger, view: Mvcc) {
    this.#client = client;
    this.#keys = keys;
    this.#clock = clock;
    this.#log = log;
    this.view = view;
    this.#done = this.#run();
  }

  static async open(client: EtcdClient, keys: KeySpace, clock: Clock, log: Logger): Promise<Replica> {
    const { header } = await client.range({ key: keys.first, keysOnly: true, limit: 1 });
    const newest = header?.revision ?? 0;
    const { records, revision } = await loadPatiently(client, keys, await beginning(client, newest));
    const replica = new Replica(client, keys, clock, log, new Mvcc(records, revision));
    try {
      await replica.reach(newest);
      return replica;
    } catch (error) {
      await replica.close();
      throw error;
    }
  }

  /** Resolves when the view has everything up to the revision; undefined when it has already. Rejects with Retryable. */
  reach(revision: number): Promise<void> | undefined {
    if (this.view.revision >= revision) return undefined;
    if (this.#closing.signal.aborted) return Promise.reject(new Retryable('the store is closed'));
    return new Promise((resolve, reject) => {
      const sinceMs = this.#clock.monotonicMs();
      this.#waiters.push({ revision, sinceMs, resolve, reject });
      this.#timer ??= this.#clock.after(PROGRESS_DELAY_MS, () => this.#askProgress());
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#timer?.cancel();
    this.#stream?.cancel();
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(new Retryable('the store is closed'));
    await this.#done;
  }

  #askProgress(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    const tooLong = this.#waiters.filter(({ sinceMs }) => nowMs - Math.max(sinceMs, this.#movedMs) > WAIT_MS_MAX);
    if (tooLong.length > 0) {
      this.#waiters = this.#waiters.filter((waiter) => !tooLong.includes(waiter));
      for (const { reject } of tooLong) reject(new Retryable('etcd tells no news: its watch is behind or cut off'));
    }
    const oldest = this.#waiters[0];
    if (!oldest || this.#closing.signal.aborted) return;
    if (nowMs - Math.max(oldest.sinceMs, this.#heardMs) > SILENCE_MS_MAX) this.#stream?.cancel();
    else this.#stream?.send({ progressRequest: {} });
    this.#timer = this.#clock.after(PROGRESS_INTERVAL_MS, () => this.#askProgress());
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const end = await this.#follow().catch((error): End => ({ type: 'lost', endpoint: this.#client.endpoint, error }));
      this.#stream = undefined;
      this.#pieces = [];
      if (signal.aborted) return;
      if (end.type === 'compacted') await this.#reload();
      else {
        this.#client.leave(end.endpoint);
        this.#log.warning('the watch of etcd was lost', { endpoint: end.endpoint, error: end.error?.message ?? 'it was ended' });
        const delayMs = Math.min(RECONNECT_DELAY_MS * 2 ** this.#failures++, RECONNECT_DELAY_MS_MAX);
        await this.#clock.sleep(delayMs, signal).catch(() => undefined);
      }
    }
  }

  /** Watches until that ends. */
  async #follow(): Promise<End> {
    const { endpoint } = this.#client;
    return new Promise((resolve, reject) => {
      const onMessage = (message: WatchResponse) => {
        const end = this.#take(message, endpoint);
        if (!end) return;
        resolve(end);
        this.#stream?.cancel();
      };
      const opened = this.#client.watch({
        onMessage,
        onEnd: (error) => resolve({ type: 'lost', endpoint, ...(error ? { error } : {}) }),
      });
      opened.then((stream) => {
        this.#stream = stream;
        this.#heardMs = this.#clock.monotonicMs();
        const { first: key, end: rangeEnd } = this.#keys;
        const startRevision = this.view.revision + 1;
        stream.send({ createRequest: { key, rangeEnd, startRevision, progressNotify: true, fragment: true } });
        if (this.#closing.signal.aborted) stream.cancel();
      }, reject);
    });
  }

  #take(message: WatchResponse, endpoint: string): End | undefined {
    this.#heardMs = this.#clock.monotonicMs();
    if (message.compactRevision) return { type: 'compacted' };
    if (message.canceled) {
      return { type: 'lost', endpoint, error: new EtcdError(Code.FAILED_PRECONDITION, message.cancelReason ?? 'watch canceled', endpoint) };
    }
    if (message.created) {
      this.#failures = 0;
      return undefined;
    }
    if (message.events) this.#pieces.push(...message.events);
    if (message.fragment) return undefined;
    const pieces = this.#pieces;
    this.#pieces = [];
    // The header's revision is etcd's newest, which may be ahead of the events of a watch that catches up; without events it is progress.
    const revision = pieces.length > 0 ? pieces.at(-1)!.kv!.modRevision! : (message.header?.revision ?? 0);
    if (revision > this.view.revision) {
      this.view.observe(
        pieces.map((event) => this.#observed(event)),
        revision,
      );
      this.#movedMs = this.#heardMs;
    }
    this.#settle();
    return undefined;
  }

  #observed({ type, kv }: WatchEvent): Observed {
    return { type: type === EventType.DELETE ? 'delete' : 'put', record: recordOf(this.#keys, kv!, this.known) };
  }

  #settle(): void {
    if (this.#waiters.length === 0) return;
    const { revision } = this.view;
    const reached = this.#waiters.filter((waiter) => waiter.revision <= revision);
    if (reached.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.revision > revision);
    for (const { resolve } of reached) resolve();
    if (this.#waiters.length > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** What happened in between is compacted away: everything is read anew, and every watcher told so. */
  async #reload(): Promise<void> {
    this.#log.warning('etcd compacted what this server had not seen yet; reading everything anew', { revision: this.view.revision });
    try {
      const { records, revision } = await loadPatiently(this.#client, this.#keys);
      this.view.reset(records, revision);
      this.#settle();
    } catch (error) {
      this.#log.error('reading etcd failed', error);
    }
  }
}
