// How many seats a priority level wanted over the last while: the basis of lending and borrowing
// (apiserver pkg/util/flowcontrol/fairqueuing/integrator.go, apf_controller.go seatDemandStats).

/** Smooths demand between two adjustments; its half-life at ten seconds each is five minutes. */
const SMOOTHING = 0.977;

export class Demand {
  #lastMs: number;
  #current = 0;
  #elapsedMs = 0;
  #sum = 0;
  #squares = 0;
  #max = 0;
  average = 0;
  deviation = 0;
  highWatermark = 0;
  smoothed = 0;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  set(seats: number, nowMs: number): void {
    const passed = nowMs - this.#lastMs;
    if (passed > 0) {
      this.#lastMs = nowMs;
      this.#elapsedMs += passed;
      this.#sum += this.#current * passed;
      this.#squares += this.#current * this.#current * passed;
    }
    this.#current = seats;
    if (seats > this.#max) this.#max = seats;
  }

  /** Ends a period: what was seen in it becomes the figures to adjust by. */
  close(nowMs: number): void {
    this.set(this.#current, nowMs);
    this.highWatermark = Math.round(this.#max);
    this.#max = this.#current;
    if (this.#elapsedMs <= 0) return;
    this.average = this.#sum / this.#elapsedMs;
    this.deviation = Math.sqrt(Math.max(0, this.#squares / this.#elapsedMs - this.average * this.average));
    const envelope = this.average + this.deviation;
    this.smoothed = Math.max(envelope, SMOOTHING * this.smoothed + (1 - SMOOTHING) * envelope);
    this.#elapsedMs = 0;
    this.#sum = 0;
    this.#squares = 0;
  }
}
