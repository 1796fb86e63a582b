// Memory in which the frames of one write are put together. It is used again as soon as the socket has taken it: a fresh buffer for each
// write is memory that the kernel has to find and clear, and that V8 counts as reason enough to look through the whole heap.
import { FRAME_HEADER_BYTES } from './frames.ts';

const BUFFER_BYTES = 160 * 1024;
/** Of buffers that nobody uses at the moment; a burst of more connections leaves the rest to the garbage collector. */
export const IDLE_BUFFERS_MAX = 64;
/** As much is copied into memory of its own, which costs less than to be told when the socket has taken it. */
const SMALL_BYTES_MAX = 8 * 1024;

const idle: Buffer[] = [];

function giveBack(bytes: Buffer): void {
  if (bytes.length === BUFFER_BYTES && idle.length < IDLE_BUFFERS_MAX) idle.push(bytes);
}

export interface Sink {
  write(bytes: Uint8Array, onTaken?: () => void): boolean;
}

export class WriteBuffer {
  /** Of what has been added. */
  length = 0;
  #bytes: Buffer = idle.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);

  /** For content of a frame after its header; what doesn't fit belongs into the next write. */
  get room(): number {
    return Math.max(0, this.#bytes.length - this.length - FRAME_HEADER_BYTES);
  }

  /** Copies `length` bytes from `start` on. */
  add(part: Uint8Array, start = 0, length = part.length): void {
    this.#reserve(length);
    this.#bytes.set(start === 0 && length === part.length ? part : part.subarray(start, start + length), this.length);
    this.length += length;
  }

  /** Header of a frame (RFC 9113, section 4.1). */
  header(type: number, flags: number, stream: number, length: number): void {
    this.#reserve(FRAME_HEADER_BYTES);
    const bytes = this.#bytes;
    let at = this.length;
    bytes[at++] = length >>> 16;
    bytes[at++] = length >>> 8;
    bytes[at++] = length;
    bytes[at++] = type;
    bytes[at++] = flags;
    bytes[at++] = stream >>> 24;
    bytes[at++] = stream >>> 16;
    bytes[at++] = stream >>> 8;
    bytes[at++] = stream;
    this.length = at;
  }

  /** Hands everything to the sink; this buffer is not to be used any more. False where the sink wants a pause. */
  sendTo(sink: Sink): boolean {
    const bytes = this.#bytes;
    const filled = bytes.subarray(0, this.length);
    if (this.length > SMALL_BYTES_MAX) return sink.write(filled, () => giveBack(bytes));
    const own = Buffer.from(filled);
    giveBack(bytes);
    return this.length === 0 || sink.write(own);
  }

  /** Few things are wider than a buffer: headers of somebody else's answer. */
  #reserve(length: number): void {
    if (this.length + length <= this.#bytes.length) return;
    const wider = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.length + length));
    wider.set(this.#bytes.subarray(0, this.length));
    giveBack(this.#bytes);
    this.#bytes = wider;
  }
}
