// The store over etcd v3: reads come from the replica in memory, writes are transactions of etcd, acknowledged once the replica
// has them too (apiserver storage/etcd3/store.go). Several servers may share one etcd.
import { keepAlive, type Runtime } from '@tiphys/runtime';
import { Retryable } from '@tiphys/std';
import {
  type ListResult,
  type OnLost,
  RevisionError,
  type Store,
  type StoredRecord,
  type StoreEvent,
  type StoreOperation,
  type StoreResult,
  UncertainWrite,
} from '../store.ts';
import { EtcdClient, type EtcdOptions } from './client.ts';
import { Compactor } from './compactor.ts';
import { EtcdError, isCompacted, isLeaseGone } from './errors.ts';
import { DEFAULT_PREFIX, type KeySpace, keySpace } from './key-space.ts';
import { Leases } from './leases.ts';
import { CompareTarget, type RequestOp, type TxnResponse } from './messages.ts';
import { Replica } from './replica.ts';

export interface EtcdStoreOptions extends Omit<EtcdOptions, 'clock'> {
  runtime: Pick<Runtime, 'clock' | 'log'>;
  /** Where the keys lie: kube-apiserver's --etcd-prefix. */
  prefix?: string;
}

/** Writes under way at once; more are turned away. */
export const WRITES_MAX = 20_000;
/** etcd's limits for one transaction are 128 operations and 1.5 MiB. */
const BATCH_OPERATIONS_MAX = 100;
const BATCH_BYTES_MAX = 1_000_000;
/** Tries of a write whose outcome was lost, while its expectation keeps it from happening twice. */
const WRITE_ATTEMPTS_MAX = 4;

export class EtcdStore implements Store {
  readonly isShared = true;
  readonly endsRecords = true;
  readonly client: EtcdClient;
  readonly #replica: Replica;
  readonly #keys: KeySpace;
  readonly #leases: Leases;
  readonly #compactor: Compactor;
  /** The newest write of each key that has one under way: they happen in the order of the calls. */
  readonly #writing = new Map<string, Promise<unknown>>();
  /** Of the puts under way. */
  readonly #sent = new Map<string, Uint8Array>();
  #writes = 0;
  #closed = false;
  #asking: Promise<void> | undefined;
  #askingNext: Promise<void> | undefined;

  constructor(client: EtcdClient, replica: Replica, keys: KeySpace, { clock }: EtcdStoreOptions['runtime']) {
    this.client = client;
    this.#replica = replica;
    this.#keys = keys;
    replica.known = (key, value) => {
      const sent = this.#sent.get(key);
      return sent && Buffer.compare(sent, value) === 0 ? sent : undefined;
    };
    this.#leases = new Leases(client, clock);
    this.#compactor = new Compactor(client);
  }

  get revision(): number {
    return this.#replica.view.revision;
  }

  get compactedRevision(): number {
    return this.#replica.view.compactedRevision;
  }

  /** Callers of one moment share a question: whoever comes while one is under way needs the next. */
  fresh(): Promise<void> {
    if (this.#askingNext) return this.#askingNext;
    const next = (this.#asking ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        this.#askingNext = undefined;
        this.#asking = this.#catchUp();
        return this.#asking;
      });
    this.#askingNext = next;
    return next;
  }

  async get(key: string): Promise<StoredRecord | undefined> {
    return this.#replica.view.get(key);
  }

  async list(prefix: string, options?: { after?: string; limit?: number; revision?: number }): Promise<ListResult> {
    return this.#replica.view.list(prefix, options);
  }

  async commit(operation: StoreOperation): Promise<StoreResult> {
    if (this.#closed) throw new Retryable('the store is closed');
    if (this.#writes >= WRITES_MAX) throw new Retryable('too many writes are waiting for etcd');
    this.#writes++;
    const { key } = operation;
    const before = this.#writing.get(key);
    const write = before ? before.then(() => this.#write(operation)) : this.#write(operation);
    const settled = write.catch(() => undefined);
    this.#writing.set(key, settled);
    try {
      return await write;
    } finally {
      this.#writes--;
      if (this.#writing.get(key) === settled) this.#writing.delete(key);
    }
  }

  async commitAll(operations: readonly StoreOperation[]): Promise<void> {
    for (const batch of batches(operations)) {
      const success = batch.map((operation): RequestOp => {
        const key = this.#keys.toEtcd(operation.key);
        return operation.type === 'put' ? { requestPut: { key, value: operation.value } } : { requestDeleteRange: { key } };
      });
      const { header } = await this.client.txn({ compare: [], success, failure: [] });
      await this.#seen(header!.revision!);
    }
  }

  watch(prefix: string, afterRevision: number, onEvents: (events: readonly StoreEvent[]) => void, onLost?: OnLost): { stop(): void } {
    return this.#replica.view.watch(prefix, afterRevision, onEvents, onLost);
  }

  async compact(revision: number): Promise<void> {
    this.#replica.view.compact(revision);
    await this.#compactor.compact(revision);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all(this.#writing.values());
    await this.#replica.close();
    this.client.close();
  }

  async #catchUp(): Promise<void> {
    const known = this.revision;
    const { header } = await this.client.range({ key: this.#keys.first, keysOnly: true, limit: 1 });
    const revision = header?.revision ?? 0;
    if (revision < known) {
      throw new Retryable(`etcd is at revision ${revision} and was at ${known} before: it was restored from a backup; restart this server`);
    }
    await this.#replica.reach(revision);
  }

  async #write(operation: StoreOperation): Promise<StoreResult> {
    if (operation.type === 'put') this.#sent.set(operation.key, operation.value);
    try {
      return await this.#writeOnce(operation);
    } finally {
      this.#sent.delete(operation.key);
    }
  }

  /** Tries until the outcome is known, where trying again can't write twice. */
  async #writeOnce(operation: StoreOperation): Promise<StoreResult> {
    const begun = this.revision;
    let uncertain = false;
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#transact(operation);
        return answer.succeeded
          ? await this.#written(operation, answer)
          : await this.#refused(operation, answer, uncertain ? begun : undefined);
      } catch (error) {
        if (isLeaseGone(error) && attempt < WRITE_ATTEMPTS_MAX) {
          this.#leases.forget();
          continue;
        }
        uncertain ||= error instanceof EtcdError && error.uncertain;
        const isRepeatable = error instanceof EtcdError && error.uncertain && operation.expectedRevision !== undefined;
        if (isRepeatable && attempt < WRITE_ATTEMPTS_MAX && !this.#closed) continue;
        throw uncertain ? unknownOutcome(error as Error) : error;
      }
    }
  }

  async #transact(operation: StoreOperation): Promise<TxnResponse> {
    const { expectedRevision } = operation;
    const key = this.#keys.toEtcd(operation.key);
    const compare = expectedRevision === undefined ? [] : [{ result: 0, target: CompareTarget.MOD, key, modRevision: expectedRevision }];
    const failure: RequestOp[] = [{ requestRange: { key, keysOnly: true } }];
    if (operation.type === 'delete') return this.client.txn({ compare, success: [{ requestDeleteRange: { key } }], failure });
    const { value, ttlSeconds } = operation;
    const lease = ttlSeconds === undefined ? {} : { lease: await this.#leases.for(ttlSeconds) };
    return this.client.txn({ compare, success: [{ requestPut: { key, value, ...lease } }], failure });
  }

  async #written({ type, key }: StoreOperation, { header, responses }: TxnResponse): Promise<StoreResult> {
    const revision = header!.revision!;
    if (type === 'delete' && !responses?.[0]?.responseDeleteRange?.deleted) return { ok: false };
    await this.#seen(revision);
    const previous = this.#replica.view.eventAt(key, revision)?.previous;
    return { ok: true, revision, ...(previous ? { previous } : {}) };
  }

  /** `begunAt`: the revision at which a try was made whose answer was lost. */
  async #refused(operation: StoreOperation, { header, responses }: TxnResponse, begunAt: number | undefined): Promise<StoreResult> {
    const there = responses?.[0]?.responseRange?.kvs?.[0];
    await this.#replica.reach(there?.modRevision ?? header!.revision!);
    const own = begunAt === undefined ? undefined : this.#lostOutcome(operation, begunAt);
    if (own) return own;
    const current = this.#replica.view.get(operation.key);
    return { ok: false, ...(current ? { current } : {}) };
  }

  /**
   * What came of a try whose answer was lost, once another is refused: history tells it, also where others have written since. Undefined:
   * it has not happened and will not. Throws where neither can be said.
   */
  #lostOutcome(operation: StoreOperation, begunAt: number): StoreResult | undefined {
    const { key, expectedRevision } = operation;
    const isCreate = expectedRevision === 0;
    const since = this.#replica.view.eventsAfter(key, isCreate ? begunAt : expectedRevision!);
    if (!since) throw new Retryable('what happened to it is forgotten');
    // Only the first change after the expected revision can have expected it.
    const candidates = isCreate ? since : since.slice(0, 1);
    if (operation.type === 'delete') {
      if (candidates[0]?.type === 'delete') throw new Retryable('it was deleted, and it is not known by whose hand');
      return undefined;
    }
    const own = candidates.find(({ type, record }) => type === 'put' && Buffer.compare(record.value, operation.value) === 0);
    if (own) return { ok: true, revision: own.record.modRevision, ...(own.previous ? { previous: own.previous } : {}) };
    // The lost try may still arrive, and happen once what is there now is deleted.
    if (isCreate) throw new Retryable('something else was created meanwhile');
    return undefined;
  }

  /** What is written stays written, so a failure to see it is not one of the write. */
  async #seen(revision: number): Promise<void> {
    try {
      await this.#replica.reach(revision);
    } catch (cause) {
      throw new UncertainWrite(`it was written at revision ${revision}, and etcd's watch did not tell so in time`, { cause });
    }
  }
}

function* batches(operations: readonly StoreOperation[]): Generator<StoreOperation[]> {
  let batch: StoreOperation[] = [];
  let bytes = 0;
  for (const operation of operations) {
    const size = operation.key.length + (operation.type === 'put' ? operation.value.length : 0);
    if (batch.length > 0 && (batch.length === BATCH_OPERATIONS_MAX || bytes + size > BATCH_BYTES_MAX)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(operation);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function unknownOutcome(cause: Error): UncertainWrite {
  return new UncertainWrite(`it is not known whether this was written: ${cause.message}`, { cause });
}

/** Connects and loads everything. Rejects with an EtcdError or OtherEtcdError that says what is the matter. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<EtcdStore> {
  const { runtime, prefix = DEFAULT_PREFIX, ...connection } = options;
  const client = new EtcdClient({ ...connection, clock: runtime.clock });
  // Nothing else does while no member answers.
  const release = keepAlive();
  const keys = keySpace(prefix);
  try {
    return new EtcdStore(client, await Replica.open(client, keys, runtime.clock, runtime.log), keys, runtime);
  } catch (error) {
    client.close();
    throw isCompacted(error) ? new RevisionError('compacted', 0) : error;
  } finally {
    release();
  }
}
