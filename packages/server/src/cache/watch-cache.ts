// The objects of one resource as the store has them, updated in the same turn as the commit, with the history that
// watches start from (the role of apiserver storage/cacher). Reads never wait and never lag behind the store.
import { type Logger, silentLogger } from '@tiphys/runtime';
import { SortedMap } from '@tiphys/std';
import { type ListResult, RevisionError, type Store, type StoredRecord, type StoreEvent, type StoreWatch } from '@tiphys/storage';
import { Entry, EntryEvent } from './entry.ts';
import { isEverything, type Selection, selects } from './selection.ts';
import { StandingSelections } from './standing.ts';
import { ownForm, type StoredForm } from './stored-form.ts';
import { Turns } from './turns.ts';
import { Watchers } from './watchers.ts';

/** Of a resource that nobody watches, as events are, so many objects stay parsed after they were written. */
export const UNWATCHED_PARSED_MAX = 256;

export interface Change {
  revision: number;
  event: EntryEvent;
  previous?: Entry;
}

/** What a watcher with this selection sees of a change: objects that enter are ADDED, those that leave are DELETED. */
export function translate(change: Change, selection: Selection): EntryEvent | undefined {
  const { event, previous } = change;
  if (event.type === 'DELETED') return previous && selects(selection, previous) ? event : undefined;
  const is = selects(selection, event.entry);
  const was = previous !== undefined && selects(selection, previous);
  if (is) return was === (previous !== undefined) ? event : new EntryEvent('ADDED', event.entry);
  return was ? new EntryEvent('DELETED', previous.at(change.revision)) : undefined;
}

export class WatchCache {
  readonly prefix: string;
  readonly #store: Store;
  readonly #log: Logger;
  readonly #form: StoredForm;
  #entries = new SortedMap<Entry>();
  readonly #watchers = new Watchers(translate);
  readonly #standing = new StandingSelections(this);
  readonly #turns = new Turns();
  #history: Change[] = [];
  #undelivered: Change[] = [];
  /** Written while nobody watched; the oldest first. */
  #unwatched: Entry[] = [];
  #changedAt = 0;
  /** Where what this cache knows begins. */
  #begun = 0;
  #bytes = 0;
  #subscription: StoreWatch | undefined;

  constructor(store: Store, prefix: string, log: Logger = silentLogger, form: StoredForm = {}) {
    this.#form = form;
    this.#store = store;
    this.#log = log;
    this.prefix = prefix;
  }

  /** Loads the oldest that the store remembers and follows it from there to the present: watches may start wherever the store's may. */
  async start(): Promise<void> {
    const store = this.#store;
    const lost = (now: ListResult) => this.#lost(now);
    // What is there has to be readable; of what was there before history can do without.
    while (!this.#subscription) {
      const present = await store.list(this.prefix);
      const isAll = store.compactedRevision === present.revision;
      const past = isAll ? undefined : await store.list(this.prefix, { revision: store.compactedRevision }).catch(() => undefined);
      const first = past ?? present;
      this.#load(first);
      this.#begun = first.revision;
      try {
        this.#subscription = store.watch(this.prefix, first.revision, (events) => this.#apply(events), lost);
      } catch (error) {
        // It has forgotten more in between.
        if (!(error instanceof RevisionError)) throw error;
      }
    }
    await this.#subscription.told;
  }

  /** The resource is no longer served: every watch of it ends. */
  stop(): void {
    this.#subscription?.stop();
    this.#watchers.end();
  }

  /** The revision up to which this cache is complete. */
  get revision(): number {
    return this.#store.revision;
  }

  /** Watches can start from here on. */
  get oldest(): number {
    return Math.max(this.#store.compactedRevision, this.#begun);
  }

  /** Revision of the newest change of this resource. */
  get changedAt(): number {
    return this.#changedAt;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Of all objects as they are stored. */
  get bytes(): number {
    return this.#bytes;
  }

  /** How many watches hear of a change of this object; without a name, of a new one in this namespace. */
  watchersOf(namespace: string, name: string): number {
    const keyPrefix = namespace === '' ? '' : `${namespace}/`;
    return this.#watchers.interestedIn(keyPrefix, keyPrefix + name);
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** Entries in key order. */
  range(keyPrefix: string, after?: string): Iterable<[string, Entry]> {
    return this.#entries.range(keyPrefix, after);
  }

  count(keyPrefix: string, after?: string): number {
    return this.#entries.count(keyPrefix, after);
  }

  /** Entries that labels or fields select, in key order, if there is a quicker way than to look at all. To be used in the same turn. */
  selected(selection: Selection, after?: string): Iterable<Entry> | undefined {
    return this.#standing.entries(selection, after);
  }

  keysChangedAfter(revision: number): readonly string[] | undefined {
    if (revision < this.oldest) return undefined;
    return this.#history.slice(this.#firstAfter(revision)).map((change) => change.event.entry.key);
  }

  /** Entries under a prefix as they stood at a revision of the window. Throws RevisionError. */
  past(keyPrefix: string, revision: number): SortedMap<Entry> {
    this.#assertKnown(revision);
    const before = new Map<string, Entry | undefined>();
    for (let i = this.#firstAfter(revision); i < this.#history.length; i++) {
      const { event, previous } = this.#history[i]!;
      const { key } = event.entry;
      if (key.startsWith(keyPrefix) && !before.has(key)) before.set(key, previous);
    }
    const past = new SortedMap<Entry>();
    for (const [key, entry] of this.#entries.range(keyPrefix)) if (!before.has(key)) past.set(key, entry);
    for (const [key, entry] of before) if (entry) past.set(key, entry);
    return past;
  }

  /** Changes after a revision, for a watch that starts there. Throws RevisionError when the window doesn't reach that far. */
  changesAfter(revision: number): readonly Change[] {
    if (revision < this.oldest) throw new RevisionError('compacted', this.revision);
    const start = this.#firstAfter(revision);
    return start === this.#history.length ? [] : this.#history.slice(start);
  }

  /** Follows changes from now on. Events come in batches, in a turn of their own after the commit. */
  follow(selection: Selection, onEvents: (events: readonly EntryEvent[]) => void, onEnd: () => void = () => {}): () => void {
    this.#deliver();
    return this.#watchers.add({ selection, everything: isEverything(selection), onEvents, onEnd });
  }

  /** Calls after many changes, once everybody has been told of them. Returns what ends it. */
  takeTurns(mark: () => void): () => void {
    return this.#turns.add(mark);
  }

  /** Undefined for a value that is no object: it is as if it were not there, and the log says so. */
  #entryOf({ key, modRevision, value }: StoredRecord): Entry | undefined {
    try {
      return new Entry(key.slice(this.prefix.length), modRevision, ownForm(value, this.#form));
    } catch (error) {
      this.#log.error('a stored value can not be read', error, { key, revision: modRevision });
      return undefined;
    }
  }

  #load({ records }: ListResult): void {
    this.#entries = new SortedMap<Entry>();
    this.#bytes = 0;
    for (const record of records) {
      const entry = this.#entryOf(record);
      if (!entry) continue;
      this.#entries.set(entry.key, entry);
      this.#bytes += entry.value.length;
      this.#changedAt = Math.max(this.#changedAt, record.modRevision);
    }
  }

  /** What led to the present is not known, so nobody can follow it: who watches has to ask again. */
  #lost(present: ListResult): void {
    this.#load(present);
    this.#changedAt = present.revision;
    this.#history = [];
    this.#undelivered = [];
    this.#standing.clear();
    this.#watchers.end();
  }

  #apply(events: readonly StoreEvent[]): void {
    for (const { type, record } of events) {
      const key = record.key.slice(this.prefix.length);
      const previous = this.#entries.get(key);
      const next = type === 'put' ? this.#entryOf(record) : undefined;
      const entry = next ?? previous?.at(record.modRevision);
      if (!entry) continue;
      if (next) this.#entries.set(key, next);
      else this.#entries.delete(key);
      this.#bytes += (next?.value.length ?? 0) - (previous?.value.length ?? 0);
      const kind = !next ? 'DELETED' : previous ? 'MODIFIED' : 'ADDED';
      const change: Change = { revision: entry.revision, event: new EntryEvent(kind, entry), ...(previous ? { previous } : {}) };
      this.#history.push(change);
      this.#undelivered.push(change);
    }
    this.#changedAt = events.at(-1)!.record.modRevision;
    this.#forget();
    // Every cache has to be at the new revision before anyone hears of it, so delivery waits for the end of this turn.
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    const changes = this.#undelivered;
    if (changes.length === 0) return;
    this.#undelivered = [];
    const all = changes.map((change) => change.event);
    if (this.#watchers.size > 0) this.#watchers.tell(changes, all);
    // History keeps the stored bytes alone.
    for (const { event, previous } of changes) {
      event.release();
      previous?.release();
      if (event.type === 'DELETED') event.entry.release();
      else if (this.#watchers.size === 0) this.#unwatched.push(event.entry);
    }
    if (this.#unwatched.length > 2 * UNWATCHED_PARSED_MAX) this.#forgetParsed();
    this.#turns.advance(changes.length);
  }

  /** Whoever asks for the object has it parsed again, and then it stays. */
  #forgetParsed(): void {
    for (const entry of this.#unwatched.splice(0, this.#unwatched.length - UNWATCHED_PARSED_MAX)) entry.release();
  }

  #assertKnown(revision: number): void {
    if (revision < this.oldest) throw new RevisionError('compacted', this.revision);
    if (revision > this.revision) throw new RevisionError('future', this.revision);
  }

  /** Lets go of what the store has compacted. */
  #forget(): void {
    const oldest = this.#store.compactedRevision;
    if (this.#history.length === 0 || this.#history[0]!.revision > oldest) return;
    this.#history.splice(0, this.#firstAfter(oldest));
  }

  #firstAfter(revision: number): number {
    let low = 0;
    let high = this.#history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#history[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
