// A small HTTP/2 client for measurements: several connections, requests spread over them, bodies and streams as bytes.
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectSession, constants } from 'node:http2';

/** Node's client gives up a connection that holds more. */
const SESSION_MEGABYTES_MAX = 1024;
const WINDOW_BYTES = 4 * 1024 * 1024;

export interface Answer {
  status: number;
  body: Buffer;
}

export interface Connections {
  request(method: string, path: string, body?: Uint8Array | string, type?: string): Promise<Answer>;
  /** A request with a JSON body that must succeed; the parsed answer. */
  send(method: string, path: string, body?: object, type?: string): Promise<any>;
  /** The stream itself, once the answer has begun with 200. */
  open(path: string): Promise<ClientHttp2Stream>;
  close(): void;
}

export interface ConnectOptions {
  port: number;
  token: string;
  count?: number;
  /** What a connection takes unread; small for readers that are slow. */
  windowBytes?: number;
}

export function connect({ port, token, count = 1, windowBytes = WINDOW_BYTES }: ConnectOptions): Connections {
  const sessions: ClientHttp2Session[] = Array.from({ length: count }, () => {
    const session = connectSession(`https://127.0.0.1:${port}`, {
      rejectUnauthorized: false,
      settings: { initialWindowSize: windowBytes },
      maxSessionMemory: SESSION_MEGABYTES_MAX,
    });
    session.on('connect', () => session.setLocalWindowSize(windowBytes));
    // Requests under way tell of it.
    session.on('error', () => {});
    return session;
  });
  let next = 0;
  const start = (method: string, path: string, body?: Uint8Array | string, type = 'application/json') => {
    const session = sessions[next++ % count]!;
    const headers = { ':method': method, ':path': path, authorization: `Bearer ${token}`, accept: 'application/json' };
    const stream = session.request(body === undefined ? headers : { ...headers, 'content-type': type }, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    return stream;
  };
  const request: Connections['request'] = (method, path, body, type) =>
    new Promise((resolve, reject) => {
      const stream = start(method, path, body, type);
      const chunks: Buffer[] = [];
      let status = 0;
      stream.on('response', (headers) => {
        status = Number(headers[constants.HTTP2_HEADER_STATUS]);
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => resolve({ status, body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) }));
      stream.on('error', reject);
    });
  return {
    request,
    send: async (method, path, body, type) => {
      const answer = await request(method, path, body && JSON.stringify(body), type);
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body.toString().slice(0, 300)}`);
      return JSON.parse(answer.body.toString());
    },
    open: (path) =>
      new Promise((resolve, reject) => {
        const stream = start('GET', path);
        stream.on('error', reject);
        stream.on('response', (headers) => {
          const status = Number(headers[constants.HTTP2_HEADER_STATUS]);
          if (status === 200) resolve(stream);
          else reject(new Error(`GET ${path}: ${status}`));
        });
      }),
    close: () => {
      for (const session of sessions) session.destroy();
    },
  };
}

export interface Latencies {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

export function latencies(tookMs: number[], wallMs: number): Latencies {
  const sorted = tookMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { perSecond: (sorted.length / wallMs) * 1000, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** `count` calls, so many at a time. */
export async function parallel(count: number, width: number, one: (index: number) => Promise<unknown>): Promise<Latencies> {
  const tookMs: number[] = [];
  let next = 0;
  const beganMs = performance.now();
  const worker = async () => {
    while (next < count) {
      const startMs = performance.now();
      await one(next++);
      tookMs.push(performance.now() - startMs);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
  return latencies(tookMs, performance.now() - beganMs);
}
