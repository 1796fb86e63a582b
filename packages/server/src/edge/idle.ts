// HTTP/2 connections on which nobody asks for anything are closed after a while, as Go's server does: whoever opens them and forgets them
// keeps some 70 kB of ours each. Pings do not count. Those of HTTP/1.1 are closed by node.
import type { Http2SecureServer, ServerHttp2Session } from 'node:http2';
import type { Clock } from '@tiphys/runtime';

/** Connections without a request are closed after this. */
export const IDLE_TIMEOUT_MS = 90_000;
/** They may live so much longer: all are looked at together. */
const LOOK_EVERY_MS = 15_000;

interface Use {
  open: number;
  /** When the last request ended. */
  sinceMs: number;
}

type Sessions = Pick<Http2SecureServer, 'on'>;

/** Returns what ends it. */
export function closeIdle(server: Sessions, clock: Clock): () => void {
  const uses = new Map<ServerHttp2Session, Use>();
  server.on('session', (session) => {
    const use: Use = { open: 0, sinceMs: clock.monotonicMs() };
    uses.set(session, use);
    session.on('close', () => uses.delete(session));
    session.on('stream', (stream) => {
      use.open++;
      stream.on('close', () => {
        use.open--;
        use.sinceMs = clock.monotonicMs();
      });
    });
  });
  const look = () => {
    const endMs = clock.monotonicMs() - IDLE_TIMEOUT_MS;
    // A client that asks at this moment is told that nothing of it was taken, and asks anew.
    for (const [session, { open, sinceMs }] of uses) if (open === 0 && sinceMs <= endMs) session.close();
    timer = clock.after(LOOK_EVERY_MS, look);
  };
  let timer = clock.after(LOOK_EVERY_MS, look);
  return () => timer.cancel();
}
