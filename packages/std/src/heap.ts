// A binary heap with removal by key: priority queues of pods, timers and retries.

export class Heap<T> {
  readonly #items: T[] = [];
  readonly #positions = new Map<string, number>();
  readonly #keyOf: (item: T) => string;
  readonly #before: (a: T, b: T) => boolean;

  /** `before` orders: the item that is before all others comes out first. Keys are unique. */
  constructor(keyOf: (item: T) => string, before: (a: T, b: T) => boolean) {
    this.#keyOf = keyOf;
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  get(key: string): T | undefined {
    const position = this.#positions.get(key);
    return position === undefined ? undefined : this.#items[position];
  }

  /** Adds, or replaces the item of the same key. */
  put(item: T): void {
    const key = this.#keyOf(item);
    const position = this.#positions.get(key) ?? this.#items.length;
    this.#place(item, position);
    this.#down(this.#up(position));
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.remove(this.#keyOf(first));
    return first;
  }

  remove(key: string): T | undefined {
    const position = this.#positions.get(key);
    if (position === undefined) return undefined;
    const removed = this.#items[position]!;
    const last = this.#items.pop()!;
    this.#positions.delete(key);
    if (position < this.#items.length) {
      this.#place(last, position);
      this.#down(this.#up(position));
    }
    return removed;
  }

  values(): readonly T[] {
    return this.#items;
  }

  #place(item: T, position: number): void {
    this.#items[position] = item;
    this.#positions.set(this.#keyOf(item), position);
  }

  /** Others move into the hole that the item leaves; it comes to rest once. */
  #up(position: number): number {
    const item = this.#items[position]!;
    let at = position;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(item, this.#items[parent]!)) break;
      this.#place(this.#items[parent]!, at);
      at = parent;
    }
    if (at !== position) this.#place(item, at);
    return at;
  }

  #down(position: number): void {
    const items = this.#items;
    const item = items[position]!;
    let at = position;
    for (let child = 2 * at + 1; child < items.length; child = 2 * at + 1) {
      if (child + 1 < items.length && this.#before(items[child + 1]!, items[child]!)) child++;
      if (!this.#before(items[child]!, item)) break;
      this.#place(items[child]!, at);
      at = child;
    }
    if (at !== position) this.#place(item, at);
  }
}
