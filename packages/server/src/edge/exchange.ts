// One request and its answer on a connection, whatever protocol it speaks.
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '@tiphys/runtime';
import { type Header, headerBlock } from './http2/hpack.ts';
import type { Stream } from './http2/stream.ts';
import { type Body, bodyOf } from './read-body.ts';

/** With a reason of its own: without one each request's end makes an exception with its stack. */
const CLOSED = new Error('the connection was closed');

export abstract class Exchange {
  abstract readonly method: string;
  abstract readonly url: string;
  abstract readonly headers: Record<string, string>;
  abstract readonly socket: TLSSocket;
  /** What the request carries. */
  abstract readonly body: Body;
  /** Headers of the answer, until it begins. */
  readonly answer: OutgoingHttpHeaders = {};
  abstract readonly hasBegun: boolean;
  /** Of the answer, in bytes. */
  abstract readonly waiting: number;
  #abort: AbortController | undefined;
  #onClose: (() => void)[] = [];
  #isClosed = false;

  /** Sends status and headers; `bytes` where the answer is complete with them. */
  abstract begin(status: number, bytes?: Uint8Array): void;

  /** False: better wait for drained(). */
  abstract write(bytes: Uint8Array): boolean;

  abstract end(): void;

  abstract destroy(): void;

  /** Resolves when more can be written, or nobody reads any more. */
  abstract drained(): Promise<void>;

  /** Nobody hears the answer any more. */
  get isGone(): boolean {
    return this.#isClosed;
  }

  /** Aborted when the exchange is over. Few ask for it. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      if (this.#isClosed) this.#abort.abort(CLOSED);
    }
    return this.#abort.signal;
  }

  /** Tells whoever answers to stop. */
  abort(): void {
    this.#abort ??= new AbortController();
    this.#abort.abort();
  }

  /** Calls back once, at the end of the exchange, however it ends. */
  onClose(callback: () => void): void {
    if (this.#isClosed) callback();
    else this.#onClose.push(callback);
  }

  protected closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#abort?.abort(CLOSED);
    for (const callback of this.#onClose) callback();
    this.#onClose = [];
  }
}

export function plainHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    plain[name] = typeof value === 'string' ? value : Array.isArray(value) ? value.join(', ') : String(value);
  }
  return plain;
}

/** They are about one connection of HTTP/1.1; who answers for others may have got them there. */
const CONNECTION_HEADERS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);
const UNFIT = /[\0\r\n]/g;

function headerList(answer: OutgoingHttpHeaders): Header[] {
  const list: Header[] = [];
  for (const name in answer) {
    const value = answer[name];
    const small = name.toLowerCase();
    if (value === undefined || CONNECTION_HEADERS.has(small)) continue;
    for (const one of Array.isArray(value) ? value : [value])
      list.push([small, typeof one === 'string' ? one.replace(UNFIT, ' ') : String(one)]);
  }
  return list;
}

const dates = new WeakMap<Clock, { second: number; text: string }>();

/** As the header says it, which has whole seconds. */
function dateText(clock: Clock): string {
  const nowMs = clock.now();
  const second = Math.floor(nowMs / 1000);
  const known = dates.get(clock);
  if (known?.second === second) return known.text;
  const text = new Date(nowMs).toUTCString();
  dates.set(clock, { second, text });
  return text;
}

export class Http2Exchange extends Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly socket: TLSSocket;
  readonly #stream: Stream;
  readonly #clock: Clock;

  constructor(stream: Stream, socket: TLSSocket, clock: Clock) {
    super();
    const { method, path, headers } = stream.head;
    this.method = method;
    this.url = path;
    this.headers = headers;
    this.socket = socket;
    this.#stream = stream;
    this.#clock = clock;
    stream.onClose(() => this.closed());
    if (headers.expect === '100-continue') stream.inform(headerBlock(100, []));
  }

  get body(): Body {
    return this.#stream;
  }

  get hasBegun(): boolean {
    return this.#stream.hasBegun;
  }

  get waiting(): number {
    return this.#stream.waiting;
  }

  begin(status: number, bytes?: Uint8Array): void {
    const headers = headerList(this.answer);
    if (this.answer.date === undefined) headers.push(['date', dateText(this.#clock)]);
    const isEmpty = bytes !== undefined && (this.method === 'HEAD' || bytes.length === 0);
    this.#stream.begin(headerBlock(status, headers), isEmpty);
    if (bytes === undefined || isEmpty) return;
    this.#stream.write(bytes);
    this.#stream.end();
  }

  write(bytes: Uint8Array): boolean {
    return this.#stream.write(bytes);
  }

  end(): void {
    this.#stream.end();
  }

  destroy(): void {
    this.#stream.destroy();
  }

  drained(): Promise<void> {
    return this.#stream.drained();
  }
}

export class Http1Exchange extends Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: Body;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    super();
    this.method = request.method ?? '';
    this.url = request.url ?? '';
    this.headers = plainHeaders(request.headers);
    this.body = bodyOf(request);
    this.#request = request;
    this.#response = response;
    response.on('close', () => this.closed());
    response.on('error', () => this.closed());
    request.on('error', () => this.closed());
  }

  get socket(): TLSSocket {
    return this.#request.socket as TLSSocket;
  }

  override get isGone(): boolean {
    return super.isGone || this.#response.destroyed;
  }

  get hasBegun(): boolean {
    return this.#response.headersSent;
  }

  get waiting(): number {
    return this.#response.writableLength;
  }

  begin(status: number, bytes?: Uint8Array): void {
    this.#response.writeHead(status, this.answer);
    if (bytes === undefined) this.#response.flushHeaders();
    else this.#response.end(this.method === 'HEAD' ? undefined : bytes);
  }

  write(bytes: Uint8Array): boolean {
    return this.#response.write(bytes);
  }

  end(): void {
    this.#response.end();
  }

  destroy(): void {
    this.#response.destroy();
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#response.off('drain', done);
        this.#response.off('close', done);
        resolve();
      };
      this.#response.on('drain', done);
      this.#response.on('close', done);
    });
  }
}
