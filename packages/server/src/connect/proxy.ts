// pods/proxy, services/proxy and nodes/proxy: HTTP to what runs in the cluster, through this server
// (apimachinery util/proxy/upgradeaware.go and transport.go).
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { deflateRawSync, gunzipSync, gzipSync, inflateRawSync } from 'node:zlib';
import { type ApiRequest, type ApiResponse, statusError } from '@tiphys/machinery';
import type { RequestInfo, SubresourceHandler, UpgradeHandler } from '../interfaces.ts';
import type { ConnectContext } from './context.ts';
import { hostPort } from './kubelet.ts';
import { type ProxyTarget, proxyTarget } from './proxy-target.ts';
import { type RewriteContext, rewriteHtml, rewriteUrl } from './rewrite.ts';
import { join, requestHead } from './upgrade.ts';

const RESOURCES = ['pods', 'services', 'nodes'] as const;
/** Larger pages pass as they are. */
const HTML_BYTES_MAX = 16 * 1024 * 1024;
const HOP_BY_HOP = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const httpAgent = new HttpAgent({ keepAlive: true });
// Whoever asks for https of a pod chooses to trust it.
const httpsAgent = new HttpsAgent({ keepAlive: true, rejectUnauthorized: false });

interface Route {
  target: ProxyTarget;
  /** Path of this proxy, without a final slash. */
  prefix: string;
  /** What follows it: '' or a path. */
  path: string;
  query: string;
}

function routeOf(context: ConnectContext, request: ApiRequest, info: RequestInfo): Route {
  const question = request.url.indexOf('?');
  const whole = question < 0 ? request.url : request.url.slice(0, question);
  const prefix = /^(?:\/[^/]+)*?\/proxy(?=\/|$)/.exec(whole)?.[0] ?? whole;
  const target = proxyTarget(context.reader(), context.runtime.random, info.resource, info.namespace, info.name);
  return { target, prefix, path: whole.slice(prefix.length), query: question < 0 ? '' : request.url.slice(question) };
}

const authority = ({ host, port, scheme }: ProxyTarget) =>
  port === 0 ? (host.includes(':') ? `[${host}]` : host) : hostPort({ host, port: port || (scheme === 'https' ? 443 : 80) });

function outgoingHeaders(request: ApiRequest, route: Route): Record<string, string> {
  const connectionOwn = (request.headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (HOP_BY_HOP.has(name) || connectionOwn.includes(name) || name.startsWith(':')) continue;
    if (name === 'authorization' || name.startsWith('impersonate-') || name === 'content-length') continue;
    headers[name] = value;
  }
  const forwardedFor = [request.headers['x-forwarded-for'], request.peer?.address].filter(Boolean).join(', ');
  if (forwardedFor) headers['x-forwarded-for'] = forwardedFor;
  headers['x-forwarded-uri'] = `${route.prefix}${route.path}`;
  if (!headers.host) headers.host = authority(route.target);
  return headers;
}

function bodyOf(request: ApiRequest): Uint8Array | undefined {
  if (request.body === undefined || request.body instanceof Uint8Array) return request.body;
  return Buffer.from(JSON.stringify(request.body));
}

function send(context: ConnectContext, request: ApiRequest, route: Route): Promise<IncomingMessage> {
  const { target } = route;
  const body = bodyOf(request);
  const secure = target.scheme === 'https';
  const agent = target.kubelet ? context.kubelet().agent : secure ? httpsAgent : httpAgent;
  const headers = outgoingHeaders(request, route);
  if (body) headers['content-length'] = String(body.length);
  return new Promise((resolve, reject) => {
    const options = {
      method: request.method,
      host: target.host,
      port: target.port || (secure ? 443 : 80),
      path: `${route.path || '/'}${route.query}`,
      headers,
      agent,
      ...(request.signal ? { signal: request.signal } : {}),
    };
    const outgoing = secure ? httpsRequest(options, resolve) : httpRequest(options, resolve);
    outgoing.on('error', (error) => reject(statusError.serviceUnavailable(`error trying to reach service: ${error.message}`)));
    outgoing.end(body);
  });
}

function answerHeaders(answer: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value === undefined || HOP_BY_HOP.has(name)) continue;
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

const CODINGS: Record<string, { decode(bytes: Buffer): Buffer; encode(text: string): Buffer }> = {
  '': { decode: (bytes) => bytes, encode: (text) => Buffer.from(text) },
  gzip: { decode: (bytes) => gunzipSync(bytes, { maxOutputLength: HTML_BYTES_MAX }), encode: (text) => gzipSync(text) },
  deflate: { decode: (bytes) => inflateRawSync(bytes, { maxOutputLength: HTML_BYTES_MAX }), encode: (text) => deflateRawSync(text) },
};

/** Reads a page whole and rewrites its links; one that is too large or undecodable goes on as it came. */
async function page(answer: IncomingMessage, headers: Record<string, string>, rewrite: RewriteContext): Promise<ApiResponse['body']> {
  const coding = CODINGS[answer.headers['content-encoding'] ?? ''];
  if (!coding) return { kind: 'stream', stream: answer };
  const chunks: Buffer[] = [];
  let length = 0;
  const rest = answer[Symbol.asyncIterator]();
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    chunks.push(next.value as Buffer);
    length += (next.value as Buffer).length;
    if (length > HTML_BYTES_MAX) return { kind: 'stream', stream: resumed(chunks, rest) };
  }
  const whole = Buffer.concat(chunks);
  try {
    const bytes = coding.encode(rewriteHtml(coding.decode(whole).toString('utf8'), rewrite));
    delete headers['content-length'];
    return { kind: 'bytes', bytes };
  } catch {
    return { kind: 'bytes', bytes: whole };
  }
}

async function* resumed(chunks: readonly Buffer[], rest: AsyncIterator<unknown>): AsyncGenerator<Uint8Array> {
  yield* chunks;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value as Buffer;
}

async function proxy(context: ConnectContext, request: ApiRequest, info: RequestInfo): Promise<ApiResponse> {
  const route = routeOf(context, request, info);
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  // Relative links of a page without a final slash would miss the proxy's path.
  if (route.path === '' && isRead) {
    return { status: 301, headers: { location: `${route.prefix}/${route.query}` }, body: { kind: 'empty' } };
  }
  const answer = await send(context, request, route);
  const headers = answerHeaders(answer);
  const rewrite = { prefix: route.prefix, backendHost: authority(route.target), requestHost: request.headers.host ?? '' };
  const status = answer.statusCode ?? 502;
  // The node's own answers pass as they are; its links are not meant for browsers.
  if (route.target.kubelet) return { status, headers, body: { kind: 'stream', stream: answer } };
  if (headers.location) {
    headers.location = rewriteUrl(headers.location, rewrite);
    return { status, headers, body: { kind: 'stream', stream: answer } };
  }
  const isHtml = (headers['content-type'] ?? '').split(';')[0]!.trim() === 'text/html';
  if (!isHtml || request.method === 'HEAD') return { status, headers, body: { kind: 'stream', stream: answer } };
  return { status, body: await page(answer, headers, rewrite), headers };
}

function dial(context: ConnectContext, target: ProxyTarget): Promise<Duplex> {
  if (target.kubelet) return context.kubelet().connect(target);
  const { host } = target;
  const secure = target.scheme === 'https';
  const port = target.port || (secure ? 443 : 80);
  return new Promise((resolve, reject) => {
    const ready = () => resolve(socket);
    const socket: Duplex = secure
      ? tlsConnect({ host, port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }, ready)
      : connect({ host, port }, ready);
    socket.once('error', (error) => reject(statusError.serviceUnavailable(`error dialing backend: ${error.message}`)));
  });
}

async function upgrade(context: ConnectContext, request: ApiRequest, info: RequestInfo, socket: Duplex, head: Uint8Array): Promise<void> {
  const route = routeOf(context, request, info);
  const backend = await dial(context, route.target);
  const { method, headers, peer } = request;
  const host = request.headers.host ?? authority(route.target);
  const path = `${route.path || '/'}${route.query}`;
  backend.write(requestHead({ method, path, host, headers, forwardedFor: peer?.address ?? '' }));
  if (head.length > 0) backend.write(head);
  join(socket, backend);
}

export function proxyHandlers(context: ConnectContext): { subresources: SubresourceHandler[]; upgrades: UpgradeHandler[] } {
  return {
    subresources: RESOURCES.map((resource) => ({
      group: '',
      resource,
      subresource: 'proxy',
      handle: (request, info) => proxy(context, request, info),
    })),
    upgrades: [
      {
        matches: ({ apiGroup, resource, subresource }) =>
          apiGroup === '' && subresource === 'proxy' && (RESOURCES as readonly string[]).includes(resource),
        upgrade: (request, info, _user, socket, head) => upgrade(context, request, info, socket, head),
      },
    ],
  };
}
