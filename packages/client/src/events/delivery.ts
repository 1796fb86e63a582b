// Writes events in the order they were recorded, without anyone waiting for it (client-go tools/record/event.go, recordToSink).
import { StatusError } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';

/** Events waiting to be written; further ones are dropped, as upstream's broadcaster does. */
export const EVENT_QUEUE_MAX = 1000;
/** Attempts to write one event while the server can't be reached. */
export const EVENT_ATTEMPTS_MAX = 12;
export const EVENT_RETRY_MS = 10_000;

export interface EventDeliveryOptions<T> {
  runtime: Runtime;
  write(item: T): Promise<unknown>;
  /** The server answered, and its answer is no. */
  rejected(item: T, error: StatusError): void;
  reasonOf(item: T): string | undefined;
}

export interface EventDelivery<T> {
  /** Never waits and never throws. */
  add(item: T): void;
  /** Resolves when everything added so far has been written or given up. */
  flushed(): Promise<void>;
}

export function eventDelivery<T>({ runtime, write, rejected, reasonOf }: EventDeliveryOptions<T>): EventDelivery<T> {
  const log = runtime.log.named('events');
  let waiting = 0;
  let tail: Promise<void> = Promise.resolve();

  const deliver = async (item: T): Promise<void> => {
    for (let attempt = 1; attempt <= EVENT_ATTEMPTS_MAX; attempt++) {
      try {
        await write(item);
        return;
      } catch (error) {
        if (error instanceof StatusError) return rejected(item, error);
        // The first pause is of random length, so that recorders which lost the same server don't come back together.
        if (attempt < EVENT_ATTEMPTS_MAX) await runtime.clock.sleep(EVENT_RETRY_MS * (attempt === 1 ? runtime.random.number() : 1));
      }
    }
    log.error('Unable to write event (retry limit exceeded!)', undefined, { reason: reasonOf(item) });
  };
  return {
    add: (item) => {
      if (waiting >= EVENT_QUEUE_MAX) return log.warning('event dropped: too many are waiting', { reason: reasonOf(item) });
      waiting++;
      tail = tail.then(() => deliver(item)).finally(() => waiting--);
    },
    flushed: () => tail,
  };
}

/** Names of events: what they are about, then nanoseconds since the epoch; a sequence keeps names apart within a millisecond. */
export function eventNames(): (about: string | undefined, nowMs: number) => string {
  let sequence = 0;
  return (about, nowMs) => `${about}.${(BigInt(Math.floor(nowMs)) * 1_000_000n + BigInt(sequence++ % 1_000_000)).toString(16)}`;
}
