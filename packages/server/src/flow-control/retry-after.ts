// When those who were turned away should come again: doubled while many are, and less by a second when few are
// (apiserver pkg/util/flowcontrol/dropped_requests_tracker.go).

export const RETRY_AFTER_MAX_SECONDS = 32;

export class RetryAfter {
  #seconds = 1;
  #raisedAt = 0;
  #current = { second: 0, count: 0 };
  #history: { second: number; count: number }[] = [];

  get seconds(): number {
    return this.#seconds;
  }

  /** One more was turned away. */
  dropped(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second === this.#current.second) {
      this.#current.count++;
      return;
    }
    this.#history.push(this.#current);
    this.#history = this.#history.filter((each) => second - each.second <= Math.min(2 * this.#seconds, RETRY_AFTER_MAX_SECONDS));
    this.#current = { second, count: 1 };
    this.#adjust(second);
  }

  #adjust(second: number): void {
    const recent = this.#history.filter((each) => second - each.second <= this.#seconds && each.second < second);
    const count = recent.reduce((total, each) => total + each.count, 0);
    if (second - this.#raisedAt >= this.#seconds && count >= 3 * this.#seconds) {
      this.#seconds = Math.min(this.#seconds * 2, RETRY_AFTER_MAX_SECONDS);
      this.#raisedAt = second;
    } else if (count < this.#seconds && this.#seconds > 1) this.#seconds--;
  }
}
