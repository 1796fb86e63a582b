// HTTP/2's frames (RFC 9113, sections 4, 6 and 7): their names, and how they are cut out of what comes.

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const FRAME_HEADER_BYTES = 9;
/** Of a frame we take: the default of SETTINGS_MAX_FRAME_SIZE. */
export const FRAME_BYTES_MAX = 16_384;

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { acknowledge: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 } as const;

export const SETTING = { enablePush: 2, streamsMax: 3, initialWindow: 4, frameBytesMax: 5, headerBytesMax: 6 } as const;

export const FAULT = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refused: 7,
  cancel: 8,
  compression: 9,
  calm: 11,
} as const;

export interface Frame {
  type: number;
  flags: number;
  stream: number;
  payload: Buffer;
}

/** The whole connection is at fault, not one request. */
export class ConnectionError extends Error {
  override name = 'ConnectionError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Cuts what comes into frames; the first bytes must be the preface. Throws ConnectionError. */
export class FrameReader {
  #rest: Buffer | undefined;
  #greeted = false;

  *read(chunk: Buffer): Generator<Frame> {
    let bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = undefined;
    if (!this.#greeted) {
      const length = Math.min(bytes.length, PREFACE.length);
      if (bytes.compare(PREFACE, 0, length, 0, length) !== 0) throw new ConnectionError(FAULT.protocol, 'no preface');
      if (length < PREFACE.length) {
        this.#rest = bytes;
        return;
      }
      this.#greeted = true;
      bytes = bytes.subarray(PREFACE.length);
    }
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const length = bytes.readUIntBE(at, 3);
      if (length > FRAME_BYTES_MAX) throw new ConnectionError(FAULT.frameSize, 'a frame is too large');
      const start = at + FRAME_HEADER_BYTES;
      if (bytes.length - start < length) break;
      yield {
        type: bytes[at + 3]!,
        flags: bytes[at + 4]!,
        stream: bytes.readUInt32BE(at + 5) & 0x7fffffff,
        payload: bytes.subarray(start, start + length),
      };
      at = start + length;
    }
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }
}

export function frameHeader(type: number, flags: number, stream: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  header.writeUIntBE(length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return header;
}

/** A frame whose payload is numbers of 4 bytes. */
export function numbersFrame(type: number, stream: number, ...numbers: readonly number[]): Buffer {
  const payload = Buffer.allocUnsafe(numbers.length * 4);
  for (const [i, number] of numbers.entries()) payload.writeUInt32BE(number, i * 4);
  return Buffer.concat([frameHeader(type, 0, stream, payload.length), payload]);
}

export function settingsFrame(settings: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.allocUnsafe(settings.length * 6);
  for (const [i, [id, value]] of settings.entries()) {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  }
  return Buffer.concat([frameHeader(FRAME.settings, 0, 0, payload.length), payload]);
}

/** Without padding and the fields of a priority. */
export function contentOf({ type, flags, payload }: Frame): Buffer {
  let start = 0;
  let padding = 0;
  if (flags & FLAG.padded) padding = payload[start++] ?? Number.POSITIVE_INFINITY;
  if (type === FRAME.headers && flags & FLAG.priority) start += 5;
  if (start + padding > payload.length) throw new ConnectionError(FAULT.protocol, 'more padding than there is frame');
  return payload.subarray(start, payload.length - padding);
}
