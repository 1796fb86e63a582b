// An HTTP/2 connection from the server's side (RFC 9113), on a TLS socket. Of our own because node's makes a duplex stream with its
// timers, events and errors of every request, which costs ten times what looking an object up does; and because here the frames of
// one turn, of all streams, leave in one write.
import type { TLSSocket } from 'node:tls';
import type { Clock } from '@tiphys/runtime';
import {
  ConnectionError,
  contentOf,
  FAULT,
  FLAG,
  FRAME,
  type Frame,
  FrameReader,
  frameHeader,
  numbersFrame,
  SETTING,
  settingsFrame,
} from './frames.ts';
import { CompressionError, type Header, HeaderReader, headerBlock } from './hpack.ts';
import { Output } from './output.ts';
import { requestHead } from './request-head.ts';
import { type Carrier, STREAM_WINDOW_BYTES, Stream } from './stream.ts';

export const HEADER_BYTES_MAX = 1024 * 1024;
/** Of one block, however little is in them (CVE-2024-27316). */
const HEADER_FRAMES_MAX = 1000;
export const STREAMS_PER_CONNECTION_MAX = 1000;
/** Of all bodies together, on their way to us. */
const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;
const WINDOW_BYTES_DEFAULT = 65_535;
const WINDOW_BYTES_MAX = 2 ** 31 - 1;
/** Requests that are taken back before they are answered: so many at once, and then so many a second (CVE-2023-44487). */
export const RESETS_MAX = 1000;
export const RESETS_PER_SECOND = 33;

interface Block {
  stream: number;
  flags: number;
  parts: Buffer[];
  bytes: number;
}

export class Connection implements Carrier {
  readonly socket: TLSSocket;
  /** When the last request ended. */
  idleSinceMs: number;
  readonly #clock: Clock;
  readonly #onStream: (stream: Stream) => void;
  readonly #output: Output;
  readonly #frames = new FrameReader();
  readonly #headers = new HeaderReader(HEADER_BYTES_MAX);
  readonly #streams = new Map<number, Stream>();
  #block: Block | undefined;
  #lastStream = 0;
  #initialWindow = WINDOW_BYTES_DEFAULT;
  #uncredited = 0;
  #resets = RESETS_MAX;
  #resetsAtMs: number;
  #isClosing = false;
  #onClose: (() => void)[] = [];

  constructor(socket: TLSSocket, clock: Clock, onStream: (stream: Stream) => void) {
    this.socket = socket;
    this.#clock = clock;
    this.#onStream = onStream;
    this.idleSinceMs = clock.monotonicMs();
    this.#resetsAtMs = this.idleSinceMs;
    this.#output = new Output(socket, (stream) => this.#sent(stream));
    this.#output.control(
      settingsFrame([
        [SETTING.streamsMax, STREAMS_PER_CONNECTION_MAX],
        [SETTING.initialWindow, STREAM_WINDOW_BYTES],
        [SETTING.headerBytesMax, HEADER_BYTES_MAX],
      ]),
    );
    this.#output.control(numbersFrame(FRAME.windowUpdate, 0, CONNECTION_WINDOW_BYTES - WINDOW_BYTES_DEFAULT));
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('close', () => this.#closed());
  }

  get open(): number {
    return this.#streams.size;
  }

  onClose(callback: () => void): void {
    this.#onClose.push(callback);
  }

  /** Takes no more requests, and ends when those that are here are answered. */
  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#output.control(numbersFrame(FRAME.goAway, 0, this.#lastStream, FAULT.none));
    this.#endIfDone();
  }

  ready(stream: Stream): void {
    this.#output.ready(stream);
  }

  credit(stream: Stream, bytes: number): void {
    this.#output.control(numbersFrame(FRAME.windowUpdate, stream.id, bytes));
  }

  reset(stream: Stream, code: number): void {
    if (!this.#streams.has(stream.id)) return;
    this.#output.control(numbersFrame(FRAME.reset, stream.id, code));
    this.#forget(stream);
  }

  #read(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.read(chunk)) {
        if (this.socket.destroyed) return;
        this.#take(frame);
      }
    } catch (error) {
      if (error instanceof CompressionError) this.#fail(FAULT.compression);
      else if (error instanceof ConnectionError) this.#fail(error.code);
      else throw error;
    }
  }

  /** Tells why, and ends the connection at once. */
  #fail(code: number): void {
    this.#output.last(numbersFrame(FRAME.goAway, 0, this.#lastStream, code));
    this.socket.destroySoon();
    this.#closed();
  }

  #take(frame: Frame): void {
    const { type, flags, stream, payload } = frame;
    if (this.#block && (type !== FRAME.continuation || stream !== this.#block.stream)) {
      throw new ConnectionError(FAULT.protocol, 'headers are not followed by their rest');
    }
    if (type === FRAME.data) this.#takeData(frame);
    else if (type === FRAME.headers) this.#takeHeaders({ stream, flags, parts: [], bytes: 0 }, contentOf(frame));
    else if (type === FRAME.continuation) this.#takeRest(flags, payload);
    else if (type === FRAME.reset) this.#takeReset(stream, payload);
    else if (type === FRAME.settings) this.#takeSettings(frame);
    else if (type === FRAME.ping) this.#takePing(flags, payload);
    else if (type === FRAME.windowUpdate) this.#takeWindow(stream, payload);
    else if (type === FRAME.pushPromise) throw new ConnectionError(FAULT.protocol, 'clients promise nothing');
    // Priorities, farewells, and what this version does not know, say nothing to us.
  }

  #takeRest(flags: number, payload: Buffer): void {
    const block = this.#block;
    if (!block) throw new ConnectionError(FAULT.protocol, 'the rest of no headers');
    block.flags |= flags & FLAG.endHeaders;
    this.#takeHeaders(block, payload);
  }

  #takePing(flags: number, payload: Buffer): void {
    if (payload.length !== 8) throw new ConnectionError(FAULT.frameSize, 'a ping of another size');
    if (flags & FLAG.acknowledge) return;
    this.#output.control(Buffer.concat([frameHeader(FRAME.ping, FLAG.acknowledge, 0, 8), payload]));
  }

  #takeHeaders(block: Block, piece: Buffer): void {
    block.parts.push(piece);
    block.bytes += piece.length;
    if (block.bytes > HEADER_BYTES_MAX || block.parts.length > HEADER_FRAMES_MAX)
      throw new ConnectionError(FAULT.calm, 'headers without end');
    this.#block = block.flags & FLAG.endHeaders ? undefined : block;
    if (this.#block) return;
    const whole = block.parts.length === 1 ? piece : Buffer.concat(block.parts);
    const { headers, cut } = this.#headers.read(whole);
    const ends = (block.flags & FLAG.endStream) !== 0;
    const known = this.#streams.get(block.stream);
    if (known) this.#takeTrailers(known, ends);
    else this.#takeRequest(block.stream, headers, ends, cut);
  }

  #takeRequest(id: number, headers: readonly Header[], ends: boolean, cut: boolean): void {
    if (id % 2 === 0) throw new ConnectionError(FAULT.protocol, 'a request with the number of an answer');
    // Sent before the other side knew that the stream is closed.
    if (id <= this.#lastStream) return;
    this.#lastStream = id;
    const head = requestHead(headers);
    const isRefused = this.#isClosing || this.#streams.size >= STREAMS_PER_CONNECTION_MAX;
    if (isRefused || (!head && !cut)) {
      this.#output.control(numbersFrame(FRAME.reset, id, isRefused ? FAULT.refused : FAULT.protocol));
      return;
    }
    const stream = new Stream(id, head ?? { method: '', path: '', headers: {} }, this.#initialWindow, this);
    this.#streams.set(id, stream);
    if (ends) stream.receiveEnd();
    if (cut) stream.begin(headerBlock(431, []), true);
    else this.#onStream(stream);
  }

  /** Nobody looks at what they say. */
  #takeTrailers(stream: Stream, ends: boolean): void {
    if (stream.hasEnded) throw new ConnectionError(FAULT.streamClosed, 'headers after the end');
    if (ends) stream.receiveEnd();
    else this.reset(stream, FAULT.protocol);
  }

  #takeData(frame: Frame): void {
    const { stream: id, flags, payload } = frame;
    if (id === 0 || id > this.#lastStream) throw new ConnectionError(FAULT.protocol, 'data of no request');
    this.#uncredited += payload.length;
    if (this.#uncredited > CONNECTION_WINDOW_BYTES / 2) {
      this.#output.control(numbersFrame(FRAME.windowUpdate, 0, this.#uncredited));
      this.#uncredited = 0;
    }
    const stream = this.#streams.get(id);
    if (!stream) return;
    if (stream.hasEnded) this.reset(stream, FAULT.streamClosed);
    else if (!stream.receive(contentOf(frame), payload.length)) this.reset(stream, FAULT.flowControl);
    else if (flags & FLAG.endStream) stream.receiveEnd();
  }

  #takeReset(id: number, payload: Buffer): void {
    if (payload.length !== 4) throw new ConnectionError(FAULT.frameSize, 'a reset of another size');
    if (id === 0 || id > this.#lastStream) throw new ConnectionError(FAULT.protocol, 'a reset of no request');
    const stream = this.#streams.get(id);
    if (!stream) return;
    const nowMs = this.#clock.monotonicMs();
    this.#resets = Math.min(RESETS_MAX, this.#resets + ((nowMs - this.#resetsAtMs) / 1000) * RESETS_PER_SECOND) - 1;
    this.#resetsAtMs = nowMs;
    if (this.#resets < 0) throw new ConnectionError(FAULT.calm, 'too many resets');
    this.#forget(stream);
  }

  #takeSettings({ flags, stream, payload }: Frame): void {
    if (stream !== 0) throw new ConnectionError(FAULT.protocol, 'settings of a request');
    if (flags & FLAG.acknowledge) return;
    if (payload.length % 6 !== 0) throw new ConnectionError(FAULT.frameSize, 'settings of another size');
    for (let at = 0; at < payload.length; at += 6) this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    this.#output.control(frameHeader(FRAME.settings, FLAG.acknowledge, 0, 0));
  }

  #set(setting: number, value: number): void {
    if (setting === SETTING.frameBytesMax) {
      if (value < 16_384 || value > 0xffffff) throw new ConnectionError(FAULT.protocol, 'no size of frames');
      this.#output.frameBytesMax = value;
    }
    if (setting !== SETTING.initialWindow) return;
    if (value > WINDOW_BYTES_MAX) throw new ConnectionError(FAULT.flowControl, 'a window is too large');
    const more = value - this.#initialWindow;
    this.#initialWindow = value;
    for (const stream of this.#streams.values()) {
      stream.window += more;
      if (stream.window > WINDOW_BYTES_MAX) throw new ConnectionError(FAULT.flowControl, 'a window is too large');
      this.#output.ready(stream);
    }
  }

  #takeWindow(id: number, payload: Buffer): void {
    if (payload.length !== 4) throw new ConnectionError(FAULT.frameSize, 'a window of another size');
    const bytes = payload.readUInt32BE(0) & WINDOW_BYTES_MAX;
    if (id === 0) {
      if (bytes === 0 || this.#output.window + bytes > WINDOW_BYTES_MAX) throw new ConnectionError(FAULT.flowControl, 'no window');
      this.#output.widen(bytes);
      return;
    }
    if (id > this.#lastStream) throw new ConnectionError(FAULT.protocol, 'a window of no request');
    const stream = this.#streams.get(id);
    if (!stream) return;
    if (bytes === 0 || stream.window + bytes > WINDOW_BYTES_MAX) {
      this.reset(stream, FAULT.flowControl);
      return;
    }
    stream.window += bytes;
    this.#output.ready(stream);
  }

  /** The whole answer is on its way. Of a body that nobody waits for no more shall come. */
  #sent(stream: Stream): void {
    if (!stream.hasEnded && this.#streams.has(stream.id)) this.#output.control(numbersFrame(FRAME.reset, stream.id, FAULT.none));
    this.#forget(stream);
  }

  #forget(stream: Stream): void {
    if (!this.#streams.delete(stream.id)) return;
    this.idleSinceMs = this.#clock.monotonicMs();
    this.#output.forget(stream);
    stream.close();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#isClosing && this.#streams.size === 0) this.#output.end();
  }

  #closed(): void {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.close();
    const callbacks = this.#onClose;
    this.#onClose = [];
    for (const callback of callbacks) callback();
  }
}
