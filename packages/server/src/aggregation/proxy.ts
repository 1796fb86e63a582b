// Requests for a group that another server answers for, passed on as they came, with the user in headers
// (kube-aggregator apiserver/handler_proxy.go).
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WatchEvent } from '@tiphys/api';
import { type ApiBody, type ApiRequest, type ApiResponse, StatusError, type UserInfo } from '@tiphys/machinery';
import { join, requestHead } from '../connect/upgrade.ts';
import { connectionText } from '../connection-text.ts';
import { type ApiService, type Backends, serverName } from './backend.ts';
import { type Headers, identityHeaders, isIdentity } from './identity.ts';

/** A whole answer that is read for a caller in this process. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const WATCH_EVENT_BYTES_MAX = 64 * 1024 * 1024;

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

const plainText = (status: number, text: string): ApiResponse => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
  body: { kind: 'bytes', bytes: Buffer.from(`${text}\n`) },
});

export const isAvailable = ({ status }: ApiService): boolean =>
  status?.conditions?.some(({ type, status: is }) => type === 'Available' && is === 'True') ?? false;

function passedOn(request: ApiRequest, dropped: (name: string) => boolean): Headers {
  const headers: Headers = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (dropped(name) || isIdentity(name) || name.startsWith(':') || name.startsWith('impersonate-')) continue;
    if (name === 'authorization' || name === 'content-length' || name === 'host') continue;
    headers[name] = value;
  }
  return headers;
}

function bodyOf(request: ApiRequest): Uint8Array | undefined {
  if (request.body === undefined || request.body instanceof Uint8Array) return request.body;
  return Buffer.from(JSON.stringify(request.body));
}

export async function passOn(backends: Backends, apiService: ApiService, request: ApiRequest, user: UserInfo): Promise<ApiResponse> {
  if (!isAvailable(apiService)) return plainText(503, 'service unavailable');
  const headers = passedOn(request, (name) => HOP_BY_HOP.has(name));
  const inProcess = request.user !== undefined;
  if (inProcess) {
    headers.accept ??= 'application/json';
    if (request.body && !(request.body instanceof Uint8Array)) headers['content-type'] ??= 'application/json';
  }
  if (request.peer) headers['x-forwarded-for'] = [request.headers['x-forwarded-for'], request.peer.address].filter(Boolean).join(', ');
  const body = bodyOf(request);
  let answer: IncomingMessage;
  try {
    answer = await backends.request(apiService, {
      method: request.method,
      path: request.url,
      headers: { ...headers, ...identityHeaders(user) },
      ...(body ? { body } : {}),
      ...(request.signal ? { signal: request.signal } : {}),
    });
  } catch (error) {
    if (error instanceof StatusError) return plainText(503, 'service unavailable');
    return plainText(503, `error trying to reach service: ${connectionText(error as Error)}`);
  }
  const status = answer.statusCode ?? 502;
  return {
    status,
    headers: answerHeaders(answer),
    body: inProcess ? await read(request, status, answer) : { kind: 'stream', stream: answer },
  };
}

function answerHeaders(answer: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value === undefined || HOP_BY_HOP.has(name)) continue;
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return headers;
}

/** Callers in this process expect the shapes that this server answers with. */
async function read(request: ApiRequest, status: number, answer: IncomingMessage): Promise<ApiBody> {
  if (status === 200 && /[?&]watch=(?:true|1)(?:&|$)/.test(request.url)) return { kind: 'watch', watch: watchOf(answer) };
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) throw new StatusError(500, 'InternalError', `the answer is larger than ${ANSWER_BYTES_MAX} bytes`);
  }
  return { kind: 'bytes', bytes: Buffer.concat(chunks) };
}

function watchOf(answer: IncomingMessage): Extract<ApiBody, { kind: 'watch' }>['watch'] {
  return {
    subscribe(onEvents, onEnd) {
      let rest = '';
      let open = true;
      const end = () => {
        if (!open) return;
        open = false;
        answer.destroy();
        onEnd();
      };
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop()!;
        const events = eventsOf(lines);
        if (!open) return;
        if (events === undefined || rest.length > WATCH_EVENT_BYTES_MAX) end();
        else if (events.length > 0) onEvents(events);
      });
      for (const event of ['end', 'close', 'error']) answer.on(event, end);
      return () => {
        open = false;
        answer.destroy();
      };
    },
  };
}

/** undefined: not the JSON of a watch. The reader goes on from the last revision it saw. */
function eventsOf(lines: readonly string[]): WatchEvent[] | undefined {
  try {
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as WatchEvent);
  } catch {
    return undefined;
  }
}

/** WebSockets and the like: bytes flow both ways unread. */
export async function passOnUpgrade(
  backends: Backends,
  apiService: ApiService,
  request: ApiRequest,
  user: UserInfo,
  socket: Duplex,
  head: Uint8Array,
): Promise<void> {
  if (!isAvailable(apiService)) throw new StatusError(503, 'ServiceUnavailable', 'service unavailable');
  const backend = await backends.dial(apiService).catch((error: Error) => {
    throw new StatusError(503, 'ServiceUnavailable', `error dialing backend: ${connectionText(error)}`, undefined, { cause: error });
  });
  const headers = { ...passedOn(request, () => false), ...identityHeaders(user) };
  const host = serverName(apiService);
  backend.write(requestHead({ method: request.method, path: request.url, host, headers, forwardedFor: request.peer?.address ?? '' }));
  if (head.length > 0) backend.write(head);
  join(socket, backend);
}
