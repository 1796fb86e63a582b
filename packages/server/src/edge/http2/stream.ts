// One request on an HTTP/2 connection: what has come of its body, and what waits to be sent of its answer (RFC 9113, section 5).
import { GatheredBytes } from '../gathered-bytes.ts';
import type { BodySink } from '../read-body.ts';
import { FAULT, FLAG, FRAME, FRAME_BYTES_MAX, frameHeader } from './frames.ts';
import type { RequestHead } from './request-head.ts';
import type { WriteBuffer } from './write-buffer.ts';

/** Of a body, unread. */
export const STREAM_WINDOW_BYTES = 1024 * 1024;
/** Whoever writes is asked to wait while more than this is on its way. */
const WAITING_BYTES_MAX = 64 * 1024;
/** What one stream may send before it is another's turn. */
const TURN_BYTES = 128 * 1024;

/** Places for chunks that a stream keeps for the next ones. */
const KEPT_PLACES_MAX = 16;
/** Before the first chunk. */
const FREE_PLACES_MAX = 1024;

/** What a stream asks of its connection. */
export interface Carrier {
  /** The stream has something to send. */
  ready(stream: Stream): void;
  /** Of a stream's body more may come. */
  credit(stream: Stream, bytes: number): void;
  reset(stream: Stream, code: number): void;
}

/** How much may be sent at the moment, of all streams together. */
export interface Allowance {
  window: number;
  frameBytesMax: number;
}

export class Stream {
  readonly id: number;
  readonly head: RequestHead;
  /** How much of the answer may be sent. */
  window: number;
  /** In bytes, of the answer. */
  waiting = 0;
  /** The connection knows that it has something to send. */
  isQueued = false;
  hasBegun = false;
  isClosed = false;
  /** The other side has sent all it will. */
  hasEnded = false;
  readonly #carrier: Carrier;
  #opening: Buffer | undefined;
  /** What waits is those from `#first` up to `#next`; before and behind them there is room. */
  #chunks: (Uint8Array | undefined)[] = [];
  #first = 0;
  #next = 0;
  /** Of the first chunk, in bytes. */
  #sent = 0;
  #ends = false;
  #endSent = false;
  #sink: BodySink | undefined;
  readonly #received = new GatheredBytes();
  /** What may still come, and what came since we last told. */
  #inWindow = STREAM_WINDOW_BYTES;
  #uncredited = 0;
  #onClose: (() => void)[] = [];
  #onDrain: (() => void)[] = [];

  constructor(id: number, head: RequestHead, window: number, carrier: Carrier) {
    this.id = id;
    this.head = head;
    this.window = window;
    this.#carrier = carrier;
  }

  /** Begins to take the body. */
  read(sink: BodySink): void {
    this.#sink = sink;
    const received = this.#received.take();
    if (received) sink.data(received);
    this.#giveCredit();
    if (this.hasEnded) sink.end();
    else if (this.isClosed) sink.cut();
  }

  /** Nobody wants the rest of the body. */
  ignore(): void {
    this.#sink = { data: () => {}, end: () => {}, cut: () => {} };
    this.#received.take();
  }

  /** False where more came than was allowed. `bytes`: with padding. */
  receive(chunk: Buffer, bytes: number): boolean {
    this.#inWindow -= bytes;
    this.#uncredited += bytes;
    if (this.#inWindow < 0) return false;
    if (this.#sink) this.#sink.data(chunk);
    else this.#received.add(chunk);
    this.#giveCredit();
    return true;
  }

  receiveEnd(): void {
    this.hasEnded = true;
    this.#sink?.end();
  }

  /** Headers of the answer, as a block; `ends` where nothing follows. */
  begin(block: Buffer, ends: boolean): void {
    if (this.isClosed) return;
    this.hasBegun = true;
    this.#opening = headersFrames(this.id, block, ends);
    this.#ends = ends;
    this.#endSent = ends;
    this.#carrier.ready(this);
  }

  /** Before the answer: that the body is welcome. */
  inform(block: Buffer): void {
    this.#opening = headersFrames(this.id, block, false);
    this.#carrier.ready(this);
  }

  /** False: better wait for drained(). */
  write(bytes: Uint8Array): boolean {
    if (this.isClosed || this.#ends) return true;
    if (bytes.length > 0) {
      this.#chunks[this.#next++] = bytes;
      this.waiting += bytes.length;
      this.#carrier.ready(this);
    }
    return this.waiting < WAITING_BYTES_MAX;
  }

  end(): void {
    if (this.isClosed || this.#ends) return;
    this.#ends = true;
    this.#carrier.ready(this);
  }

  destroy(): void {
    if (!this.isClosed) this.#carrier.reset(this, FAULT.internal);
  }

  onClose(callback: () => void): void {
    if (this.isClosed) callback();
    else this.#onClose.push(callback);
  }

  drained(): Promise<void> {
    if (this.isClosed || this.waiting < WAITING_BYTES_MAX) return Promise.resolve();
    return new Promise((resolve) => this.#onDrain.push(resolve));
  }

  /** Everything of the answer has been handed to the connection. */
  get isSent(): boolean {
    return this.#endSent && this.#opening === undefined;
  }

  /** Something could be sent if the connection allowed it. */
  get isWaiting(): boolean {
    if (this.#opening) return true;
    return this.waiting > 0 ? this.window > 0 : this.#ends && !this.#endSent;
  }

  /** Puts what may be sent in this turn into `frames`; pieces that were written one by one share frames. */
  take(frames: WriteBuffer, allowance: Allowance): void {
    if (this.#opening) {
      frames.add(this.#opening);
      this.#opening = undefined;
    }
    const end = frames.length + TURN_BYTES;
    while (this.waiting > 0 && frames.length < end) {
      const size = Math.min(this.waiting, allowance.frameBytesMax, this.window, allowance.window, frames.room);
      if (size <= 0) break;
      this.#endSent = this.#ends && size === this.waiting;
      frames.header(FRAME.data, this.#endSent ? FLAG.endStream : 0, this.id, size);
      this.#move(frames, size);
      this.window -= size;
      allowance.window -= size;
    }
    if (this.#ends && this.waiting === 0 && !this.#endSent) {
      frames.header(FRAME.data, FLAG.endStream, this.id, 0);
      this.#endSent = true;
    }
    if (this.#onDrain.length > 0 && this.waiting < WAITING_BYTES_MAX) this.#tellDrained();
  }

  /** It is over, however it ended. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#chunks = [];
    this.#first = 0;
    this.#next = 0;
    this.waiting = 0;
    this.#opening = undefined;
    if (!this.hasEnded) this.#sink?.cut();
    this.#tellDrained();
    for (const callback of this.#onClose) callback();
    this.#onClose = [];
  }

  /** The content of one frame. */
  #move(frames: WriteBuffer, size: number): void {
    this.waiting -= size;
    for (let left = size; left > 0; ) {
      const chunk = this.#chunks[this.#first]!;
      const length = Math.min(left, chunk.length - this.#sent);
      frames.add(chunk, this.#sent, length);
      this.#sent += length;
      left -= length;
      if (this.#sent < chunk.length) break;
      this.#chunks[this.#first++] = undefined;
      this.#sent = 0;
    }
    this.#makeRoom();
  }

  /** Of a stream that always has something waiting, places would otherwise grow in number. */
  #makeRoom(): void {
    const isEmpty = this.#first === this.#next;
    if (!isEmpty && this.#first < FREE_PLACES_MAX) return;
    if (!isEmpty) this.#chunks = this.#chunks.slice(this.#first, this.#next);
    else if (this.#chunks.length > KEPT_PLACES_MAX) this.#chunks = [];
    this.#next -= this.#first;
    this.#first = 0;
  }

  #tellDrained(): void {
    const waiting = this.#onDrain;
    this.#onDrain = [];
    for (const resolve of waiting) resolve();
  }

  /** Only of what somebody has taken, and not for every small piece. */
  #giveCredit(): void {
    if (!this.#sink || this.hasEnded || this.#uncredited < STREAM_WINDOW_BYTES / 2) return;
    this.#inWindow += this.#uncredited;
    this.#carrier.credit(this, this.#uncredited);
    this.#uncredited = 0;
  }
}

/** One frame, and more where the block is longer than a frame. */
function headersFrames(id: number, block: Buffer, ends: boolean): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += FRAME_BYTES_MAX) {
    const piece = block.subarray(at, at + FRAME_BYTES_MAX);
    const flags = (at === 0 && ends ? FLAG.endStream : 0) | (at + FRAME_BYTES_MAX >= block.length ? FLAG.endHeaders : 0);
    parts.push(frameHeader(at === 0 ? FRAME.headers : FRAME.continuation, flags, id, piece.length), piece);
  }
  return Buffer.concat(parts);
}
