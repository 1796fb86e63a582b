// Who is told of which keys. Prefixes that end at a slash are found by the key's own path, so that a hundred watched
// resources cost no more than a few look-ups per event.
import type { OnLost, StoreEvent } from './store.ts';

interface Watcher {
  prefix: string;
  afterRevision: number;
  onEvents: (events: readonly StoreEvent[]) => void;
  onLost: OnLost;
  batch: StoreEvent[];
}

const ignore = () => {};

export class Watchers {
  readonly #byFolder = new Map<string, Set<Watcher>>();
  readonly #others = new Set<Watcher>();

  /** Returns the function that ends the watch. */
  add(prefix: string, afterRevision: number, onEvents: (events: readonly StoreEvent[]) => void, onLost: OnLost = ignore): () => void {
    const watcher: Watcher = { prefix, afterRevision, onEvents, onLost, batch: [] };
    const group = prefix.endsWith('/') ? this.#folder(prefix) : this.#others;
    group.add(watcher);
    return () => {
      group.delete(watcher);
      if (group.size === 0 && group !== this.#others && this.#byFolder.get(prefix) === group) this.#byFolder.delete(prefix);
      watcher.onEvents = ignore;
      watcher.onLost = ignore;
    };
  }

  deliver(events: readonly StoreEvent[]): void {
    const touched = new Set<Watcher>();
    const collect = (watcher: Watcher, event: StoreEvent) => {
      if (event.record.modRevision <= watcher.afterRevision) return;
      watcher.batch.push(event);
      touched.add(watcher);
    };
    for (const event of events) {
      const { key } = event.record;
      for (let slash = key.indexOf('/'); slash !== -1; slash = key.indexOf('/', slash + 1)) {
        const group = this.#byFolder.get(key.slice(0, slash + 1));
        if (group) for (const watcher of group) collect(watcher, event);
      }
      for (const watcher of this.#others) if (key.startsWith(watcher.prefix)) collect(watcher, event);
    }
    for (const watcher of touched) {
      const batch = watcher.batch;
      watcher.batch = [];
      watcher.onEvents(batch);
    }
  }

  /** Tells everyone what there is now. */
  lose(present: (prefix: string) => Parameters<OnLost>[0]): void {
    const all = [...this.#others, ...[...this.#byFolder.values()].flatMap((group) => [...group])];
    for (const watcher of all) {
      watcher.afterRevision = 0;
      watcher.onLost(present(watcher.prefix));
    }
  }

  #folder(prefix: string): Set<Watcher> {
    let group = this.#byFolder.get(prefix);
    if (!group) {
      group = new Set();
      this.#byFolder.set(prefix, group);
    }
    return group;
  }
}
