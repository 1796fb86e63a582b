// Text in HPACK's code of variable length (RFC 7541, section 5.2 and appendix B). The code is canonical: shorter codes come first, and
// among those of one length smaller bytes, so that the lengths say all.

/** In bits, by byte. */
const LENGTHS = [
  '13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28 28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28',
  '6 10 10 12 13 6 8 11 10 10 8 11 8 6 6 6 5 5 5 6 6 6 6 6 6 6 7 8 15 6 12 10',
  '13 6 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 8 7 8 13 19 13 14 6',
  '15 5 6 5 6 5 6 6 6 5 7 7 6 6 6 5 6 7 6 5 5 6 7 7 7 7 7 15 11 14 13 28',
  '20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23 24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24',
  '22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23 21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23',
  '26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25 19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27',
  '20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23 26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26',
].flatMap((line) => line.split(' ').map(Number));
const LENGTH_MAX = 30;
/** More bits than this at the end are no padding. */
const PADDING_BITS_MAX = 7;

/** Of each length: its first code, how many there are, and where their bytes begin in BYTES. */
const FIRST_CODES: number[] = [];
const COUNTS: number[] = [];
const STARTS: number[] = [];
const BYTES: number[] = [];
for (let length = 0, code = 0; length <= LENGTH_MAX; length++, code *= 2) {
  FIRST_CODES.push(code);
  STARTS.push(BYTES.length);
  for (const [byte, own] of LENGTHS.entries()) if (own === length) BYTES.push(byte);
  COUNTS.push(BYTES.length - STARTS[length]!);
  code += COUNTS[length]!;
}

/** By the next 8 bits: the byte whose code they begin with times 16, and the length of that code; 0 where the code is longer. */
const SHORT = new Uint16Array(256);
for (const [byte, length] of LENGTHS.entries()) {
  if (length > 8) continue;
  const code = FIRST_CODES[length]! + BYTES.indexOf(byte, STARTS[length]) - STARTS[length]!;
  SHORT.fill(byte * 16 + length, code << (8 - length), (code + 1) << (8 - length));
}

/** Latin-1, or undefined where the bytes are no such text. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = '';
  let bits = 0;
  let count = 0;
  let at = start;
  for (;;) {
    while (count <= 16 && at < end) {
      bits = ((bits << 8) | bytes[at++]!) & 0xffffff;
      count += 8;
    }
    if (count < 8) break;
    const short = SHORT[(bits >>> (count - 8)) & 0xff]!;
    if (short !== 0) {
      text += String.fromCharCode(short >>> 4);
      count -= short & 15;
      continue;
    }
    const long = longCode(bytes, at, end, bits, count);
    if (!long) break;
    text += String.fromCharCode(long.byte);
    ({ at, bits, count } = long);
  }
  return remainder(text, bits, count);
}

/** What is left after the last whole look at 8 bits: short codes, then padding of ones. */
function remainder(before: string, bits: number, before8: number): string | undefined {
  let text = before;
  let count = before8;
  while (count > 0) {
    // Filled up with ones, as padding is.
    const padded = count >= 8 ? (bits >>> (count - 8)) & 0xff : ((bits << (8 - count)) | ((1 << (8 - count)) - 1)) & 0xff;
    const short = SHORT[padded]!;
    if (short === 0 || (short & 15) > count) break;
    text += String.fromCharCode(short >>> 4);
    count -= short & 15;
  }
  const ones = (1 << count) - 1;
  return count <= PADDING_BITS_MAX && (bits & ones) === ones ? text : undefined;
}

interface Long {
  byte: number;
  at: number;
  bits: number;
  count: number;
}

/** A code of more than 8 bits, bit by bit. */
function longCode(bytes: Uint8Array, at: number, end: number, bits: number, count: number): Long | undefined {
  let next = at;
  let have = count;
  let held = bits;
  let code = 0;
  for (let length = 1; length <= LENGTH_MAX; length++) {
    if (have === 0) {
      if (next === end) return undefined;
      held = bytes[next++]!;
      have = 8;
    }
    have--;
    code = code * 2 + ((held >>> have) & 1);
    const index = code - FIRST_CODES[length]!;
    if (index >= 0 && index < COUNTS[length]!)
      return { byte: BYTES[STARTS[length]! + index]!, at: next, bits: held & ((1 << have) - 1), count: have };
  }
  return undefined;
}
