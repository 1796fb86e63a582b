// A store over the shared core: collects the operations of one turn and makes them durable together (group commit).
import { Retryable } from '@tiphys/std';
import type { Decided, Mvcc } from './mvcc.ts';
import {
  type ListResult,
  type OnLost,
  type Store,
  type StoredRecord,
  type StoreEvent,
  type StoreOperation,
  type StoreResult,
  UncertainWrite,
} from './store.ts';

/** Writes that may wait for one flush; more are turned away. */
export const QUEUED_OPERATIONS_MAX = 50_000;

/** Operations that are decided and made durable together. */
interface Queued {
  operations: readonly StoreOperation[];
  afterRevision: number;
  resolve: (results: readonly StoreResult[]) => void;
  reject: (error: Error) => void;
}

/** Thrown by Durability.write when what it wrote may come to light again at the next start, should nothing be written after it. */
export class OutcomeUnknown extends Error {
  override name = 'OutcomeUnknown';
}

export interface Durability {
  /**
   * Makes the decided operations durable, all or none: at once, or by the time the promise resolves. Fails when it can't; with
   * OutcomeUnknown when it can't say so for certain. What was decided together is written before the next is.
   */
  write(decided: Decided): Promise<void> | undefined;
  /** When to flush after the first operation was queued. */
  schedule(flush: () => void): void;
  close(): void;
}

function notDurable(cause: unknown): Retryable {
  const { message } = cause as Error;
  return cause instanceof OutcomeUnknown
    ? new UncertainWrite(`it is not known whether this was written: ${message}`, { cause })
    : new Retryable(`nothing was written, because it could not be made durable: ${message}`, { cause });
}

export class LocalStore implements Store {
  readonly isShared = false;
  readonly endsRecords = false;
  readonly #core: Mvcc;
  readonly #durability: Durability;
  #queue: Queued[] = [];
  #queuedOperations = 0;
  /** What is being made durable; what comes meanwhile is decided after it. */
  #writing: Promise<void> | undefined;
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
    if (this.#queuedOperations >= QUEUED_OPERATIONS_MAX) return Promise.reject(new Retryable('too many writes are waiting for the disk'));
    return new Promise((resolve, reject) => {
      this.#enqueue({ operations: [operation], afterRevision: 0, resolve: (results) => resolve(results[0]!), reject });
    });
  }

  commitAll(operations: readonly StoreOperation[], { afterRevision = 0 } = {}): Promise<void> {
    return new Promise((resolve, reject) => this.#enqueue({ operations, afterRevision, resolve: () => resolve(), reject }));
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
    while (this.#writing) await this.#writing;
    this.#durability.close();
  }

  #enqueue(queued: Queued): void {
    if (this.#closed) {
      queued.reject(new Retryable('the store is closed'));
      return;
    }
    this.#queue.push(queued);
    this.#queuedOperations += queued.operations.length;
    if (this.#queue.length === 1 && !this.#writing) this.#durability.schedule(() => this.#flush());
  }

  #flush(): void {
    const queue = this.#queue;
    if (this.#writing || queue.length === 0) return;
    this.#queue = [];
    this.#queuedOperations = 0;
    const afterRevision = queue.reduce((most, queued) => Math.max(most, queued.afterRevision), 0);
    const operations = queue.length === 1 ? queue[0]!.operations : queue.flatMap((queued) => queued.operations);
    const decided = this.#core.decide(operations, afterRevision);
    let pending: Promise<void> | undefined;
    try {
      if (decided.events.length > 0) pending = this.#durability.write(decided);
    } catch (cause) {
      refuse(queue, cause);
      return;
    }
    if (pending) this.#writing = this.#written(pending, queue, decided);
    else this.#acknowledge(queue, decided);
  }

  /** The next batch is on its way to the disk before anybody is answered. */
  async #written(pending: Promise<void>, queue: readonly Queued[], decided: Decided): Promise<void> {
    try {
      await pending;
    } catch (cause) {
      this.#writing = undefined;
      this.#flush();
      refuse(queue, cause);
      return;
    }
    this.#core.apply(decided);
    this.#writing = undefined;
    this.#flush();
    answer(queue, decided);
  }

  #acknowledge(queue: readonly Queued[], decided: Decided): void {
    this.#core.apply(decided);
    answer(queue, decided);
  }
}

function refuse(queue: readonly Queued[], cause: unknown): void {
  const error = notDurable(cause);
  for (const { reject } of queue) reject(error);
}

function answer(queue: readonly Queued[], { results }: Decided): void {
  let at = 0;
  for (const { operations, resolve } of queue) {
    resolve(results.slice(at, at + operations.length));
    at += operations.length;
  }
}
