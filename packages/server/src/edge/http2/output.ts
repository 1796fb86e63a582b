// What a connection sends: all frames of one turn of the event loop in one write, as far as windows and the socket take them.
import type { TLSSocket } from 'node:tls';
import { FRAME_BYTES_MAX } from './frames.ts';
import type { Allowance, Stream } from './stream.ts';
import { WriteBuffer } from './write-buffer.ts';

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
  #ready: Stream[] = [];
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
      // The socket tells of this right before it gives the last write's memory back. The next turn would be late: the other side waits.
      queueMicrotask(() => this.#flush());
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
    if (stream.isQueued || !stream.isWaiting) return;
    this.#enqueue(stream);
    this.#schedule();
  }

  /** The other side takes more. */
  widen(bytes: number): void {
    this.window += bytes;
    for (const stream of this.#starved) if (!stream.isQueued) this.#enqueue(stream);
    this.#starved.clear();
    if (this.#ready.length > 0) this.#schedule();
  }

  forget(stream: Stream): void {
    this.#starved.delete(stream);
  }

  /** Sends a frame now and nothing after it. */
  last(frame: Buffer): void {
    if (this.#socket.writable) this.#socket.write(Buffer.concat([...this.#control, frame]));
    this.#control = [];
    this.#ready = [];
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

  #enqueue(stream: Stream): void {
    stream.isQueued = true;
    this.#ready.push(stream);
  }

  #flush(): void {
    // What waits meanwhile is bounded by control() and by the streams' own waiting.
    if (!this.#socket.writable || this.#isBlocked) return;
    const frames = new WriteBuffer();
    for (const frame of this.#control) frames.add(frame);
    this.#control = [];
    const sent = this.#takeAnswers(frames);
    // Also where there is nothing to send: the memory is given back.
    this.#isBlocked = !frames.sendTo(this.#socket);
    for (const stream of sent) this.#onSent(stream);
    if (this.#ready.length > 0 && !this.#isBlocked) this.#schedule();
    else if (this.#isEnding && this.#control.length === 0) this.#socket.end();
  }

  /** Streams with more to send come again after the others. Returns those whose answer is complete. */
  #takeAnswers(frames: WriteBuffer): Stream[] {
    const ready = this.#ready;
    const sent: Stream[] = [];
    let taken = 0;
    while (taken < ready.length && frames.length < WRITE_BYTES_MAX) {
      const stream = ready[taken++]!;
      stream.isQueued = false;
      if (stream.isClosed) continue;
      stream.take(frames, this);
      if (stream.isSent) sent.push(stream);
      else if (stream.isWaiting) {
        if (this.window > 0) this.#enqueue(stream);
        else this.#starved.add(stream);
      }
    }
    if (taken === ready.length) ready.length = 0;
    else ready.splice(0, taken);
    return sent;
  }
}
