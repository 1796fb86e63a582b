// A map whose keys can be walked in order: rows of bounded length under a list of rows, so that an insertion moves few
// elements. Keys compare by UTF-16 code units, which for the ASCII keys used here is byte order.

const ROW_LENGTH_MAX = 256;

interface Row<V> {
  keys: string[];
  values: V[];
}

/** First index whose key is >= the key. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class SortedMap<V> {
  readonly #index = new Map<string, V>();
  #rows: Row<V>[] = [];

  get size(): number {
    return this.#index.size;
  }

  get(key: string): V | undefined {
    return this.#index.get(key);
  }

  has(key: string): boolean {
    return this.#index.has(key);
  }

  set(key: string, value: V): void {
    const known = this.#index.has(key);
    this.#index.set(key, value);
    if (this.#rows.length === 0) {
      this.#rows.push({ keys: [key], values: [value] });
      return;
    }
    const last = this.#rows[this.#rows.length - 1]!;
    // Who fills a map in order needs no search.
    const isLast = !known && key > last.keys[last.keys.length - 1]!;
    const rowAt = isLast ? this.#rows.length - 1 : this.#rowFor(key);
    const row = this.#rows[rowAt]!;
    const at = isLast ? row.keys.length : lowerBound(row.keys, key);
    if (known) {
      row.values[at] = value;
      return;
    }
    row.keys.splice(at, 0, key);
    row.values.splice(at, 0, value);
    if (row.keys.length > ROW_LENGTH_MAX) {
      const half = row.keys.length >>> 1;
      this.#rows.splice(rowAt + 1, 0, { keys: row.keys.splice(half), values: row.values.splice(half) });
    }
  }

  delete(key: string): boolean {
    if (!this.#index.delete(key)) return false;
    const rowAt = this.#rowFor(key);
    const row = this.#rows[rowAt]!;
    const at = lowerBound(row.keys, key);
    row.keys.splice(at, 1);
    row.values.splice(at, 1);
    if (row.keys.length === 0) this.#rows.splice(rowAt, 1);
    return true;
  }

  /** Values in the order they were first set; the quickest way through all of them. */
  values(): IterableIterator<V> {
    return this.#index.values();
  }

  /** Entries whose key starts with the prefix, in key order, from after the key `after` (exclusive) when given. Not to be changed meanwhile. */
  *range(prefix: string, after?: string): Generator<[string, V]> {
    if (this.#rows.length === 0) return;
    const start = after !== undefined && after > prefix ? after : prefix;
    let rowAt = this.#rowFor(start);
    let at = lowerBound(this.#rows[rowAt]!.keys, start);
    for (; rowAt < this.#rows.length; rowAt++, at = 0) {
      const row = this.#rows[rowAt]!;
      for (; at < row.keys.length; at++) {
        const key = row.keys[at]!;
        if (key === after) continue;
        if (!key.startsWith(prefix)) return;
        yield [key, row.values[at]!];
      }
    }
  }

  /** How many keys start with the prefix and lie after the key `after` (exclusive). */
  count(prefix: string, after?: string): number {
    if (this.#rows.length === 0) return 0;
    if (prefix === '' && after === undefined) return this.#index.size;
    const from = after !== undefined && after >= prefix ? `${after}\u0000` : prefix;
    return Math.max(0, this.#rank(`${prefix}\uffff`) - this.#rank(from));
  }

  /** Keys smaller than the key. */
  #rank(key: string): number {
    const rowAt = this.#rowFor(key);
    let rank = lowerBound(this.#rows[rowAt]!.keys, key);
    for (let i = 0; i < rowAt; i++) rank += this.#rows[i]!.keys.length;
    return rank;
  }

  /** The row that holds the key or would: the last one whose first key is <= the key. */
  #rowFor(key: string): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#rows[middle]!.keys[0]! <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}
