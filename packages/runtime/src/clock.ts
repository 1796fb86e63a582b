// Time as an argument. Only this package reads the machine's clock; everything else receives a Clock.
import { Heap } from '@tiphys/std';

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

/** The clock's timers do not keep the process alive; whoever has nothing else to wait with holds it by this, until the function it returns is called. */
export function keepAlive(): () => void {
  const handle = setInterval(() => undefined, TIMER_MS_MAX);
  return () => clearInterval(handle);
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
  /** Moves time forward, timer by timer, until the promise settles; gives what it gives. Throws when no timer is left to wait for. */
  runUntil<T>(promise: Promise<T>): Promise<T>;
  /** The wall clock is set, forward or back; timers wait as long as they would have. */
  jump(byMs: number): void;
  /** Timers still waiting. */
  pending(): number;
}

interface VirtualTimer {
  key: string;
  sequence: number;
  dueMs: number;
  callback: () => void;
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Timers that run at one instant. More are a loop that waits for nothing: no time would ever pass. */
export const TIMERS_AT_ONCE_MAX = 1_000_000;

/** A clock that stands still until it is told to go. Timers due at the same instant run in the order they were set. */
export function virtualClock(startMs = Date.UTC(2026, 0, 1), timersAtOnceMax = TIMERS_AT_ONCE_MAX): VirtualClock {
  /** Since the start; what timers go by. */
  let passedMs = 0;
  let wallMs = startMs;
  let sequence = 0;
  /** How many timers have run at this instant. */
  let atOnce = 0;
  const timers = new Heap<VirtualTimer>(
    (timer) => timer.key,
    (a, b) => a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence),
  );
  const after: Clock['after'] = (delayMs, callback) => {
    const timer = { key: `${sequence}`, sequence: sequence++, dueMs: passedMs + Math.max(0, delayMs), callback };
    timers.put(timer);
    return { cancel: () => void timers.remove(timer.key) };
  };
  const moveTo = (dueMs: number) => {
    wallMs += Math.max(0, dueMs - passedMs);
    passedMs = Math.max(passedMs, dueMs);
  };
  const runNext = async () => {
    const timer = timers.pop()!;
    atOnce = timer.dueMs > passedMs ? 1 : atOnce + 1;
    if (atOnce > timersAtOnceMax)
      throw new Error(`something is busy without end: ${timersAtOnceMax} timers have run, and no time has passed`);
    moveTo(timer.dueMs);
    timer.callback();
    await settle();
  };
  return {
    now: () => wallMs,
    monotonicMs: () => passedMs,
    after,
    sleep: sleepWith(after),
    advance: async (byMs) => {
      const untilMs = passedMs + byMs;
      await settle();
      for (let first = timers.peek(); first && first.dueMs <= untilMs; first = timers.peek()) await runNext();
      moveTo(untilMs);
    },
    runUntil: async (promise) => {
      let isDone = false;
      const done = () => {
        isDone = true;
      };
      promise.then(done, done);
      for (await settle(); !isDone; ) {
        if (timers.size === 0) throw new Error('the virtual clock has no timer left, and what was waited for has not come');
        await runNext();
      }
      return promise;
    },
    jump: (byMs) => {
      wallMs += byMs;
    },
    pending: () => timers.size,
  };
}
