// A gzip file (RFC 1952) of two parts that were compressed apart, so that a long end can be kept and sent again behind another beginning.
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw, deflateRawSync } from 'node:zlib';

/** The end of a file, compressed, with what is needed to put a beginning before it. */
export interface GzipTail {
  bytes: Uint8Array;
  crc: number;
  /** Before compression. */
  length: number;
}

const deflated = promisify(deflateRaw);
/** No name, no time, made on Unix. */
const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3);
const TRAILER_BYTES = 8;
/** The polynomial of CRC-32, lowest power first; and 1 in the same order. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;

export async function gzipTail(text: Uint8Array, level: number): Promise<GzipTail> {
  return { bytes: await deflated(text, { level }), crc: crc32(text), length: text.length };
}

/** Product of two polynomials modulo CRC-32's. */
function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = ONE, factor = b; bit !== 0; bit >>>= 1) {
    if (a & bit) product ^= factor;
    factor = factor & 1 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product >>> 0;
}

/** The checksum of two texts in a row from the checksum of each, as zlib's crc32_combine does it. */
export function combinedCrc(first: number, second: number, secondLength: number): number {
  let shift = ONE;
  // x to the eighth: one byte further.
  let power = ONE >>> 8;
  for (let length = secondLength; length > 0; length = Math.floor(length / 2)) {
    if (length % 2 === 1) shift = multiply(shift, power);
    power = multiply(power, power);
  }
  return (multiply(shift, first) ^ second) >>> 0;
}

/** The pieces of the whole file. */
export function gzipOf(head: Uint8Array, tail: GzipTail, level: number): Uint8Array[] {
  // Ended at a whole byte but not as the last block, so that the tail's blocks can follow.
  const start = deflateRawSync(head, { level, finishFlush: constants.Z_SYNC_FLUSH });
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(combinedCrc(crc32(head), tail.crc, tail.length), 0);
  trailer.writeUInt32LE((head.length + tail.length) % 2 ** 32, 4);
  return [HEADER, start, tail.bytes, trailer];
}
