// Who follows a resource, and who has to hear of a change: everyone who might, but of those who want one value of a field (a
// thousand kubelets, each its own node's pods) only the ones with that value (apiserver storage/cacher's value triggers).
import type { EntryEvent, PlainObject } from './entry.ts';
import type { Selection } from './selection.ts';
import type { Change } from './watch-cache.ts';

export interface Watcher {
  selection: Selection;
  everything: boolean;
  onEvents: (events: readonly EntryEvent[]) => void;
  onEnd: () => void;
}

interface FieldIndex {
  read(object: PlainObject): string;
  byValue: Map<string, Set<Watcher>>;
}

export class Watchers {
  readonly #translate: (change: Change, selection: Selection) => EntryEvent | undefined;
  readonly #others = new Set<Watcher>();
  readonly #byField = new Map<string, FieldIndex>();
  /** How many follow everything (''), a namespace (`namespace/`) or one object (its key), those found by a field left out. */
  readonly #scopes = new Map<string, number>();
  size = 0;

  constructor(translate: (change: Change, selection: Selection) => EntryEvent | undefined) {
    this.#translate = translate;
  }

  /** Returns what ends it; the watcher hears nothing afterwards, not even of what is being told right now. */
  add(watcher: Watcher): () => void {
    const home = this.#homeOf(watcher);
    home.add(watcher);
    this.size++;
    this.#count(watcher, 1);
    return () => {
      watcher.onEvents = () => {};
      if (!home.delete(watcher)) return;
      this.size--;
      this.#count(watcher, -1);
      if (home.size === 0) this.#forget(watcher, home);
    };
  }

  /** How many hear of a change of this object, roughly: of those who want one value of a field it is not known beforehand. */
  interestedIn(keyPrefix: string, key: string): number {
    if (this.#scopes.size === 0) return 0;
    const named = key === keyPrefix ? 0 : (this.#scopes.get(key) ?? 0);
    return (this.#scopes.get('') ?? 0) + (keyPrefix === '' ? 0 : (this.#scopes.get(keyPrefix) ?? 0)) + named;
  }

  #count({ selection: { field, key, keyPrefix } }: Watcher, by: 1 | -1): void {
    if (field) return;
    const scope = key ?? keyPrefix;
    const count = (this.#scopes.get(scope) ?? 0) + by;
    if (count > 0) this.#scopes.set(scope, count);
    else this.#scopes.delete(scope);
  }

  /** Every watch ends. */
  end(): void {
    const all = this.#all();
    this.#others.clear();
    this.#byField.clear();
    this.#scopes.clear();
    this.size = 0;
    for (const watcher of all) watcher.onEnd();
  }

  tell(changes: readonly Change[], all: readonly EntryEvent[]): void {
    // Those of one namespace are told the same batch, which is then encoded once.
    const byScope = new Map<string, EntryEvent[]>();
    const batchOf = ({ everything, selection }: Watcher): readonly EntryEvent[] => {
      if (everything) return all;
      if (selection.key !== undefined || selection.matches) return this.#selected(changes, selection);
      let batch = byScope.get(selection.keyPrefix);
      if (!batch) {
        batch = this.#selected(changes, selection);
        byScope.set(selection.keyPrefix, batch);
      }
      return batch;
    };
    // Copies, since a watcher that joins meanwhile has read these changes from the history.
    for (const watcher of [...this.#others]) {
      const events = batchOf(watcher);
      if (events.length > 0) watcher.onEvents(events);
    }
    for (const index of [...this.#byField.values()]) {
      for (const [watcher, concerned] of concernedBy(changes, index)) {
        const events = this.#selected(concerned, watcher.selection);
        if (events.length > 0) watcher.onEvents(events);
      }
    }
  }

  #selected(changes: readonly Change[], selection: Selection): EntryEvent[] {
    const events: EntryEvent[] = [];
    for (const change of changes) {
      const event = this.#translate(change, selection);
      if (event) events.push(event);
    }
    return events;
  }

  #homeOf({ selection: { field } }: Watcher): Set<Watcher> {
    if (!field) return this.#others;
    let index = this.#byField.get(field.name);
    if (!index) {
      index = { read: field.read, byValue: new Map() };
      this.#byField.set(field.name, index);
    }
    let home = index.byValue.get(field.value);
    if (!home) {
      home = new Set();
      index.byValue.set(field.value, home);
    }
    return home;
  }

  #forget({ selection: { field } }: Watcher, home: Set<Watcher>): void {
    const index = field && this.#byField.get(field.name);
    if (!index || index.byValue.get(field.value) !== home) return;
    index.byValue.delete(field.value);
    if (index.byValue.size === 0) this.#byField.delete(field.name);
  }

  #all(): Watcher[] {
    const indexed = [...this.#byField.values()].flatMap(({ byValue }) => [...byValue.values()]);
    return [this.#others, ...indexed].flatMap((home) => [...home]);
  }
}

/** The changes by watcher: those whose object has the watcher's value, or had it before. */
function concernedBy(changes: readonly Change[], { read, byValue }: FieldIndex): Map<Watcher, Change[]> {
  const concerned = new Map<Watcher, Change[]>();
  const note = (value: string, change: Change) => {
    for (const watcher of byValue.get(value) ?? []) {
      const known = concerned.get(watcher);
      if (known) known.push(change);
      else concerned.set(watcher, [change]);
    }
  };
  for (const change of changes) {
    const now = read(change.event.entry.content);
    note(now, change);
    const before = change.previous && read(change.previous.content);
    if (before !== undefined && before !== now) note(before, change);
  }
  return concerned;
}
