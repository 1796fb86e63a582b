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

const PREFIX = '/registry/';

const decoded = (value: Uint8Array): KubeObject => JSON.parse(Buffer.from(value).toString());

export class Truth {
  readonly #objects = new Map<string, KubeObject>();
  readonly #listeners: ((event: TruthEvent) => void)[] = [];
  readonly #watch: { stop(): void };

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
    return [...this.#objects].filter(([key]) => key.startsWith(prefix)).map(([, object]) => object as T);
  }

  stop(): void {
    this.#watch.stop();
  }

  #take({ type, record }: StoreEvent): void {
    const old = this.#objects.get(record.key);
    const now = type === 'put' && record.key.startsWith(PREFIX) ? decoded(record.value) : undefined;
    if (now) this.#objects.set(record.key, now);
    else this.#objects.delete(record.key);
    for (const listener of this.#listeners) {
      try {
        listener({ revision: record.modRevision, key: record.key, old, new: now });
      } catch (error) {
        this.#onBroken(error as Error);
      }
    }
  }
}
