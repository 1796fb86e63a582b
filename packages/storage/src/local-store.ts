// A store over the shared core: collects the operations of one turn and makes them durable together (group commit).
import { Retryable } from '@tiphys/std';
import type { Decided, Mvcc } from './mvcc.ts';
import type { ListResult, OnLost, Store, StoredRecord, StoreEvent, StoreOperation, StoreResult } from './store.ts';

/** Writes that may wait for one flush; more are turned away. */
export const QUEUED_OPERATIONS_MAX = 50_000;

interface Queued {
  operation: StoreOperation;
  resolve: (result: StoreResult) => void;
  reject: (error: Error) => void;
}

/** Thrown by Durability.write when what it wrote may come to light again at the next start, should nothing be written after it. */
export class OutcomeUnknown extends Error {
  override name = 'OutcomeUnknown';
}

export interface Durability {
  /** Makes the decided operations durable, all or none. Throws when it can't; OutcomeUnknown when it can't say so for certain. */
  write(decided: Decided): void;
  /** When to flush after the first operation was queued. */
  schedule(flush: () => void): void;
  close(): void;
}

function notDurable(cause: unknown): Retryable {
  const { message } = cause as Error;
  return new Retryable(
    cause instanceof OutcomeUnknown
      ? `it is not known whether this was written: ${message}`
      : `nothing was written, because it could not be made durable: ${message}`,
    { cause },
  );
}

export class LocalStore implements Store {
  readonly isShared = false;
  readonly endsRecords = false;
  readonly #core: Mvcc;
  readonly #durability: Durability;
  #queue: Queued[] = [];
  #closed = false;

  constructor(core: Mvcc, durability: Durability) {
    this.#core = core;
    this.#durability = durability;
  }

  get revision(): number {
    return this.#core.revision;
  }

  get compactedRevision(): number {
    return this.#core.compactedRevision;
  }

  fresh(): undefined {
    return undefined;
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    return this.#core.get(key);
  }

  async list(prefix: string, options?: { after?: string; limit?: number; revision?: number }): Promise<ListResult> {
    return this.#core.list(prefix, options);
  }

  commit(operation: StoreOperation): Promise<StoreResult> {
    if (this.#closed) return Promise.reject(new Retryable('the store is closed'));
    if (this.#queue.length >= QUEUED_OPERATIONS_MAX) return Promise.reject(new Retryable('too many writes are waiting for the disk'));
    return new Promise((resolve, reject) => {
      this.#queue.push({ operation, resolve, reject });
      if (this.#queue.length === 1) this.#durability.schedule(() => this.#flush());
    });
  }

  async commitAll(operations: readonly StoreOperation[], { afterRevision = 0 } = {}): Promise<void> {
    if (this.#closed) throw new Retryable('the store is closed');
    this.#flush();
    const decided = this.#core.decide(operations, afterRevision);
    if (decided.events.length === 0) return;
    try {
      this.#durability.write(decided);
    } catch (cause) {
      throw notDurable(cause);
    }
    this.#core.apply(decided);
  }

  watch(prefix: string, afterRevision: number, onEvents: (events: readonly StoreEvent[]) => void, onLost?: OnLost): { stop(): void } {
    return this.#core.watch(prefix, afterRevision, onEvents, onLost);
  }

  async compact(revision: number): Promise<void> {
    this.#core.compact(revision);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#flush();
    this.#durability.close();
  }

  #flush(): void {
    const queue = this.#queue;
    if (queue.length === 0) return;
    this.#queue = [];
    const decided = this.#core.decide(queue.map((queued) => queued.operation));
    if (decided.events.length > 0) {
      try {
        this.#durability.write(decided);
      } catch (cause) {
        const error = notDurable(cause);
        for (const queued of queue) queued.reject(error);
        return;
      }
    }
    this.#core.apply(decided);
    queue.forEach((queued, i) => {
      queued.resolve(decided.results[i]!);
    });
  }
}
