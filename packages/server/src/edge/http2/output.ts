// What a connection sends: all frames of one turn of the event loop in one write, as far as windows and the socket take them.
import type { TLSSocket } from 'node:tls';
import { FRAME_BYTES_MAX } from './frames.ts';
import type { Allowance, Stream } from './stream.ts';

/** Of answers, in one write. */
const WRITE_BYTES_MAX = 128 * 1024;
/** Acknowledgements and the like that wait for somebody who reads nothing. */
export const CONTROL_FRAMES_MAX = 10_000;
const WINDOW_BYTES_DEFAULT = 65_535;

export class Output implements Allowance {
  window = WINDOW_BYTES_DEFAULT;
  /** What the other side takes. Larger ones would only delay other streams. */
  #frameBytesMax = FRAME_BYTES_MAX;
  readonly #socket: TLSSocket;
  readonly #onSent: (stream: Stream) => void;
  #control: Buffer[] = [];
  readonly #ready = new Set<Stream>();
  /** They wait for the connection's window. */
  readonly #starved = new Set<Stream>();
  #isScheduled = false;
  #isBlocked = false;
  #isEnding = false;

  /** `onSent` is told of streams whose answer is complete. */
  constructor(socket: TLSSocket, onSent: (stream: Stream) => void) {
    this.#socket = socket;
    this.#onSent = onSent;
    socket.on('drain', () => {
      this.#isBlocked = false;
      this.#flush();
    });
  }

  get frameBytesMax(): number {
    return this.#frameBytesMax;
  }

  set frameBytesMax(bytes: number) {
    this.#frameBytesMax = Math.min(bytes, FRAME_BYTES_MAX * 4);
  }

  control(frame: Buffer): void {
    if (this.#control.length >= CONTROL_FRAMES_MAX) {
      this.#socket.destroy();
      return;
    }
    this.#control.push(frame);
    this.#schedule();
  }

  ready(stream: Stream): void {
    if (!stream.isWaiting) return;
    this.#ready.add(stream);
    this.#schedule();
  }

  /** The other side takes more. */
  widen(bytes: number): void {
    this.window += bytes;
    for (const stream of this.#starved) this.#ready.add(stream);
    this.#starved.clear();
    if (this.#ready.size > 0) this.#schedule();
  }

  forget(stream: Stream): void {
    this.#ready.delete(stream);
    this.#starved.delete(stream);
  }

  /** Sends a frame now and nothing after it. */
  last(frame: Buffer): void {
    if (this.#socket.writable) this.#socket.write(Buffer.concat([...this.#control, frame]));
    this.#control = [];
    this.#ready.clear();
    this.#starved.clear();
  }

  /** Ends the connection once everything is sent. */
  end(): void {
    this.#isEnding = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    // What waits meanwhile is bounded by control() and by the streams' own waiting.
    if (!this.#socket.writable || this.#isBlocked) return;
    const parts: Uint8Array[] = this.#control;
    let bytes = this.#control.reduce((sum, frame) => sum + frame.length, 0);
    this.#control = [];
    const sent: Stream[] = [];
    for (const stream of this.#ready) {
      this.#ready.delete(stream);
      bytes += stream.take(parts, this);
      if (stream.isSent) sent.push(stream);
      else if (stream.isWaiting) (this.window > 0 ? this.#ready : this.#starved).add(stream);
      if (bytes >= WRITE_BYTES_MAX) break;
    }
    if (bytes > 0) this.#isBlocked = !this.#socket.write(joined(parts, bytes));
    for (const stream of sent) this.#onSent(stream);
    if (this.#ready.size > 0 && !this.#isBlocked) this.#schedule();
    else if (this.#isEnding && this.#control.length === 0) this.#socket.end();
  }
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
