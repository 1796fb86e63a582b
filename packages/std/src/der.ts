// A writer for ASN.1's distinguished encoding rules (X.690): just what certificates need. It only writes.

const SEQUENCE = 0x30;
const SET = 0x31;

function header(tag: number, length: number): Buffer {
  if (length < 0x80) return Buffer.from([tag, length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest & 0xff);
  return Buffer.from([tag, 0x80 | bytes.length, ...bytes]);
}

/** Tag, length, content. */
export function derValue(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([header(tag, length), ...content]);
}

export const derSequence = (...parts: readonly Uint8Array[]): Buffer => derValue(SEQUENCE, ...parts);
export const derSet = (...parts: readonly Uint8Array[]): Buffer => derValue(SET, ...parts);
export const derBoolean = (value: boolean): Buffer => derValue(0x01, Buffer.from([value ? 0xff : 0]));
export const derOctets = (content: Uint8Array): Buffer => derValue(0x04, content);
export const derText = (text: string): Buffer => derValue(0x0c, Buffer.from(text, 'utf8'));

/** A non-negative integer from big-endian bytes. */
export function derInteger(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const rest = bytes.subarray(start);
  return derValue(0x02, rest[0]! & 0x80 ? Buffer.concat([Buffer.of(0), rest]) : rest);
}

/** Bits from whole bytes; unusedBits of the last byte don't count. */
export const derBits = (bytes: Uint8Array, unusedBits = 0): Buffer => derValue(0x03, Buffer.from([unusedBits]), bytes);

/** An object identifier such as `2.5.4.3`. */
export function derObjectIdentifier(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number) as [number, number, ...number[]];
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let high = Math.floor(arc / 128); high > 0; high = Math.floor(high / 128)) groups.unshift((high & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return derValue(0x06, Buffer.from(bytes));
}

/** UTCTime until 2049, GeneralizedTime after, as RFC 5280 asks. */
export function derTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return Number(digits.slice(0, 4)) < 2050 ? derValue(0x17, Buffer.from(`${digits.slice(2)}Z`)) : derValue(0x18, Buffer.from(`${digits}Z`));
}
