// SPDY/3.1 as a client over a given connection, as far as remote commands and port-forward need it: open streams, send and
// receive data, half-close. Flow control windows are not kept: the servers (Go's spdystream) keep none either. Specification:
// SPDY protocol draft 3.1.
import type { Duplex } from 'node:stream';

const VERSION = 0x8003;
const FRAME_SYN_STREAM = 1;
const FRAME_SYN_REPLY = 2;
const FRAME_RST_STREAM = 3;
const FRAME_PING = 6;
const FRAME_GOAWAY = 7;
const FLAG_FIN = 1;
const DATA_FRAME_BYTES = 64 * 1024;
/** The length field has 24 bits; no peer of ours sends more than a fraction in one frame. */
const FRAME_BYTES_MAX = 4 * 1024 * 1024;
const HEADER_BYTES = 8;

export interface SpdyStream {
  write(data: Uint8Array): boolean;
  /** Half-closes: the other side sees the end of the stream. */
  end(): void;
}

export interface SpdyStreamEvents {
  data?(data: Buffer): void;
  /** The other side has finished, or has reset the stream. */
  end?(): void;
}

function controlFrame(type: number, flags: number, payload: Buffer): Buffer {
  const frame = Buffer.alloc(HEADER_BYTES + payload.length);
  frame.writeUInt16BE(VERSION, 0);
  frame.writeUInt16BE(type, 2);
  frame.writeUInt32BE(payload.length, 4);
  frame[4] = flags;
  payload.copy(frame, HEADER_BYTES);
  return frame;
}

/** Names and values, each with its length before it. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const text = (value: string) => [number(Buffer.byteLength(value)), Buffer.from(value)];
  const entries = Object.entries(headers);
  return Buffer.concat([number(entries.length), ...entries.flatMap(([name, value]) => [...text(name.toLowerCase()), ...text(value)])]);
}

/**
 * Header blocks form one zlib stream per connection. Ours are a few dozen bytes, so they go as stored blocks: a valid
 * stream without compressing anything, and without state that could get out of step. The empty block at the end is
 * what makes the other side's decompressor hand the text out.
 */
function storedBlock(block: Buffer, first: boolean): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt16LE(block.length, 1);
  head.writeUInt16LE(0xffff - block.length, 3);
  const flush = Buffer.from([0, 0, 0, 0xff, 0xff]);
  return Buffer.concat([...(first ? [Buffer.from([0x78, 0x01])] : []), head, block, flush]);
}

interface OpenStream {
  events: SpdyStreamEvents;
  ended: boolean;
}

/** A connection over a socket that has been upgraded. `closed` resolves when no more streams can carry data. */
export class SpdyClient {
  readonly closed: Promise<void>;
  readonly #socket: Duplex;
  readonly #streams = new Map<number, OpenStream>();
  #nextId = 1;
  #received: Buffer = Buffer.alloc(0);
  #close = () => {};

  constructor(socket: Duplex, head: Buffer = Buffer.alloc(0)) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => this.#finish());
    socket.on('end', () => this.#finish());
    socket.on('close', () => this.#finish());
    if (head.length > 0) this.#receive(head);
    // Whoever read the answer's head has paused the socket.
    socket.resume();
  }

  /** Opens a stream; data may be sent at once. */
  open(headers: Readonly<Record<string, string>>, events: SpdyStreamEvents): SpdyStream {
    const id = this.#nextId;
    this.#nextId += 2;
    this.#streams.set(id, { events, ended: false });
    const fixed = Buffer.alloc(10);
    fixed.writeUInt32BE(id, 0);
    this.#socket.write(controlFrame(FRAME_SYN_STREAM, 0, Buffer.concat([fixed, storedBlock(headerBlock(headers), id === 1)])));
    return {
      write: (data) => this.#send(id, data),
      end: () => void this.#frame(id, Buffer.alloc(0), FLAG_FIN),
    };
  }

  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  /** Calls once when what was written has left. */
  onDrain(callback: () => void) {
    this.#socket.once('drain', callback);
  }

  destroy() {
    this.#socket.destroy();
    this.#finish();
  }

  #send(id: number, data: Uint8Array): boolean {
    let room = true;
    for (let offset = 0; offset < data.length; offset += DATA_FRAME_BYTES) {
      room = this.#frame(id, data.subarray(offset, offset + DATA_FRAME_BYTES), 0);
    }
    return room;
  }

  #frame(id: number, data: Uint8Array, flags: number): boolean {
    if (!this.#socket.writable) return true;
    const head = Buffer.alloc(HEADER_BYTES);
    head.writeUInt32BE(id, 0);
    head.writeUInt32BE(data.length, 4);
    head[4] = flags;
    return this.#socket.write(Buffer.concat([head, data]));
  }

  #receive(chunk: Buffer) {
    this.#received = this.#received.length > 0 ? Buffer.concat([this.#received, chunk]) : chunk;
    while (this.#received.length >= HEADER_BYTES) {
      const length = this.#received.readUInt32BE(4) & 0xffffff;
      if (length > FRAME_BYTES_MAX) return this.destroy();
      if (this.#received.length < HEADER_BYTES + length) return;
      const frame = this.#received.subarray(0, HEADER_BYTES + length);
      this.#received = this.#received.subarray(HEADER_BYTES + length);
      if ((frame[0]! & 0x80) === 0) this.#data(frame);
      else this.#control(frame);
    }
  }

  #data(frame: Buffer) {
    const id = frame.readUInt32BE(0);
    const stream = this.#streams.get(id);
    if (!stream) return;
    if (frame.length > HEADER_BYTES) stream.events.data?.(frame.subarray(HEADER_BYTES));
    if (frame[4]! & FLAG_FIN) this.#end(stream);
  }

  #control(frame: Buffer) {
    const id = frame.length >= HEADER_BYTES + 4 ? frame.readUInt32BE(HEADER_BYTES) & 0x7fffffff : 0;
    const stream = this.#streams.get(id);
    switch (frame.readUInt16BE(2)) {
      case FRAME_PING:
        // Even ids are the server's questions; odd ones would be answers to ours.
        if (id % 2 === 0) this.#socket.write(frame);
        return;
      case FRAME_RST_STREAM:
        if (stream) this.#end(stream);
        return;
      case FRAME_SYN_REPLY:
        if (stream && frame[4]! & FLAG_FIN) this.#end(stream);
        return;
      case FRAME_GOAWAY:
        return this.#finish();
    }
  }

  #end(stream: OpenStream) {
    if (stream.ended) return;
    stream.ended = true;
    stream.events.end?.();
  }

  #finish() {
    for (const stream of this.#streams.values()) this.#end(stream);
    this.#close();
  }
}
