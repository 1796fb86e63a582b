// Watches that want bookmarks are given one after many changes that did not concern them, besides the one a minute: whoever comes back
// then has little to be told again. They take turns, so that no change costs more than one bookmark.

/** Changes of a resource until each watch was marked once; as many as there are watches, if those are more. */
export const CHANGES_PER_BOOKMARK = 1000;

export class Turns {
  /** Who waits longest comes first. */
  readonly #waiting = new Set<() => void>();
  /** Changes, each as often as there were watches. */
  #owed = 0;

  /** Returns what ends it. */
  add(mark: () => void): () => void {
    this.#waiting.add(mark);
    return () => void this.#waiting.delete(mark);
  }

  advance(changes: number): void {
    const { size } = this.#waiting;
    if (size === 0) return;
    const round = Math.max(CHANGES_PER_BOOKMARK, size);
    this.#owed += changes * size;
    const count = Math.min(Math.floor(this.#owed / round), size);
    this.#owed %= round;
    const marked: (() => void)[] = [];
    for (const mark of this.#waiting) {
      if (marked.length === count) break;
      marked.push(mark);
    }
    for (const mark of marked) {
      this.#waiting.delete(mark);
      this.#waiting.add(mark);
    }
    for (const mark of marked) if (this.#waiting.has(mark)) mark();
  }
}
