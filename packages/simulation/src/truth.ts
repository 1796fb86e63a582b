// What is true: the objects as the store has them, read from its own events and so past every cache and fault.
import type { KubeObject } from '@tiphys/api';
import type { Store, StoreEvent } from '@tiphys/storage';

export interface TruthEvent {
  revision: number;
  /** Such as `/registry/pods/default/web-0`. */
  key: string;
  old: KubeObject | undefined;
  new: KubeObject | undefined;
}

/** What one revision wrote. */
export interface Written {
  uid: string | undefined;
  /** Of the same key; 0 when there was nothing. */
  previousRevision: number;
}

const PREFIX = '/registry/';

const decoded = (value: Uint8Array): KubeObject => JSON.parse(Buffer.from(value).toString());

export class Truth {
  /** By the first part of the key, then by key. */
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #listeners: ((event: TruthEvent) => void)[] = [];
  readonly #watch: { stop(): void };
  readonly #revisions = new Map<string, number>();
  readonly #written = new Map<number, Written>();
  readonly #onBroken: (error: Error) => void;

  /** `onBroken` is told what a listener threw: the store must not hear of it. */
  constructor(store: Store, onBroken: (error: Error) => void) {
    this.#onBroken = onBroken;
    this.#watch = store.watch('/', store.revision, (events) => {
      for (const event of events) this.#take(event);
    });
  }

  onEvent(listener: (event: TruthEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Objects of a resource as the store names it, such as `pods` or `services/specs`. */
  all<T extends KubeObject>(resource: string): T[] {
    const prefix = `${PREFIX}${resource}/`;
    const found: T[] = [];
    for (const [key, object] of this.#under(prefix)) if (key.startsWith(prefix)) found.push(object as T);
    return found;
  }

  /** Everything there is, with its key. */
  *everything(): Iterable<[string, KubeObject]> {
    for (const objects of this.#objects.values()) yield* objects;
  }

  /** What the revision wrote; undefined when it wrote no object. */
  writtenAt(revision: number): Written | undefined {
    return this.#written.get(revision);
  }

  /** Runs a check at a time of its own; what it throws is told like the listeners'. */
  check(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#onBroken(error as Error);
    }
  }

  stop(): void {
    this.#watch.stop();
  }

  #take({ type, record }: StoreEvent): void {
    const objects = this.#under(record.key);
    const old = objects.get(record.key);
    const now = type === 'put' && record.key.startsWith(PREFIX) ? decoded(record.value) : undefined;
    if (now) objects.set(record.key, now);
    else objects.delete(record.key);
    const previousRevision = this.#revisions.get(record.key) ?? 0;
    this.#written.set(record.modRevision, { uid: (now ?? old)?.metadata?.uid, previousRevision });
    if (now) this.#revisions.set(record.key, record.modRevision);
    else this.#revisions.delete(record.key);
    for (const listener of this.#listeners) this.check(() => listener({ revision: record.modRevision, key: record.key, old, new: now }));
  }

  #under(key: string): Map<string, KubeObject> {
    const first = key.startsWith(PREFIX) ? key.slice(PREFIX.length, key.indexOf('/', PREFIX.length)) : '';
    let objects = this.#objects.get(first);
    if (!objects) {
      objects = new Map();
      this.#objects.set(first, objects);
    }
    return objects;
  }
}
