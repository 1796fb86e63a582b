// One request and its answer on a connection. HTTP/2 streams are used as they are: Node's layer that makes them look like HTTP/1.1 costs
// more than looking an object up.
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { IncomingHttpHeaders as Http2Headers, ServerHttp2Stream } from 'node:http2';
import type { Readable, Writable } from 'node:stream';
import type { TLSSocket } from 'node:tls';

/** With a reason of its own: without one each request's end makes an exception with its stack. */
const CLOSED = new Error('the connection was closed');

export abstract class Exchange {
  abstract readonly method: string;
  abstract readonly url: string;
  abstract readonly headers: Record<string, string>;
  abstract readonly socket: TLSSocket;
  /** What the request carries. */
  abstract readonly body: Readable;
  /** Headers of the answer, until it begins. */
  readonly answer: OutgoingHttpHeaders = {};
  abstract readonly hasBegun: boolean;
  protected abstract readonly out: Writable;
  #abort: AbortController | undefined;
  #onClose: (() => void)[] = [];
  #isClosed = false;

  /** Sends status and headers; `bytes` where the answer is complete with them. */
  abstract begin(status: number, bytes?: Uint8Array): void;

  /** Nobody hears the answer any more. */
  get isGone(): boolean {
    return this.#isClosed || this.out.destroyed;
  }

  /** Of the answer, in bytes. */
  get waiting(): number {
    return this.out.writableLength;
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

  /** False: better wait for drained(). */
  write(bytes: Uint8Array): boolean {
    return this.out.write(bytes);
  }

  end(): void {
    this.out.end();
  }

  destroy(): void {
    this.out.destroy();
  }

  /** Calls back once, at the end of the exchange, however it ends. */
  onClose(callback: () => void): void {
    if (this.#isClosed) callback();
    else this.#onClose.push(callback);
  }

  /** Resolves when more can be written, or nobody reads any more. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.out.off('drain', done);
        this.out.off('close', done);
        resolve();
      };
      this.out.on('drain', done);
      this.out.on('close', done);
    });
  }

  protected closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#abort?.abort(CLOSED);
    for (const callback of this.#onClose) callback();
    this.#onClose = [];
  }
}

/** Without HTTP/2's own. */
export function plainHeaders(headers: Http2Headers | IncomingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const name in headers) {
    if (name.charCodeAt(0) === 58) continue;
    const value = headers[name];
    plain[name] = typeof value === 'string' ? value : Array.isArray(value) ? value.join(', ') : String(value);
  }
  return plain;
}

export class Http2Exchange extends Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly socket: TLSSocket;
  readonly body: ServerHttp2Stream;
  protected readonly out: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream, headers: Http2Headers) {
    super();
    this.method = headers[':method'] ?? '';
    this.url = headers[':path'] ?? '';
    this.headers = plainHeaders(headers);
    if (headers[':authority'] && !this.headers.host) this.headers.host = headers[':authority'];
    this.socket = stream.session!.socket as TLSSocket;
    this.body = stream;
    this.out = stream;
    stream.on('close', () => this.closed());
    stream.on('error', () => {});
    if (headers.expect === '100-continue') stream.additionalHeaders({ ':status': 100 });
  }

  get hasBegun(): boolean {
    return this.out.headersSent;
  }

  begin(status: number, bytes?: Uint8Array): void {
    const { out, answer } = this;
    answer[':status'] = status;
    out.respond(answer);
    if (bytes === undefined) return;
    if (this.method === 'HEAD' || bytes.length === 0) out.end();
    else out.end(bytes);
  }
}

export class Http1Exchange extends Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: IncomingMessage;
  protected readonly out: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    super();
    this.method = request.method ?? '';
    this.url = request.url ?? '';
    this.headers = plainHeaders(request.headers);
    this.body = request;
    this.out = response;
    response.on('close', () => this.closed());
    response.on('error', () => this.closed());
    request.on('error', () => this.closed());
  }

  get socket(): TLSSocket {
    return this.body.socket as TLSSocket;
  }

  get hasBegun(): boolean {
    return this.out.headersSent;
  }

  begin(status: number, bytes?: Uint8Array): void {
    this.out.writeHead(status, this.answer);
    if (bytes === undefined) this.out.flushHeaders();
    else this.out.end(this.method === 'HEAD' ? undefined : bytes);
  }
}
