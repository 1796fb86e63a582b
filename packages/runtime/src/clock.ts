// Time as an argument. Only this package reads the machine's clock; everything else receives a Clock.

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall time in milliseconds since the epoch. */
  now(): number;
  /** Milliseconds that never run backwards; for measuring durations. */
  monotonicMs(): number;
  /** Runs the callback once after delayMs. The timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer;
  /** Resolves after delayMs, or rejects with the signal's reason when it aborts. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

const TIMER_MS_MAX = 2 ** 31 - 1;

function sleepWith(after: Clock['after']): Clock['sleep'] {
  return (delayMs, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        timer.cancel();
        reject(signal?.reason);
      };
      const timer = after(delayMs, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });
}

export function realClock(): Clock {
  const after: Clock['after'] = (delayMs, callback) => {
    const handle = setTimeout(callback, Math.min(Math.max(0, delayMs), TIMER_MS_MAX));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  };
  return { now: () => Date.now(), monotonicMs: () => performance.now(), after, sleep: sleepWith(after) };
}

export interface VirtualClock extends Clock {
  /** Moves time forward, running each timer that falls due in order and letting promises settle between them. */
  advance(byMs: number): Promise<void>;
  /** Timers still waiting. */
  pending(): number;
}

/** A clock that stands still until advance() is called. Timers due at the same instant run in the order they were set. */
export function virtualClock(startMs = Date.UTC(2026, 0, 1)): VirtualClock {
  let nowMs = startMs;
  let sequence = 0;
  const timers = new Map<number, { dueMs: number; callback: () => void }>();
  const after: Clock['after'] = (delayMs, callback) => {
    const id = sequence++;
    timers.set(id, { dueMs: nowMs + Math.max(0, delayMs), callback });
    return { cancel: () => void timers.delete(id) };
  };
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  const nextDue = (untilMs: number) => {
    let best: [number, { dueMs: number; callback: () => void }] | undefined;
    for (const entry of timers) {
      if (entry[1].dueMs <= untilMs && (!best || entry[1].dueMs < best[1].dueMs)) best = entry;
    }
    return best;
  };
  const advance = async (byMs: number) => {
    const untilMs = nowMs + byMs;
    await settle();
    for (let due = nextDue(untilMs); due; due = nextDue(untilMs)) {
      timers.delete(due[0]);
      nowMs = Math.max(nowMs, due[1].dueMs);
      due[1].callback();
      await settle();
    }
    nowMs = untilMs;
  };
  return { now: () => nowMs, monotonicMs: () => nowMs - startMs, after, sleep: sleepWith(after), advance, pending: () => timers.size };
}
