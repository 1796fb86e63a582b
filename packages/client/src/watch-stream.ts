// A watch subscription as an async iterable of batches. Bounded: a reader that falls behind is cut off and goes on from
// the last revision it saw, as kube-apiserver does to slow watchers.
import type { KubeObject, WatchEvent } from '@tiphys/api';
import type { WatchSubscription } from '@tiphys/machinery';
import { Retryable } from '@tiphys/std';

/** Events that may wait for a reader before its watch is ended. */
export const WATCH_QUEUE_MAX = 100_000;

type Batch<T extends KubeObject> = readonly WatchEvent<T>[];

/** Subscribes at once, so that nothing is lost between the call and the first read. */
export function watchBatches<T extends KubeObject>(
  watch: WatchSubscription,
  signal?: AbortSignal,
  queueMax = WATCH_QUEUE_MAX,
): AsyncIterableIterator<Batch<T>> {
  let waiting: Batch<T>[] = [];
  let waitingEvents = 0;
  let ended = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  let stop: (() => void) | undefined;
  const notify = () => {
    const resume = wake;
    wake = undefined;
    resume?.();
  };
  const finish = () => {
    if (ended) return;
    ended = true;
    signal?.removeEventListener('abort', finish);
    stop?.();
    notify();
  };
  signal?.addEventListener('abort', finish, { once: true });
  stop = watch.subscribe((events) => {
    if (ended) return;
    waiting.push(events as Batch<T>);
    waitingEvents += events.length;
    if (waitingEvents > queueMax) {
      waiting = [];
      failure = new Retryable('the watch was ended because its reader fell too far behind');
      finish();
    } else notify();
  }, finish);
  if (signal?.aborted) finish();
  else if (ended) stop();
  const next = async (): Promise<IteratorResult<Batch<T>>> => {
    for (;;) {
      const batches = waiting;
      if (batches.length > 0) {
        waiting = [];
        waitingEvents = 0;
        return { done: false, value: batches.length === 1 ? batches[0]! : batches.flat() };
      }
      if (failure) throw failure;
      if (ended) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return {
    next,
    return: async () => {
      waiting = [];
      finish();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
