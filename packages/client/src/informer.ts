// A shared cache of one resource with indices and handlers (client-go tools/cache shared_informer.go, thread_safe_store.go).
import type { KubeObject } from '@tiphys/api';
import type { Logger } from '@tiphys/runtime';
import { invariant } from '@tiphys/std';
import type { Informer, InformerHandlers } from './client.ts';
import type { ReflectorSink } from './reflector.ts';

interface Index<T> {
  keysOf: (object: T) => readonly string[];
  entries: Map<string, Map<string, T>>;
}

interface Waiter {
  revision: number;
  resolve: () => void;
}

const NAMESPACE_INDEX = ' namespace';
const NOTHING: readonly never[] = [];

const keyOf = (object: KubeObject) => `${object.metadata?.namespace ?? ''}/${object.metadata?.name}`;
const namespaceOf = (object: KubeObject) => [object.metadata?.namespace ?? ''];
const revisionOf = (object: KubeObject | undefined) => object?.metadata?.resourceVersion;

export interface InformerCache<T extends KubeObject> extends Informer<T> {
  sink: ReflectorSink<T>;
}

/** The cache and its handlers; a reflector feeds its sink. Events reach handlers in order, each after the cache shows it. */
export function informerCache<T extends KubeObject>(log: Logger): InformerCache<T> {
  return new Cache<T>(log);
}

class Cache<T extends KubeObject> implements InformerCache<T> {
  readonly sink: ReflectorSink<T>;
  readonly #log: Logger;
  readonly #objects = new Map<string, T>();
  readonly #indices = new Map<string, Index<T>>();
  readonly #handlers = new Set<InformerHandlers<T>>();
  #waiters: Waiter[] = [];
  #revision = -1;
  #synced = Promise.withResolvers<void>();

  constructor(log: Logger) {
    this.#log = log;
    this.index(NAMESPACE_INDEX, namespaceOf);
    this.sink = {
      replace: (objects, revision) => this.#replace(objects, revision),
      put: (object) => this.#put(object),
      remove: (object) => this.#remove(keyOf(object), object),
      progress: (revision) => this.#progress(revision),
    };
  }

  synced(): Promise<void> {
    return this.#synced.promise;
  }

  get(name: string, namespace = ''): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  list(namespace?: string): readonly T[] {
    return namespace === undefined || namespace === '' ? [...this.#objects.values()] : this.byIndex(NAMESPACE_INDEX, namespace);
  }

  index(name: string, keysOf: (object: T) => readonly string[]): void {
    if (this.#indices.has(name)) return;
    const index: Index<T> = { keysOf, entries: new Map() };
    this.#indices.set(name, index);
    for (const [key, object] of this.#objects) enter(index, key, object);
  }

  byIndex(name: string, key: string): readonly T[] {
    const index = this.#indices.get(name);
    invariant(index, `the informer has no index ${name}`);
    const entry = index.entries.get(key);
    return entry ? [...entry.values()] : NOTHING;
  }

  subscribe(handlers: InformerHandlers<T>): () => void {
    for (const object of this.#objects.values()) this.#guard(() => handlers.added?.(object));
    this.#handlers.add(handlers);
    return () => void this.#handlers.delete(handlers);
  }

  async reached(resourceVersion: string): Promise<void> {
    const revision = Number(resourceVersion);
    if (!(revision > this.#revision)) return;
    await new Promise<void>((resolve) => this.#waiters.push({ revision, resolve }));
  }

  #put(object: T): void {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    if (old && revisionOf(old) === revisionOf(object)) return;
    this.#objects.set(key, object);
    for (const index of this.#indices.values()) {
      if (old) leave(index, key, old);
      enter(index, key, object);
    }
    for (const handler of this.#handlers) {
      this.#guard(() => (old ? handler.updated?.(object, old) : handler.added?.(object)));
    }
  }

  /** `last` is the object as the delete event carries it; after a relist the last known state has to do. */
  #remove(key: string, last?: T): void {
    const old = this.#objects.get(key);
    if (!old) return;
    this.#objects.delete(key);
    for (const index of this.#indices.values()) leave(index, key, old);
    for (const handler of this.#handlers) this.#guard(() => handler.deleted?.(last ?? old));
  }

  #replace(objects: readonly T[], revision: string): void {
    const keys = new Set(objects.map(keyOf));
    for (const [key, old] of [...this.#objects]) if (!keys.has(key)) this.#remove(key, old);
    for (const object of objects) {
      const old = this.#objects.get(keyOf(object));
      // Another object under the same name: handlers see the old one go first.
      if (old && old.metadata?.uid !== object.metadata?.uid) this.#remove(keyOf(object), old);
      this.#put(object);
    }
    this.#progress(revision);
    this.#synced.resolve();
  }

  #progress(revision: string): void {
    const number = Number(revision);
    // A store that was restored from a backup may run behind what was seen; the newest list decides.
    this.#revision = number;
    if (this.#waiters.length === 0) return;
    const due = this.#waiters.filter((waiter) => waiter.revision <= number);
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.revision > number);
    for (const waiter of due) waiter.resolve();
  }

  /** One handler's fault must not keep the others from their events. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#log.error('an informer handler failed', error);
    }
  }
}

function enter<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.keysOf(object)) {
    const entry = index.entries.get(value);
    if (entry) entry.set(key, object);
    else index.entries.set(value, new Map([[key, object]]));
  }
}

function leave<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.keysOf(object)) {
    const entry = index.entries.get(value);
    if (!entry) continue;
    entry.delete(key);
    if (entry.size === 0) index.entries.delete(value);
  }
}
