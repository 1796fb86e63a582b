// The one interface to state: a key space with revisions, as etcd v3 has it. Keys look like upstream's
// (`/registry/pods/default/web-0`). Revisions count committed writes and never run backwards; each write gets its own.
import { Retryable } from '@tiphys/std';

export interface StoredRecord {
  key: string;
  value: Uint8Array;
  createRevision: number;
  modRevision: number;
}

export type StoreOperation =
  /**
   * expectedRevision: 0 = must not exist, n = must be at modRevision n, undefined = whatever is there.
   * ttlSeconds: how long the record lives after this write, in stores that end records by themselves.
   */
  | { type: 'put'; key: string; value: Uint8Array; expectedRevision?: number; ttlSeconds?: number }
  | { type: 'delete'; key: string; expectedRevision?: number };

export type StoreResult =
  | { ok: true; revision: number; previous?: StoredRecord }
  /** Nothing was written. `current` is what stands there instead, if anything. */
  | { ok: false; current?: StoredRecord };

export interface StoreEvent {
  type: 'put' | 'delete';
  /** For a delete: the key, its last value, and modRevision = the revision of the delete. */
  record: StoredRecord;
  previous?: StoredRecord;
}

export interface ListResult {
  records: StoredRecord[];
  /** The revision the answer holds at. */
  revision: number;
  /** True when a limit cut the answer short. */
  more: boolean;
  /** Keys under the prefix after the last one returned. */
  remaining: number;
}

export interface StoreWatch {
  /** Resolves when the events of before the call are delivered; undefined: they were, within the call. */
  told?: Promise<void>;
  stop(): void;
}

/** The revision asked for is no longer (or not yet) known. */
export class RevisionError extends Error {
  override name = 'RevisionError';
  readonly kind: 'compacted' | 'future';
  readonly current: number;
  constructor(kind: 'compacted' | 'future', current: number) {
    super(`revision is ${kind === 'compacted' ? 'compacted' : 'in the future'}; the store is at ${current}`);
    this.kind = kind;
    this.current = current;
  }
}

/** What there is under a watch's prefix now, when the way there is not known any more. */
export type OnLost = (present: ListResult) => void;

/** A write that may have happened all the same: whoever repeats it may meet what it did. */
export class UncertainWrite extends Retryable {}

export interface Store extends AsyncDisposable {
  /**
   * Revision up to which this store's view of the state is complete; all reads are from that view. Where several programs write
   * to the same state it may be behind the newest write of another (see `fresh`), never behind one acknowledged here.
   */
  readonly revision: number;
  /** Oldest revision still readable and watchable from. */
  readonly compactedRevision: number;
  /** Other programs may write to the same state. */
  readonly isShared: boolean;
  /** Records end by themselves when their ttlSeconds are over; elsewhere somebody has to delete them. */
  readonly endsRecords: boolean;
  /**
   * Resolves when the view has every write, of anyone, that was acknowledged before the call; undefined where it always has.
   * Rejects with Retryable when that can't be found out.
   */
  fresh(): Promise<void> | undefined;
  get(key: string): Promise<StoredRecord | undefined>;
  /** Records under a prefix in key order; `after` is exclusive; `revision` reads the past within the window. Throws RevisionError. */
  list(prefix: string, options?: { after?: string; limit?: number; revision?: number }): Promise<ListResult>;
  /**
   * Resolves once the write is durable (or refused by its expectation). Rejects with Retryable when it failed and nothing was
   * written, with UncertainWrite where that can't be said, as when the connection to the store broke on the way.
   */
  commit(operation: StoreOperation): Promise<StoreResult>;
  /**
   * Carries out many operations in their order, whatever is there: together or not at all in a local store, in large steps in one
   * over the network. Revisions given out are above `afterRevision`, where the store counts them itself. Rejects with Retryable.
   */
  commitAll(operations: readonly StoreOperation[], options?: { afterRevision?: number }): Promise<void>;
  /**
   * Delivers every event under the prefix with revision > afterRevision, in order, once each, in batches; events are
   * delivered only after they are durable, and before the writer's commit() resolves. Throws RevisionError if compacted.
   * Should events have been missed (cut off for longer than the store remembers) onLost gets what there is instead, in the turn
   * in which `revision` moves there, and the watch goes on from that.
   */
  watch(prefix: string, afterRevision: number, onEvents: (events: readonly StoreEvent[]) => void, onLost?: OnLost): StoreWatch;
  /** Forgets history up to the revision. Current values stay. */
  compact(revision: number): Promise<void>;
}
