// The API over HTTPS in the shape of the in-process server, so that one client serves both (client-go rest, transport).
import { type ClientHttp2Session, constants } from 'node:http2';
import type { ApiHandler, ApiRequest, ApiResponse, UserInfo } from '@tiphys/machinery';
import type { WebSocket } from 'ws';
import { bodyOf } from './answer.ts';
import { ConnectionError, connectionError } from './connection-error.ts';
import { fixedIdentity, type Identity } from './credentials.ts';
import { sessionPool } from './http2-session.ts';
import { type HttpsOptions, type Target, targetOf } from './options.ts';

export interface HttpsHandler extends ApiHandler {
  /** `host:port` of the server, for messages. */
  readonly address: string;
  /** A WebSocket to a path such as a pod's exec; the first protocol the server knows is chosen. Comes paused. */
  connect(url: string, protocols: readonly string[], headers?: Readonly<Record<string, string>>): Promise<WebSocket>;
  close(): Promise<void>;
}

/** Attempts after a connection turned out to be dead before the server took the request. */
const RESEND_MAX = 3;

type HeaderValue = string | string[];

/** Impersonation headers; `system:authenticated` is the server's to add. */
export function impersonationHeaders(user: UserInfo): Record<string, HeaderValue> {
  const headers: Record<string, HeaderValue> = { 'impersonate-user': user.name };
  if (user.uid) headers['impersonate-uid'] = user.uid;
  const groups = user.groups.filter((group) => group !== 'system:authenticated');
  if (groups.length > 0) headers['impersonate-group'] = groups;
  for (const [key, values] of Object.entries(user.extra ?? {})) {
    headers[`impersonate-extra-${encodeURIComponent(key.toLowerCase())}`] = [...values];
  }
  return headers;
}

/** The texts of `299 - "…"` warnings (RFC 7234 5.5), several of which may share a header. */
export function warningTexts(header: string | string[] | undefined): string[] {
  if (!header) return [];
  const joined = Array.isArray(header) ? header.join(', ') : header;
  const texts: string[] = [];
  for (const match of joined.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)) {
    texts.push(Buffer.from(match[1]!.replace(/\\(.)/g, '$1'), 'latin1').toString('utf8'));
  }
  return texts;
}

function requestHeaders(request: ApiRequest, target: Target, identity: Identity): Record<string, HeaderValue> {
  return {
    ...request.headers,
    ...(request.user ? impersonationHeaders(request.user) : {}),
    ...(identity.authorization ? { authorization: identity.authorization } : {}),
    ':method': request.method,
    ':path': target.prefix + request.url,
  };
}

function bytesOf(body: Uint8Array | object | undefined): Uint8Array | undefined {
  if (body === undefined || body instanceof Uint8Array) return body as Uint8Array | undefined;
  return Buffer.from(JSON.stringify(body), 'utf8');
}

function exchange(session: ClientHttp2Session, target: Target, identity: Identity, request: ApiRequest): Promise<ApiResponse> {
  const { signal } = request;
  return new Promise((settle, reject) => {
    const bytes = bytesOf(request.body);
    const stream = session.request(requestHeaders(request, target, identity), { endStream: bytes === undefined });
    let answered = false;
    const abort = () => stream.close(constants.NGHTTP2_CANCEL);
    signal?.addEventListener('abort', abort, { once: true });
    const fail = (error?: unknown) => {
      if (answered) return;
      if (signal?.aborted) return reject(signal.reason);
      reject(
        connectionError(
          error ?? new Error('the connection was closed'),
          target.address,
          stream.rstCode === constants.NGHTTP2_REFUSED_STREAM,
        ),
      );
    };
    stream.on('error', fail);
    stream.on('close', () => {
      signal?.removeEventListener('abort', abort);
      fail();
    });
    stream.once('response', (headers) => {
      answered = true;
      const plain: Record<string, string> = {};
      for (const name in headers) {
        const value = headers[name];
        if (!name.startsWith(':') && value !== undefined) plain[name] = Array.isArray(value) ? value.join(', ') : String(value);
      }
      const status = Number(headers[':status']);
      const warnings = warningTexts(headers.warning);
      bodyOf(request, status, plain['content-type'] ?? '', stream, target.address).then(
        (body) => settle({ status, headers: plain, body, ...(warnings.length > 0 ? { warnings } : {}) }),
        (error) => reject(signal?.aborted ? signal.reason : error),
      );
    });
    if (bytes) stream.end(bytes);
  });
}

export function httpsHandler(options: HttpsOptions): HttpsHandler {
  const target = targetOf(options.server);
  const sessions = sessionPool(target, options);
  const credentials = options.credentials ?? fixedIdentity({});
  const once = async (request: ApiRequest): Promise<ApiResponse> => {
    const idempotent = request.method === 'GET' || request.method === 'HEAD';
    for (let attempt = 0; ; attempt++) {
      request.signal?.throwIfAborted();
      const identity = await credentials.current();
      const { session, fresh } = await sessions.get(identity);
      try {
        return await exchange(session, target, identity, request);
      } catch (error) {
        // A kept connection may have died unnoticed; then the request is sent again on a new one where that is safe.
        const safe = error instanceof ConnectionError && (error.unsent || (idempotent && !fresh));
        if (!safe || attempt >= RESEND_MAX || request.signal?.aborted) throw error;
      }
    }
  };
  const handle = async (request: ApiRequest): Promise<ApiResponse> => {
    let response = await once(request);
    if (response.status === 401 && credentials.reject) {
      credentials.reject();
      response = await once(request);
    }
    if (options.onWarning) for (const text of response.warnings ?? []) options.onWarning(text);
    return response;
  };
  return {
    address: target.address,
    handle,
    connect: async (url, protocols, headers = {}) => {
      const { connectWebSocket } = await import('./websocket.ts');
      return connectWebSocket({ options, target, identity: await credentials.current(), url, protocols, headers });
    },
    close: async () => sessions.close(),
  };
}
