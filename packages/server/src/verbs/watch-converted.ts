// Selection of objects that a webhook converts: what counts is their form in the watcher's version, so the watch itself
// remembers which objects it has shown.
import type { WatchEvent } from '@tiphys/api';
import type { Entry, EntryEvent, PlainObject } from '../cache/entry.ts';
import type { Endpoint } from '../resources.ts';

export class ConvertedSelection {
  readonly #endpoint: Endpoint;
  readonly #matches: (object: PlainObject) => boolean;
  /** What the watcher knows of, by key. */
  readonly #shown = new Map<string, PlainObject>();

  constructor(endpoint: Endpoint, matches: (object: PlainObject) => boolean) {
    this.#endpoint = endpoint;
    this.#matches = matches;
  }

  /** The watcher has seen these, as far as they are selected. */
  async begin(entries: readonly Entry[]): Promise<void> {
    await this.#endpoint.ready(entries);
    for (const entry of entries) {
      const object = this.#endpoint.object(entry);
      if (this.#matches(object)) this.#shown.set(entry.key, object);
    }
  }

  /** The events as the watcher sees them: what enters is ADDED, what leaves is DELETED in its last selected form. */
  async events(events: readonly EntryEvent[]): Promise<WatchEvent[]> {
    await this.#endpoint.ready(events.filter(({ type }) => type !== 'DELETED').map(({ entry }) => entry));
    return events.flatMap(({ type, entry }) => {
      const before = this.#shown.get(entry.key);
      const now = type === 'DELETED' ? undefined : this.#endpoint.object(entry);
      if (now && this.#matches(now)) {
        this.#shown.set(entry.key, now);
        return { type: before ? 'MODIFIED' : 'ADDED', object: now };
      }
      if (!before) return [];
      this.#shown.delete(entry.key);
      return { type: 'DELETED', object: { ...before, metadata: { ...before.metadata, resourceVersion: String(entry.revision) } } };
    });
  }
}
