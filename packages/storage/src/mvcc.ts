// What every local store shares: the current records, a bounded window of history for reading the past and for
// watching, and the watchers. It decides operations and applies them; making them durable in between is the store's part.
import { SortedMap } from '@tiphys/std';
import {
  type ListResult,
  type OnLost,
  RevisionError,
  type StoredRecord,
  type StoreEvent,
  type StoreOperation,
  type StoreResult,
} from './store.ts';
import { Watchers } from './watchers.ts';

/** History kept for watches and lists of the past; beyond either limit the oldest half is forgotten. */
export const HISTORY_EVENTS_MAX = 100_000;
export const HISTORY_BYTES_MAX = 48 * 1024 * 1024;

/** The revision of a store that holds nothing yet, as in etcd. */
export const FIRST_REVISION = 1;

/** Operations decided in order but not applied: what to write and what to answer. */
export interface Decided {
  events: StoreEvent[];
  results: StoreResult[];
  revision: number;
}

/** A change that was decided elsewhere; of a deletion the record says the key and the revision. */
export interface Observed {
  type: 'put' | 'delete';
  record: StoredRecord;
}

const bytesOf = (event: StoreEvent) => event.record.value.length;

export class Mvcc {
  #records = new SortedMap<StoredRecord>();
  readonly #watchers = new Watchers();
  /** Ascending by revision, all above the compacted revision. */
  #history: StoreEvent[] = [];
  #historyBytes = 0;
  #revision: number;
  #compacted: number;

  constructor(records: Iterable<StoredRecord> = [], revision = FIRST_REVISION) {
    for (const record of records) this.#records.set(record.key, record);
    this.#revision = revision;
    this.#compacted = revision;
  }

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#compacted;
  }

  get(key: string): StoredRecord | undefined {
    return this.#records.get(key);
  }

  /** Decides the operations one after the other, each seeing what the earlier ones would leave. */
  decide(operations: readonly StoreOperation[], afterRevision = 0): Decided {
    const pending = new Map<string, StoredRecord | undefined>();
    const decided: Decided = { events: [], results: [], revision: Math.max(this.#revision, afterRevision) };
    for (const operation of operations) {
      const { key } = operation;
      const current = pending.has(key) ? pending.get(key) : this.#records.get(key);
      const { expectedRevision } = operation;
      const expected = expectedRevision === undefined || expectedRevision === (current?.modRevision ?? 0);
      if (!expected || (operation.type === 'delete' && !current)) {
        decided.results.push({ ok: false, ...(current ? { current } : {}) });
        continue;
      }
      const revision = ++decided.revision;
      const before = current ? { previous: current } : {};
      if (operation.type === 'put') {
        const record = { key, value: operation.value, createRevision: current?.createRevision ?? revision, modRevision: revision };
        pending.set(key, record);
        decided.events.push({ type: 'put', record, ...before });
      } else {
        pending.set(key, undefined);
        decided.events.push({ type: 'delete', record: { ...current!, modRevision: revision }, ...before });
      }
      decided.results.push({ ok: true, revision, ...before });
    }
    return decided;
  }

  /** Makes what was decided elsewhere the present, up to a revision that may be beyond the last change. */
  observe(changes: readonly Observed[], revision: number): void {
    const pending = new Map<string, StoredRecord | undefined>();
    const events: StoreEvent[] = [];
    for (const { type, record } of changes) {
      const { key, modRevision } = record;
      const previous = pending.has(key) ? pending.get(key) : this.#records.get(key);
      if (type === 'put') events.push({ type, record, ...(previous ? { previous } : {}) });
      else if (previous) events.push({ type, record: { ...previous, modRevision }, previous });
      pending.set(key, type === 'put' ? record : undefined);
    }
    this.apply({ events, results: [], revision });
  }

  /** Takes over another present, without the history that led there. */
  reset(records: Iterable<StoredRecord>, revision: number): void {
    this.#records = new SortedMap<StoredRecord>();
    for (const record of records) this.#records.set(record.key, record);
    this.#history = [];
    this.#historyBytes = 0;
    this.#revision = revision;
    this.#compacted = revision;
    this.#watchers.lose((prefix) => this.list(prefix));
  }

  /** What happened to a key at a revision, while that is remembered. */
  eventAt(key: string, revision: number): StoreEvent | undefined {
    for (let i = this.#firstAfter(revision - 1); this.#history[i]?.record.modRevision === revision; i++) {
      if (this.#history[i]!.record.key === key) return this.#history[i];
    }
    return undefined;
  }

  /** What happened to a key after a revision, in order; undefined where that is no longer known. */
  eventsAfter(key: string, revision: number): StoreEvent[] | undefined {
    if (revision < this.#compacted) return undefined;
    return this.#history.slice(this.#firstAfter(revision)).filter(({ record }) => record.key === key);
  }

  /** Makes decided operations the present and tells the watchers. */
  apply(decided: Decided): void {
    for (const event of decided.events) {
      if (event.type === 'put') this.#records.set(event.record.key, event.record);
      else this.#records.delete(event.record.key);
      this.#history.push(event);
      this.#historyBytes += bytesOf(event);
    }
    this.#revision = decided.revision;
    if (decided.events.length === 0) return;
    this.#watchers.deliver(decided.events);
    if (this.#history.length > HISTORY_EVENTS_MAX || this.#historyBytes > HISTORY_BYTES_MAX) this.#forgetHalf();
  }

  list(prefix: string, options: { after?: string; limit?: number; revision?: number } = {}): ListResult {
    const revision = options.revision ?? this.#revision;
    this.#assertKnown(revision);
    const source = revision === this.#revision ? this.#records : this.#past(prefix, revision);
    const records: StoredRecord[] = [];
    for (const [, record] of source.range(prefix, options.after)) {
      if (options.limit && records.length === options.limit) {
        const remaining = source.count(prefix, records.at(-1)!.key);
        return { records, revision, more: true, remaining };
      }
      records.push(record);
    }
    return { records, revision, more: false, remaining: 0 };
  }

  watch(prefix: string, afterRevision: number, onEvents: (events: readonly StoreEvent[]) => void, onLost?: OnLost): { stop(): void } {
    if (afterRevision < this.#compacted) throw new RevisionError('compacted', this.#revision);
    const past = this.#history.slice(this.#firstAfter(afterRevision)).filter((event) => event.record.key.startsWith(prefix));
    const stop = this.#watchers.add(prefix, afterRevision, onEvents, onLost);
    if (past.length > 0) onEvents(past);
    return { stop };
  }

  compact(revision: number): void {
    if (revision > this.#revision) throw new RevisionError('future', this.#revision);
    if (revision <= this.#compacted) return;
    for (const event of this.#history.splice(0, this.#firstAfter(revision))) this.#historyBytes -= bytesOf(event);
    this.#compacted = revision;
  }

  #assertKnown(revision: number): void {
    if (revision < this.#compacted) throw new RevisionError('compacted', this.#revision);
    if (revision > this.#revision) throw new RevisionError('future', this.#revision);
  }

  #forgetHalf(): void {
    this.compact(this.#history[this.#history.length >>> 1]!.record.modRevision);
  }

  /** Index of the first event of the history with a revision above the given one. */
  #firstAfter(revision: number): number {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#history[middle]!.record.modRevision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The records under a prefix as they were: the present with every later change taken back. */
  #past(prefix: string, revision: number): SortedMap<StoredRecord> {
    const past = new SortedMap<StoredRecord>();
    const before = new Map<string, StoredRecord | undefined>();
    for (let i = this.#firstAfter(revision); i < this.#history.length; i++) {
      const { record, previous } = this.#history[i]!;
      if (record.key.startsWith(prefix) && !before.has(record.key)) before.set(record.key, previous);
    }
    for (const [key, record] of this.#records.range(prefix)) if (!before.has(key)) past.set(key, record);
    for (const [key, record] of before) if (record) past.set(key, record);
    return past;
  }
}
