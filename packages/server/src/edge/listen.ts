// The port: TLS with HTTP/2 and HTTP/1.1 side by side, client certificates asked for but not demanded, limits with
// names, and a close that ends everything (apiserver server/secure_serving.go).
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type ApiRequest, type HttpMethod, StatusError, statusError } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import type { UpgradeHandler } from '../interfaces.ts';
import { type Pipeline, statusResponse, type WhenSent } from '../pipeline.ts';
import { Active } from './active.ts';
import { withinDeadline } from './deadline.ts';
import { type Exchange, Http1Exchange, Http2Exchange, plainHeaders } from './exchange.ts';
import { Connection, HEADER_BYTES_MAX } from './http2/connection.ts';
import type { Stream } from './http2/stream.ts';
import { closeIdle, IDLE_TIMEOUT_MS } from './idle.ts';
import { readBody } from './read-body.ts';
import { respond } from './respond.ts';
import { turnFor } from './turns.ts';

/** Headers must have arrived by then. */
export const HEADERS_TIMEOUT_MS = 32_000;
/** Names a request in the answer and in audit logs; the caller may choose it. */
const AUDIT_ID = 'audit-id';

export interface ListenOptions {
  /** 0 chooses a free one. */
  port: number;
  host?: string;
  tls: {
    key: string | Uint8Array;
    cert: string | Uint8Array;
    /** Authorities whose client certificates are asked for. */
    clientCa?: string | Uint8Array;
  };
}

export interface Listening extends AsyncDisposable {
  readonly port: number;
  readonly host: string;
  /** New certificate and key for connections from now on. */
  renew(tls: ListenOptions['tls']): void;
  close(): Promise<void>;
}

export interface Edge {
  runtime: Runtime;
  pipeline: Pipeline;
  upgradeHandlers: readonly UpgradeHandler[];
  ready: Promise<void>;
}

const isRead = ({ method }: ApiRequest) => method === 'GET' || method === 'HEAD';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

function tlsOptions(tls: ListenOptions['tls']) {
  const text = (value: string | Uint8Array) => (typeof value === 'string' ? value : Buffer.from(value));
  return {
    key: text(tls.key),
    cert: text(tls.cert),
    ...(tls.clientCa ? { ca: text(tls.clientCa) } : {}),
    minVersion: 'TLSv1.2' as const,
    ALPNProtocols: ['h2', 'http/1.1'],
    requestCert: true,
    // An unknown certificate is the authenticators' to judge; the handshake must not fail on it.
    rejectUnauthorized: false,
  };
}

function peerOf(socket: TLSSocket): NonNullable<ApiRequest['peer']> {
  const address = socket.remoteAddress ?? '';
  const chain: Uint8Array[] = [];
  let certificate = socket.getPeerCertificate?.(true);
  while (certificate?.raw && chain.length < 10) {
    chain.push(certificate.raw);
    if (certificate.issuerCertificate === certificate) break;
    certificate = certificate.issuerCertificate;
  }
  return { address, ...(chain.length > 0 ? { certificateChain: chain } : {}) };
}

const peers = new WeakMap<TLSSocket, NonNullable<ApiRequest['peer']>>();

function cachedPeer(socket: TLSSocket): NonNullable<ApiRequest['peer']> {
  let peer = peers.get(socket);
  if (!peer) {
    peer = peerOf(socket);
    peers.set(socket, peer);
  }
  return peer;
}

function apiRequest(exchange: Pick<Exchange, 'method' | 'url' | 'headers' | 'socket' | 'signal'>): ApiRequest {
  const { method, url, headers, socket } = exchange;
  if (!METHODS.has(method))
    throw new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
  return {
    method: method as HttpMethod,
    url,
    headers,
    peer: cachedPeer(socket),
    get signal() {
      return exchange.signal;
    },
  };
}

/** Whoever reads an answer slowly keeps others from their seats: not for ever. */
function whenSentOn(exchange: Exchange, clock: Runtime['clock']): WhenSent {
  return (done, limitMs) => {
    if (exchange.isGone) return done();
    const timer = limitMs === undefined ? undefined : clock.after(limitMs, () => exchange.destroy());
    exchange.onClose(() => {
      timer?.cancel();
      done();
    });
  };
}

async function serve(edge: Edge, active: Active, exchange: Exchange): Promise<void> {
  const one = active.add(exchange);
  const { headers, answer: sent } = exchange;
  headers[AUDIT_ID] ||= edge.runtime.random.uuid();
  sent[AUDIT_ID] = headers[AUDIT_ID];
  let asked: ApiRequest | undefined;
  try {
    await edge.ready;
    asked = apiRequest(exchange);
    if (active.closing) throw new StatusError(503, 'ServiceUnavailable', 'the server is shutting down', { retryAfterSeconds: 1 });
    const body = await readBody(exchange, edge.runtime.clock);
    if (body) asked.body = body;
    const request = asked;
    if (!isRead(request)) one.write();
    const whenSent = whenSentOn(exchange, edge.runtime.clock);
    const answer = await withinDeadline(edge.runtime.clock, request.url, () => edge.pipeline.handle(request, whenSent));
    if (answer.body.kind === 'watch') one.endless(() => exchange.abort());
    else if (answer.body.kind === 'stream') one.endless(() => exchange.destroy());
    await respond(request, answer, exchange);
  } catch (error) {
    if (exchange.isGone || exchange.hasBegun) {
      exchange.destroy();
      return;
    }
    const status = error instanceof StatusError ? error : statusError.internal('the request could not be read', error);
    if (status.code >= 500) edge.runtime.log.error('a request could not be served', error, { url: exchange.url });
    const answer = statusResponse(status);
    await respond(asked ?? { method: 'GET', url: exchange.url, headers: {} }, answer, exchange).catch(() => exchange.destroy());
  }
}

/** Status line and body by hand: the connection is the upgrade's, no server answers on it any more. */
function refuse(socket: Duplex, error: StatusError): void {
  const body = JSON.stringify(error.status());
  socket.end(
    `HTTP/1.1 ${error.code} ${error.reason || 'Error'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

async function upgrade(edge: Edge, request: IncomingMessage, socket: Duplex, head: Uint8Array): Promise<void> {
  const abort = new AbortController();
  socket.on('error', () => socket.destroy());
  socket.on('close', () => abort.abort());
  let asked: ApiRequest | undefined;
  try {
    await edge.ready;
    const { method = '', url = '', headers } = request;
    asked = apiRequest({ method, url, headers: plainHeaders(headers), socket: socket as TLSSocket, signal: abort.signal });
    const context = await edge.pipeline.admitted(asked);
    const handler = edge.upgradeHandlers.find((candidate) => candidate.matches(context.info));
    if (!handler) throw statusError.badRequest('Upgrade request required');
    await handler.upgrade(asked, context.info, context.user, socket, head);
  } catch (error) {
    if (!socket.writable) return;
    refuse(
      socket,
      asked ? edge.pipeline.toStatus(error, asked) : error instanceof StatusError ? error : statusError.internal(String(error), error),
    );
  }
}

/** HTTP/2 connections are ours, the others node's. */
function takeConnections(server: Server, edge: Edge, active: Active): Set<Connection> {
  const connections = new Set<Connection>();
  const [http1] = server.listeners('secureConnection') as ((socket: TLSSocket) => void)[];
  server.removeAllListeners('secureConnection');
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    if (socket.alpnProtocol !== 'h2') {
      http1!.call(server, socket);
      return;
    }
    const connection = new Connection(socket, edge.runtime.clock, (stream) => takeStream(edge, active, connection, stream));
    connections.add(connection);
    connection.onClose(() => connections.delete(connection));
  });
  return connections;
}

function takeStream(edge: Edge, active: Active, connection: Connection, stream: Stream): void {
  const begin = () => void serve(edge, active, new Http2Exchange(stream, connection.socket, edge.runtime.clock));
  const turn = turnFor(connection, stream);
  if (turn) void turn.then((wanted) => wanted && begin());
  else begin();
}

export async function listen(edge: Edge, options: ListenOptions): Promise<Listening> {
  const server = createServer({ ...tlsOptions(options.tls), maxHeaderSize: HEADER_BYTES_MAX });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = 0;
  server.keepAliveTimeout = IDLE_TIMEOUT_MS;
  const sockets = new Set<Duplex>();
  const active = new Active();
  const connections = takeConnections(server, edge, active);
  const stopLooking = closeIdle(connections, edge.runtime.clock);
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('clientError', (_error, socket) => socket.destroy());
  server.on('request', (request, response) => void serve(edge, active, new Http1Exchange(request, response)));
  server.on('upgrade', (request, socket, head) => void upgrade(edge, request, socket, head));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host ?? '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => edge.runtime.log.error('the port failed', error));
  const address = server.address() as AddressInfo;
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= new Promise<void>((resolve) => {
      stopLooking();
      server.close(() => resolve());
      for (const connection of connections) connection.close();
      // Connections are kept by their clients, so they are cut once nothing is under way on them.
      void active.finish(edge.runtime.clock).then(() => {
        for (const socket of sockets) socket.destroy();
      });
    });
    return closing;
  };
  return {
    port: address.port,
    host: address.address,
    renew: (tls) => server.setSecureContext(tlsOptions(tls)),
    close,
    [Symbol.asyncDispose]: close,
  };
}
