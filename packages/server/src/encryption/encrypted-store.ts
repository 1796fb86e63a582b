// A store whose values are encrypted on the way in and decrypted on the way out, by resource (the transformer of apiserver
// storage/etcd3). Above it nobody knows; below it nobody can read. Values written here are known in both forms, so that hearing of
// one's own write costs nothing.
import type { ListResult, OnLost, Store, StoredRecord, StoreEvent, StoreOperation, StoreResult, StoreWatch } from '@tiphys/storage';
import { isEncrypted, type Transformers } from './transformer.ts';

export type TransformersOf = (key: string) => Transformers | undefined;

/** A value that nobody here can read. */
export class UnreadableValue extends Error {
  override name = 'UnreadableValue';
}

export class EncryptedStore implements Store {
  readonly #inner: Store;
  readonly #transformersOf: TransformersOf;
  /** What stored values say, as long as anybody holds on to them. */
  readonly #known = new WeakMap<Uint8Array, Uint8Array>();
  /** Events that wait for somebody else to decrypt something. */
  #delivering: Promise<void> | undefined;

  constructor(inner: Store, transformersOf: TransformersOf) {
    this.#inner = inner;
    this.#transformersOf = transformersOf;
  }

  get revision(): number {
    return this.#inner.revision;
  }

  get compactedRevision(): number {
    return this.#inner.compactedRevision;
  }

  get endsRecords(): boolean {
    return this.#inner.endsRecords;
  }

  get isShared(): boolean {
    return this.#inner.isShared;
  }

  fresh(): Promise<void> | undefined {
    return this.#inner.fresh();
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    const record = await this.#inner.get(key);
    return record && this.#plain(record);
  }

  async list(prefix: string, options?: Parameters<Store['list']>[1]): Promise<ListResult> {
    return this.#plainList(await this.#inner.list(prefix, options));
  }

  commit(operation: StoreOperation): Promise<StoreResult> {
    const encrypted = this.#encrypted(operation);
    // Writes of one turn share a transaction: nobody waits who need not.
    if (encrypted instanceof Promise) return encrypted.then((each) => this.#committed(this.#inner.commit(each)));
    return this.#committed(this.#inner.commit(encrypted));
  }

  async commitAll(operations: readonly StoreOperation[], options?: { afterRevision?: number }): Promise<void> {
    await this.#inner.commitAll(await Promise.all(operations.map((operation) => this.#encrypted(operation))), options);
    if (this.#delivering) await this.#delivering;
  }

  watch(prefix: string, afterRevision: number, onEvents: (events: readonly StoreEvent[]) => void, onLost?: OnLost): StoreWatch {
    let stopped = false;
    let waiting: Promise<void> | undefined;
    /** In order: what can be read at once waits only for what came before it. */
    const inOrder = <T>(made: T | Promise<T>, tell: (value: T) => void) => {
      if (!waiting && !(made instanceof Promise)) return tell(made);
      const turn = Promise.all([made, waiting]).then(([value]) => {
        if (waiting === turn) waiting = undefined;
        if (!stopped) tell(value as T);
      });
      waiting = turn;
      const all = Promise.all([this.#delivering, turn]).then(() => {
        if (this.#delivering === all) this.#delivering = undefined;
      });
      this.#delivering = all;
    };
    const inner = this.#inner.watch(
      prefix,
      afterRevision,
      (events) => inOrder(this.#plainEvents(events), onEvents),
      onLost && ((present) => inOrder(this.#plainList(present), onLost)),
    );
    return {
      ...(waiting ? { told: waiting } : {}),
      stop: () => {
        stopped = true;
        inner.stop();
      },
    };
  }

  compact(revision: number): Promise<void> {
    return this.#inner.compact(revision);
  }

  /** Whether the value that is stored would be written differently today, or can't be read. */
  async isStale(key: string): Promise<boolean> {
    const transformers = this.#transformersOf(key);
    const record = transformers && (await this.#inner.get(key));
    return record !== undefined && transformers!.isStale(record.value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }

  #encrypted(operation: StoreOperation): StoreOperation | Promise<StoreOperation> {
    const transformers = this.#transformersOf(operation.key);
    if (operation.type !== 'put' || !transformers || transformers.isPlain) return operation;
    const known = (data: Uint8Array): StoreOperation => {
      this.#known.set(data, operation.value);
      return { ...operation, value: data };
    };
    const data = transformers.write(operation.value, operation.key);
    return data instanceof Promise ? data.then(known) : known(data);
  }

  /** Events are told before the write is acknowledged. */
  async #committed(committing: Promise<StoreResult>): Promise<StoreResult> {
    const result = await committing;
    if (this.#delivering) await this.#delivering;
    if (result.ok) return result.previous ? { ...result, previous: await this.#plain(result.previous) } : result;
    return result.current ? { ...result, current: await this.#plain(result.current) } : result;
  }

  #plain(record: StoredRecord): StoredRecord | Promise<StoredRecord> {
    const { value, key } = record;
    const known = this.#known.get(value);
    if (known) return { ...record, value: known };
    const transformers = this.#transformersOf(key);
    if (!transformers && !isEncrypted(value)) return record;
    const unreadable = (error: unknown): never => {
      throw new UnreadableValue(`unable to transform key ${JSON.stringify(key)}: ${(error as Error).message}`, { cause: error });
    };
    const withValue = (plain: Uint8Array): StoredRecord => {
      if (plain === value) return record;
      this.#known.set(value, plain);
      return { ...record, value: plain };
    };
    try {
      if (!transformers) throw new Error('identity transformer tried to read encrypted data');
      const read = transformers.read(value, key);
      return read instanceof Promise ? read.then(withValue, unreadable) : withValue(read);
    } catch (error) {
      return unreadable(error);
    }
  }

  #plainList(result: ListResult): ListResult | Promise<ListResult> {
    const records = all(result.records, (record) => this.#plain(record));
    if (records instanceof Promise) return records.then((read) => ({ ...result, records: [...read] }));
    return records === result.records ? result : { ...result, records: [...records] };
  }

  /** A value that somebody else has written and nobody here can read is told as it is: one bad object must not stop the others. */
  #told(record: StoredRecord): StoredRecord | Promise<StoredRecord> {
    try {
      const plain = this.#plain(record);
      return plain instanceof Promise ? plain.catch(() => record) : plain;
    } catch {
      return record;
    }
  }

  #plainEvents(events: readonly StoreEvent[]): readonly StoreEvent[] | Promise<readonly StoreEvent[]> {
    return all(events, (event) => {
      const record = this.#told(event.record);
      const previous = event.previous && this.#told(event.previous);
      if (record instanceof Promise || previous instanceof Promise) {
        return Promise.all([record, previous]).then(([one, two]) => ({ ...event, record: one, ...(two ? { previous: two } : {}) }));
      }
      if (record === event.record && previous === event.previous) return event;
      return { ...event, record, ...(previous ? { previous } : {}) };
    });
  }
}

/** The same list where nothing changes, and no waiting where nobody has to be waited for. */
function all<T>(list: readonly T[], change: (each: T) => T | Promise<T>): readonly T[] | Promise<readonly T[]> {
  let changed = false;
  let waits = false;
  const results = list.map((each) => {
    const result = change(each);
    changed ||= result !== each;
    waits ||= result instanceof Promise;
    return result;
  });
  if (waits) return Promise.all(results);
  return changed ? (results as T[]) : list;
}
