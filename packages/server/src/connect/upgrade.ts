// Upgraded connections to a backend: the request line and headers go out again, and then bytes flow both ways unread.
// Follows apimachinery util/proxy/upgradeaware.go.
import type { Duplex } from 'node:stream';
import type { ApiRequest } from '@tiphys/machinery';

/** Headers that are the first connection's own affair, or that must not leave this server. */
const DROPPED = new Set(['host', 'content-length', 'transfer-encoding', 'authorization', 'x-forwarded-for', 'cookie']);
const isOurs = (name: string) => DROPPED.has(name) || name.startsWith('impersonate-') || name.startsWith(':');

const HEAD_BYTES_MAX = 1024 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');

/** A list of protocols may come as one header; older servers compare whole values, so each goes out alone. */
const SPLIT = 'x-stream-protocol-version';

export interface HeadOptions {
  method: string;
  /** Path and query. */
  path: string;
  host: string;
  headers: Readonly<Record<string, string | readonly string[]>>;
  forwardedFor?: string;
}

/** Request line and headers in bytes. */
export function requestHead(options: HeadOptions): string {
  const lines = [`${options.method} ${options.path} HTTP/1.1`, `Host: ${options.host}`];
  for (const [name, value] of Object.entries(options.headers)) {
    if (isOurs(name)) continue;
    const values = typeof value !== 'string' ? value : name === SPLIT ? value.split(',') : [value];
    for (const text of values) lines.push(`${name}: ${text.trim().replaceAll(/[\r\n]/g, ' ')}`);
  }
  const before = options.headers['x-forwarded-for'];
  const forwarded = [before, options.forwardedFor].filter(Boolean).join(', ');
  if (forwarded) lines.push(`X-Forwarded-For: ${forwarded}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

export interface ResponseHead {
  status: number;
  headers: Record<string, string>;
  /** As it came, with the empty line. */
  raw: Buffer;
  /** What came after it. */
  rest: Buffer;
}

/** Reads a response up to its body. Rejects when the connection ends before. */
export function readHead(socket: Duplex): Promise<ResponseHead> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const settle = (act: () => void) => {
      socket.off('data', onData);
      socket.off('close', onClose);
      socket.off('error', onClose);
      socket.pause();
      act();
    };
    const onClose = () => settle(() => reject(new Error('the backend closed the connection before it answered')));
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf(HEAD_END);
      if (end < 0 && received.length <= HEAD_BYTES_MAX) return;
      if (end < 0) return settle(() => reject(new Error('the backend sent too many headers')));
      settle(() => resolve(parsed(received, end + HEAD_END.length)));
    };
    socket.on('data', onData);
    socket.on('close', onClose);
    socket.on('error', onClose);
  });
}

function parsed(received: Buffer, end: number): ResponseHead {
  const raw = received.subarray(0, end);
  const [statusLine = '', ...lines] = raw.toString('latin1').trimEnd().split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(statusLine.split(' ')[1]), headers, raw, rest: received.subarray(end) };
}

/** The body of an answer that refused, as far as it says how long it is or ends with the connection. */
export function readRefusal(socket: Duplex, head: ResponseHead): Promise<string> {
  return new Promise((resolve) => {
    const length = Number(head.headers['content-length'] ?? Number.POSITIVE_INFINITY);
    let body = head.rest;
    const finish = () => {
      socket.destroy();
      resolve(body.toString('utf8').trim());
    };
    const onData = (chunk: Buffer) => {
      body = Buffer.concat([body, chunk]);
      if (body.length >= Math.min(length, HEAD_BYTES_MAX)) finish();
    };
    if (body.length >= length) return finish();
    socket.on('data', onData);
    socket.on('end', finish);
    socket.on('error', finish);
    socket.resume();
  });
}

/** Bytes flow both ways; the end of one is the end of the other, after everything it sent has been passed on. */
export function join(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.end());
  }
}

export const protocolsOf = (request: ApiRequest) =>
  (request.headers['sec-websocket-protocol'] ?? '').split(',').map((protocol) => protocol.trim());

export const isWebSocket = (request: ApiRequest) => request.headers.upgrade?.toLowerCase() === 'websocket';
