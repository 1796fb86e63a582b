// HTTP/2 connections on which nobody asks for anything are closed after a while, as Go's server does: whoever opens them and forgets them
// keeps some 70 kB of ours each. Pings do not count. Those of HTTP/1.1 are closed by node.
import type { Clock } from '@tiphys/runtime';

/** Connections without a request are closed after this. */
export const IDLE_TIMEOUT_MS = 90_000;
/** They may live so much longer: all are looked at together. */
const LOOK_EVERY_MS = 15_000;

export interface Used {
  /** Requests that are not answered yet. */
  readonly open: number;
  /** When the last request ended. */
  readonly idleSinceMs: number;
  close(): void;
}

/** Returns what ends it. */
export function closeIdle(connections: Iterable<Used>, clock: Clock): () => void {
  const look = () => {
    const endMs = clock.monotonicMs() - IDLE_TIMEOUT_MS;
    // A client that asks at this moment is told that nothing of it was taken, and asks anew.
    for (const connection of [...connections]) if (connection.open === 0 && connection.idleSinceMs <= endMs) connection.close();
    timer = clock.after(LOOK_EVERY_MS, look);
  };
  let timer = clock.after(LOOK_EVERY_MS, look);
  return () => timer.cancel();
}
