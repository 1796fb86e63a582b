// What the server does by the clock: forget old history (as kube-apiserver compacts etcd every five minutes), and take
// away what is kept only so long, such as events.
import type { Runtime } from '@tiphys/runtime';
import type { Store } from '@tiphys/storage';
import type { Entry } from './cache/entry.ts';
import type { Endpoint, Resources } from './resources.ts';

/** History older than this is forgotten, at the next step. Upstream's steps are as long as its interval: up to twice the history. */
export const COMPACTION_INTERVAL_MS = 5 * 60_000;
export const COMPACTION_STEP_MS = 30_000;
export const SWEEP_INTERVAL_MS = 60_000;
/** Where the store ends records by itself, only those are taken away that were written without their time, as by a restore. */
export const SWEEP_GRACE_MS = 10 * 60_000;

interface Expiry {
  revision: number;
  atMs: number;
}

class Sweeper {
  readonly #runtime: Runtime;
  readonly #store: Store;
  readonly #resources: Resources;
  readonly #startRevision: number;
  readonly #expiries = new Map<string, Expiry>();

  constructor(runtime: Runtime, store: Store, resources: Resources) {
    this.#runtime = runtime;
    this.#store = store;
    this.#resources = resources;
    this.#startRevision = store.revision;
  }

  async sweep(): Promise<void> {
    const nowMs = this.#runtime.clock.now();
    const graceMs = this.#store.endsRecords ? SWEEP_GRACE_MS : 0;
    const seen = new Set<string>();
    const due: { key: string; revision: number }[] = [];
    for (const endpoint of this.#resources.all()) {
      if (!endpoint.definition.ttlSeconds || !endpoint.sendsStored) continue;
      for (const [, entry] of endpoint.cache.range('')) {
        const key = endpoint.storeKey(entry.key);
        seen.add(key);
        const expiry = this.#expiryOf(endpoint, key, entry, nowMs);
        if (expiry.atMs + graceMs <= nowMs) due.push({ key, revision: entry.revision });
      }
    }
    for (const key of this.#expiries.keys()) if (!seen.has(key)) this.#expiries.delete(key);
    await Promise.all(due.map(({ key, revision }) => this.#store.commit({ type: 'delete', key, expectedRevision: revision })));
  }

  /** Each write starts the time anew; what was there before the server started counts from its creation. */
  #expiryOf(endpoint: Endpoint, key: string, entry: Entry, nowMs: number): Expiry {
    const known = this.#expiries.get(key);
    if (known?.revision === entry.revision) return known;
    const { object, revision } = entry;
    const created = Date.parse(object.metadata?.creationTimestamp ?? '');
    const startMs = revision <= this.#startRevision && !Number.isNaN(created) ? created : nowMs;
    const seconds = endpoint.definition.ttlSeconds!(object);
    const expiry = { revision, atMs: seconds === undefined ? Number.POSITIVE_INFINITY : startMs + seconds * 1000 };
    this.#expiries.set(key, expiry);
    return expiry;
  }
}

/** Runs until the function it returns is called. */
export function maintain(runtime: Runtime, store: Store, resources: Resources): () => void {
  const stops = new Set<() => void>();
  const every = (intervalMs: number, what: string, work: () => Promise<void>) => {
    const again = () => {
      const timer = runtime.clock.after(intervalMs, () => {
        stops.delete(stop);
        work().catch((error) => runtime.log.error(`${what} failed`, error));
        again();
      });
      const stop = () => timer.cancel();
      stops.add(stop);
    };
    again();
  };
  /** What the revision was at each step of the last interval. */
  const reached = [store.revision];
  every(COMPACTION_STEP_MS, 'compaction', async () => {
    reached.push(store.revision);
    if (reached.length > COMPACTION_INTERVAL_MS / COMPACTION_STEP_MS) await store.compact(reached.shift()!);
  });
  const sweeper = new Sweeper(runtime, store, resources);
  every(SWEEP_INTERVAL_MS, 'sweeping', () => sweeper.sweep());
  return () => {
    for (const stop of stops) stop();
  };
}
