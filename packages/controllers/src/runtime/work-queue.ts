// Keys to plan: each at most once in the queue and never twice at a time; failures come back later and later
// (client-go util/workqueue: queue.go, delaying_queue.go, default_rate_limiters.go). Its size is bounded by the number of objects.
import type { Clock, Timer } from '@tiphys/runtime';
import type { QueueMetrics } from './metrics.ts';

export const RETRY_FIRST_MS = 5;
export const RETRY_MS_MAX = 1_000_000;

export interface WorkQueue {
  add(key: string): void;
  /** The earliest of several wishes holds. */
  addAt(key: string, atMs: number): void;
  addRateLimited(key: string): void;
  /** The key succeeded: its next failure starts from the smallest delay. */
  forget(key: string): void;
  failures(key: string): number;
  /** Nothing queued and nothing in work. */
  idle(): boolean;
  stop(): Promise<void>;
}

export interface WorkQueueOptions {
  clock: Clock;
  concurrency: number;
  /** Never rejects. */
  work: (key: string) => Promise<void>;
  /** Told of what happens; given a way to ask how many wait. */
  metrics?: (depth: () => number) => QueueMetrics;
}

/** Keys that come later; the earliest of several wishes for one holds. */
function delays(clock: Clock, due: (key: string) => void): { at(key: string, atMs: number): void; clear(): void } {
  const timers = new Map<string, { atMs: number; timer: Timer }>();
  return {
    at(key, atMs) {
      const known = timers.get(key);
      if (known && known.atMs <= atMs) return;
      known?.timer.cancel();
      const timer = clock.after(Math.max(0, atMs - clock.now()), () => {
        timers.delete(key);
        due(key);
      });
      timers.set(key, { atMs, timer });
    },
    clear() {
      for (const { timer } of timers.values()) timer.cancel();
      timers.clear();
    },
  };
}

export function workQueue({ clock, concurrency, work, metrics }: WorkQueueOptions): WorkQueue {
  /** In order of arrival, with the time of it. */
  const queued = new Map<string, number>();
  const counted = metrics?.(() => queued.size);
  const working = new Set<string>();
  /** Became dirty while being worked on. */
  const again = new Set<string>();
  const failures = new Map<string, number>();
  let stopped = false;
  let drained: (() => void) | undefined;

  const pump = () => {
    while (!stopped && working.size < concurrency && queued.size > 0) {
      const [key, sinceMs] = queued.entries().next().value!;
      const nowMs = clock.now();
      queued.delete(key);
      working.add(key);
      counted?.started(key, nowMs - sinceMs, nowMs);
      void work(key).then(() => {
        const doneMs = clock.now();
        counted?.finished(key, doneMs);
        working.delete(key);
        if (again.delete(key)) queued.set(key, doneMs);
        if (working.size === 0) drained?.();
        pump();
      });
    }
  };
  const add = (key: string) => {
    if (stopped) return;
    if (working.has(key) ? again.has(key) : queued.has(key)) return;
    counted?.added();
    if (working.has(key)) again.add(key);
    else queued.set(key, clock.now());
    // Events come in bursts; starting after the current turn lets a burst become one plan.
    queueMicrotask(pump);
  };
  const later = delays(clock, add);
  const addAt = (key: string, atMs: number) => {
    if (!stopped) later.at(key, atMs);
  };
  return {
    add,
    addAt,
    addRateLimited: (key) => {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      counted?.retried();
      addAt(key, clock.now() + Math.min(RETRY_MS_MAX, RETRY_FIRST_MS * 2 ** count));
    },
    forget: (key) => void failures.delete(key),
    failures: (key) => failures.get(key) ?? 0,
    idle: () => queued.size === 0 && working.size === 0,
    stop: async () => {
      stopped = true;
      later.clear();
      queued.clear();
      if (working.size > 0) {
        await new Promise<void>((resolve) => {
          drained = resolve;
        });
      }
    },
  };
}
