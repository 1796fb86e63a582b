// Very many watches whose reader costs as little as can be: frames are looked at where the socket left them. Node's client makes a duplex
// stream of each watch and an event of each frame, which took more CPU than the servers' work, and so was what was measured.
import { once } from 'node:events';
import { type ConnectionOptions, connect as connectSocket, type TLSSocket } from 'node:tls';
import {
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  frameHeader,
  numbersFrame,
  PREFACE,
  SETTING,
  settingsFrame,
} from '../../packages/server/src/edge/http2/frames.ts';
import { HeaderReader, headerBlock } from '../../packages/server/src/edge/http2/hpack.ts';

const WINDOW_BYTES = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 64 * 1024 * 1024;
const WINDOW_BYTES_DEFAULT = 65_535;
/** Of what comes at once, and of that with the begin of a frame before it. */
const READ_BYTES_MAX = 64 * 1024;
const KEPT_BYTES_MAX = 2 * READ_BYTES_MAX;
const HEADER_BYTES_MAX = 64 * 1024;
/** What headerBlock() begins with: about tables, and a status. A request has neither. */
const ANSWER_BYTES = 2;
const NEW_LINE = 0x0a;
const ZERO = 0x30;
const NOTHING = Buffer.alloc(0);

export interface MarksOptions {
  port: number;
  token: string;
  path: string;
  /** So many watches, on one connection. */
  watches: number;
  /** What stands before a mark's number in its event. */
  mark: string;
  /** Marks are numbered from 0; each watch waits for so many. */
  count: number;
}

interface Watch {
  /** When each mark came. */
  cameMs: Float64Array;
  missing: number;
  /** The begin of a line. */
  rest: Buffer;
  uncredited: number;
}

export interface Marks {
  /** When each mark came, of each watch. Rejects when a watch ends before it has all. */
  all: Promise<Float64Array[]>;
  close(): void;
}

/** Resolves when all watches have begun. */
export async function watchMarks(options: MarksOptions): Promise<Marks> {
  let reader: Reader | undefined;
  const onread = {
    buffer: Buffer.allocUnsafe(READ_BYTES_MAX),
    callback: (length: number, bytes: Uint8Array) => {
      reader?.read(bytes.subarray(0, length));
      return true;
    },
  };
  // Types leave out that what is read may be put where the caller says.
  const where = { host: '127.0.0.1', port: options.port, onread } as ConnectionOptions;
  const socket = connectSocket({ ...where, ALPNProtocols: ['h2'], rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  reader = new Reader(socket, options);
  await reader.begun;
  return reader;
}

class Reader implements Marks {
  readonly begun: Promise<void>;
  readonly all: Promise<Float64Array[]>;
  readonly #socket: TLSSocket;
  readonly #mark: Buffer;
  readonly #watches = new Map<number, Watch>();
  readonly #headers = new HeaderReader(HEADER_BYTES_MAX);
  #waiting: number;
  #missing: number;
  readonly #bytes = Buffer.allocUnsafe(KEPT_BYTES_MAX);
  /** Of the bytes, the begin of a frame. */
  #kept = 0;
  #uncredited = 0;
  #onBegun = () => {};
  #onAll = () => {};
  #fail: (error: Error) => void = () => {};

  constructor(socket: TLSSocket, { port, token, path, watches, mark, count }: MarksOptions) {
    this.#socket = socket;
    this.#mark = Buffer.from(mark);
    this.#waiting = watches;
    this.#missing = watches;
    const begun = Promise.withResolvers<void>();
    const all = Promise.withResolvers<Float64Array[]>();
    this.begun = begun.promise;
    this.all = all.promise;
    this.all.catch(() => {});
    this.#onBegun = begun.resolve;
    this.#onAll = () => all.resolve([...this.#watches.values()].map(({ cameMs }) => cameMs));
    this.#fail = (error) => {
      begun.reject(error);
      all.reject(error);
      socket.destroy();
    };
    socket.on('error', this.#fail);
    socket.on('close', () => this.#fail(new Error('the connection ended')));
    const block = headerBlock(200, [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', `127.0.0.1:${port}`],
      [':path', path],
      ['authorization', `Bearer ${token}`],
      ['accept', 'application/json'],
    ]).subarray(ANSWER_BYTES);
    const frames = [PREFACE, settingsFrame([[SETTING.initialWindow, WINDOW_BYTES]])];
    frames.push(numbersFrame(FRAME.windowUpdate, 0, CONNECTION_WINDOW_BYTES - WINDOW_BYTES_DEFAULT));
    for (let i = 0; i < watches; i++) {
      const id = 2 * i + 1;
      this.#watches.set(id, { cameMs: new Float64Array(count), missing: count, rest: NOTHING, uncredited: 0 });
      frames.push(frameHeader(FRAME.headers, FLAG.endHeaders | FLAG.endStream, id, block.length), block);
    }
    socket.write(Buffer.concat(frames));
  }

  close(): void {
    this.#socket.destroy();
  }

  read(chunk: Uint8Array): void {
    const bytes = this.#bytes;
    bytes.set(chunk, this.#kept);
    const filled = this.#kept + chunk.length;
    const nowMs = performance.now();
    let at = 0;
    while (filled - at >= FRAME_HEADER_BYTES) {
      const start = at + FRAME_HEADER_BYTES;
      const end = start + bytes.readUIntBE(at, 3);
      if (filled < end) break;
      const type = bytes[at + 3];
      const id = bytes.readUInt32BE(at + 5);
      if (type === FRAME.data) this.#takeData(id, start, end, nowMs);
      else this.#takeOther(type!, bytes[at + 4]!, id, bytes.subarray(start, end));
      at = end;
    }
    bytes.copyWithin(0, at, filled);
    this.#kept = filled - at;
  }

  #takeData(id: number, start: number, end: number, nowMs: number): void {
    const watch = this.#watches.get(id);
    if (!watch) return;
    this.#credit(id, watch, end - start);
    if (watch.rest.length > 0) {
      const whole = Buffer.concat([watch.rest, this.#bytes.subarray(start, end)]);
      watch.rest = NOTHING;
      this.#takeLines(watch, whole, 0, whole.length, nowMs);
    } else this.#takeLines(watch, this.#bytes, start, end, nowMs);
  }

  #takeLines(watch: Watch, bytes: Buffer, start: number, end: number, nowMs: number): void {
    for (let line = start; line < end; ) {
      const lineEnd = bytes.indexOf(NEW_LINE, line);
      if (lineEnd === -1 || lineEnd >= end) {
        watch.rest = Buffer.from(bytes.subarray(line, end));
        return;
      }
      const mark = bytes.indexOf(this.#mark, line);
      if (mark !== -1 && mark < lineEnd) this.#came(watch, bytes, mark + this.#mark.length, nowMs);
      line = lineEnd + 1;
    }
  }

  #came(watch: Watch, bytes: Buffer, start: number, nowMs: number): void {
    let index = 0;
    for (let at = start; bytes[at]! >= ZERO && bytes[at]! <= ZERO + 9; at++) index = index * 10 + bytes[at]! - ZERO;
    if (watch.cameMs[index] !== 0) return;
    watch.cameMs[index] = nowMs;
    watch.missing--;
    if (watch.missing === 0 && --this.#missing === 0) this.#onAll();
  }

  #credit(id: number, watch: Watch, bytes: number): void {
    watch.uncredited += bytes;
    if (watch.uncredited > WINDOW_BYTES / 2) {
      this.#socket.write(numbersFrame(FRAME.windowUpdate, id, watch.uncredited));
      watch.uncredited = 0;
    }
    this.#uncredited += bytes;
    if (this.#uncredited <= CONNECTION_WINDOW_BYTES / 2) return;
    this.#socket.write(numbersFrame(FRAME.windowUpdate, 0, this.#uncredited));
    this.#uncredited = 0;
  }

  #takeOther(type: number, flags: number, id: number, payload: Buffer): void {
    if (type === FRAME.headers) {
      const { headers } = this.#headers.read(payload);
      const status = headers.find(([name]) => name === ':status')?.[1];
      if (status !== '200') this.#fail(new Error(`a watch was answered ${status}`));
      else if (--this.#waiting === 0) this.#onBegun();
    } else if (type === FRAME.reset || type === FRAME.goAway) this.#fail(new Error(`a watch was ended, stream ${id}`));
    else if (type === FRAME.settings && !(flags & FLAG.acknowledge))
      this.#socket.write(frameHeader(FRAME.settings, FLAG.acknowledge, 0, 0));
    else if (type === FRAME.ping && !(flags & FLAG.acknowledge))
      this.#socket.write(Buffer.concat([frameHeader(FRAME.ping, FLAG.acknowledge, 0, payload.length), payload]));
  }
}
