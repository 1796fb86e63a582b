// One HTTP/2 connection for all requests, made again when it is gone, with pings that notice a dead peer
// (client-go's http2 transport: ReadIdleTimeout 30 s, PingTimeout 15 s).
import { type ClientHttp2Session, connect } from 'node:http2';
import { connectionError } from './connection-error.ts';
import type { Identity } from './credentials.ts';
import { type HttpsOptions, type Target, tlsOptions } from './options.ts';

export const PING_AFTER_MS = 30_000;
export const PING_TIMEOUT_MS = 15_000;
export const CONNECT_TIMEOUT_MS = 30_000;
/** What a server may send before it must wait for this side. */
const STREAM_WINDOW_BYTES = 1024 * 1024;
const SESSION_WINDOW_BYTES = 16 * 1024 * 1024;

export interface SessionPool {
  /** `fresh` is true when it was made for this call. */
  get(identity: Identity): Promise<{ session: ClientHttp2Session; fresh: boolean }>;
  close(): void;
}

function watchLife(session: ClientHttp2Session, options: HttpsOptions): void {
  const { clock } = options;
  const again = () => {
    if (session.destroyed || session.closed) return;
    clock.after(PING_AFTER_MS, () => {
      if (session.destroyed || session.closed) return;
      const late = clock.after(PING_TIMEOUT_MS, () => session.destroy(new Error('http2: client connection lost')));
      session.ping((error) => {
        late.cancel();
        if (!error) again();
      });
    });
  };
  again();
}

function open(target: Target, options: HttpsOptions, identity: Identity): Promise<ClientHttp2Session> {
  return new Promise((settle, reject) => {
    const session = connect(target.origin, {
      ...tlsOptions(options, identity.certificate),
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
    });
    const late = options.clock.after(CONNECT_TIMEOUT_MS, () =>
      session.destroy(Object.assign(new Error('i/o timeout'), { code: 'ETIMEDOUT' })),
    );
    session.once('connect', () => {
      late.cancel();
      session.setLocalWindowSize(SESSION_WINDOW_BYTES);
      watchLife(session, options);
      settle(session);
    });
    session.on('error', (error) => {
      late.cancel();
      reject(connectionError(error, target.address, true));
    });
    session.once('close', () => {
      late.cancel();
      reject(connectionError(new Error('the connection was closed'), target.address, true));
    });
  });
}

export function sessionPool(target: Target, options: HttpsOptions): SessionPool {
  let current: { session: Promise<ClientHttp2Session>; certificate: string | undefined } | undefined;
  const opened = new Set<ClientHttp2Session>();
  const make = async (identity: Identity): Promise<ClientHttp2Session> => {
    const session = await open(target, options, identity);
    opened.add(session);
    session.once('close', () => opened.delete(session));
    return session;
  };
  return {
    get: async (identity) => {
      const certificate = identity.certificate?.certificate;
      const known = current;
      if (known && known.certificate === certificate) {
        const session = await known.session.catch(() => undefined);
        if (session && !session.closed && !session.destroyed) return { session, fresh: false };
        if (current !== known && current) return { session: await current.session, fresh: true };
      }
      const made = { session: make(identity), certificate };
      current = made;
      made.session.catch(() => {
        if (current === made) current = undefined;
      });
      return { session: await made.session, fresh: true };
    },
    close: () => {
      current = undefined;
      for (const session of opened) session.destroy();
    },
  };
}
