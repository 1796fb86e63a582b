// Delays that double per key and are forgotten after a quiet time (client-go util/flowcontrol/backoff.go).

export interface BackOff {
  /** Still waiting, counted from the event? */
  waitsSince(key: string, eventMs: number, nowMs: number): boolean;
  /** Still waiting, counted from the last failure? */
  waits(key: string, nowMs: number): boolean;
  delayMs(key: string): number;
  failed(key: string, eventMs: number, nowMs: number): void;
  forget(prefix: string): void;
}

/** Upstream's MaxContainerBackOff and the first delay, for restarts and for image pulls. */
export const BACK_OFF_FIRST_MS = 10_000;
export const BACK_OFF_MS_MAX = 300_000;

export function backOff(firstMs = BACK_OFF_FIRST_MS, maximumMs = BACK_OFF_MS_MAX): BackOff {
  const entries = new Map<string, { delayMs: number; updatedMs: number }>();
  const expired = (eventMs: number, updatedMs: number) => eventMs - updatedMs > 2 * maximumMs;
  return {
    waitsSince: (key, eventMs, nowMs) => {
      const entry = entries.get(key);
      if (!entry || expired(eventMs, entry.updatedMs)) return false;
      return nowMs - eventMs < entry.delayMs;
    },
    waits: (key, nowMs) => {
      const entry = entries.get(key);
      if (!entry || expired(nowMs, entry.updatedMs)) return false;
      return nowMs - entry.updatedMs < entry.delayMs;
    },
    delayMs: (key) => entries.get(key)?.delayMs ?? 0,
    failed: (key, eventMs, nowMs) => {
      const entry = entries.get(key);
      const delayMs = !entry || expired(eventMs, entry.updatedMs) ? firstMs : Math.min(maximumMs, entry.delayMs * 2);
      entries.set(key, { delayMs, updatedMs: nowMs });
    },
    forget: (prefix) => {
      for (const key of entries.keys()) if (key.startsWith(prefix)) entries.delete(key);
    },
  };
}
