// Exponential back-off with jitter, reset after a quiet time (apimachinery util/wait/backoff.go).
import type { Random } from '@tiphys/runtime';

export interface BackoffOptions {
  initialMs: number;
  maximumMs: number;
  factor: number;
  /** Up to this share of the delay is added by chance. */
  jitter: number;
}

export interface Backoff {
  nextMs(): number;
  reset(): void;
}

export function backoff(options: BackoffOptions, random: Random): Backoff {
  let delayMs = options.initialMs;
  return {
    nextMs: () => {
      const jittered = delayMs * (1 + options.jitter * random.number());
      delayMs = Math.min(options.maximumMs, delayMs * options.factor);
      return jittered;
    },
    reset: () => {
      delayMs = options.initialMs;
    },
  };
}
