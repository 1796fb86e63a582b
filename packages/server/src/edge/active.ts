// The requests of one port that are being answered, and how they end when it closes (apiserver server/genericapiserver.go RunWithContext:
// NonLongRunningRequestWaitGroup).
import type { Clock } from '@tiphys/runtime';
import { ANSWER_TIMEOUT_MAX_MS } from './deadline.ts';

/** Requests that are being answered when the port closes may take this long; then they are cut. */
export const CLOSE_GRACE_MS = 2000;
/** Writes may take as long as any may: whoever asked for one that is cut does not know what came of it. */
export const WRITE_GRACE_MS = ANSWER_TIMEOUT_MAX_MS;

export interface ActiveRequest {
  /** It has begun to change something. */
  write(): void;
  /** With how to end it, as it would never end of itself. */
  endless(cut: () => void): void;
}

interface Known {
  isWrite: boolean;
  cut?: () => void;
}

export class Active {
  closing = false;
  readonly #requests = new Set<Known>();
  #onEnd = () => {};

  add(exchange: { onClose(done: () => void): void }): ActiveRequest {
    const one: Known = { isWrite: false };
    this.#requests.add(one);
    exchange.onClose(() => {
      this.#requests.delete(one);
      this.#onEnd();
    });
    return {
      write: () => {
        one.isWrite = true;
      },
      endless: (cut) => {
        one.cut = cut;
        if (this.closing) cut();
      },
    };
  }

  /** Ends watches and streams, which would never end of themselves, and waits for the others, though not for ever. */
  async finish(clock: Clock): Promise<void> {
    this.closing = true;
    for (const { cut } of this.#requests) cut?.();
    let isReadTime = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      const isAwaited = isReadTime ? this.#requests.size > 0 : [...this.#requests].some(({ isWrite, cut }) => isWrite && !cut);
      if (!isAwaited) resolve();
    };
    const reads = clock.after(CLOSE_GRACE_MS, () => {
      isReadTime = false;
      look();
    });
    const writes = clock.after(WRITE_GRACE_MS, resolve);
    this.#onEnd = look;
    look();
    await promise;
    reads.cancel();
    writes.cancel();
  }
}
