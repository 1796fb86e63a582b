// A bookmark a minute for every watch that wants them, by one timer for all watches of a server (the time buckets of apiserver
// storage/cacher): watches of one bucket are told in one turn, and the buckets' turns lie apart.
import type { Clock, Timer } from '@tiphys/runtime';

export const BOOKMARK_INTERVAL_MS = 60_000;
const BUCKETS_PER_INTERVAL = 6;
const BUCKET_MS = BOOKMARK_INTERVAL_MS / BUCKETS_PER_INTERVAL;

interface Bucket {
  dueMs: number;
  marks: Set<() => void>;
}

export class Rounds {
  readonly #clock: Clock;
  /** In the order in which they are due. Every mark comes again in the last one, so there are never more than an interval has. */
  #buckets: Bucket[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls within a minute, and once a minute from then on. Returns what ends it. */
  add(mark: () => void): () => void {
    const dueMs = this.#nextDueMs();
    let bucket = this.#buckets.at(-1);
    if (bucket?.dueMs !== dueMs) {
      bucket = { dueMs, marks: new Set() };
      this.#buckets.push(bucket);
    }
    const { marks } = bucket;
    marks.add(mark);
    if (!this.#timer) this.#wait();
    return () => {
      if (marks.delete(mark) && marks.size === 0) this.#forgetEmpty();
    };
  }

  #nextDueMs(): number {
    return Math.floor((this.#clock.monotonicMs() + BOOKMARK_INTERVAL_MS) / BUCKET_MS) * BUCKET_MS;
  }

  #forgetEmpty(): void {
    this.#buckets = this.#buckets.filter(({ marks }) => marks.size > 0);
    if (this.#buckets.length > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wait(): void {
    const [first] = this.#buckets;
    if (first) this.#timer = this.#clock.after(first.dueMs - this.#clock.monotonicMs(), () => this.#turn());
  }

  #turn(): void {
    this.#timer = undefined;
    const bucket = this.#buckets.shift();
    if (bucket && bucket.marks.size > 0) {
      bucket.dueMs = this.#nextDueMs();
      this.#buckets.push(bucket);
      for (const mark of [...bucket.marks]) if (bucket.marks.has(mark)) mark();
    }
    if (!this.#timer) this.#wait();
  }
}
