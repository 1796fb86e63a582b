// Answers remembered for a while, the least recently used forgotten first (apimachinery util/cache/lruexpirecache.go).
import type { Clock } from '@tiphys/runtime';

export class ExpiringCache<T> {
  readonly #clock: Clock;
  readonly #sizeMax: number;
  readonly #entries = new Map<string, { value: T; untilMs: number }>();

  constructor(clock: Clock, sizeMax: number) {
    this.#clock = clock;
    this.#sizeMax = sizeMax;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    if (this.#clock.monotonicMs() >= entry.untilMs) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: T, ttlMs: number): void {
    if (ttlMs <= 0) return;
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: this.#clock.monotonicMs() + ttlMs });
    if (this.#entries.size > this.#sizeMax) this.#entries.delete(this.#entries.keys().next().value!);
  }
}
