// Reads DER as Go's parser of certificates does: every wish is either met or not (golang.org/x/crypto/cryptobyte asn1.go).

/** Whole first bytes: class, form and number. */
export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  identifier: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;
/** The first byte of a value that is told by its number alone, and of one that holds others. */
export const numbered = (tag: number): number => 0x80 | tag;
export const numberedHolder = (tag: number): number => 0xa0 | tag;

const NUMBER_FOLLOWS = 0x1f;
const LENGTH_BYTES_MAX = 4;
const ARC_BYTES_MAX = 5;
const ARC_BEFORE_SHIFT_MAX = 2 ** 24;

export interface DerElement {
  tag: number;
  content: Buffer;
  /** With tag and length. */
  full: Buffer;
}

/** How long a value's header and content are; undefined when the bytes don't say so in the shortest way. */
function extentOf(bytes: Buffer): { header: number; length: number } | undefined {
  if (bytes.length < 2 || (bytes[0]! & NUMBER_FOLLOWS) === NUMBER_FOLLOWS) return undefined;
  const first = bytes[1]!;
  if (first < 0x80) return { header: 2, length: first };
  const count = first & 0x7f;
  if (count === 0 || count > LENGTH_BYTES_MAX || bytes.length < 2 + count) return undefined;
  const length = bytes.readUIntBE(2, count);
  return length < 0x80 || bytes[2] === 0 ? undefined : { header: 2 + count, length };
}

/** A place in a row of values. What can't be read answers undefined and leaves the place where it was. */
export class DerCursor {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  get isEmpty(): boolean {
    return this.#rest.length === 0;
  }

  isNext(tag: number): boolean {
    return this.#rest[0] === tag;
  }

  any(): DerElement | undefined {
    const extent = extentOf(this.#rest);
    const end = extent && extent.header + extent.length;
    if (!extent || end! > this.#rest.length) return undefined;
    const full = this.#rest.subarray(0, end);
    this.#rest = this.#rest.subarray(end);
    return { tag: full[0]!, content: full.subarray(extent.header), full };
  }

  element(tag: number): DerElement | undefined {
    return this.isNext(tag) ? this.any() : undefined;
  }

  content(tag: number): Buffer | undefined {
    return this.element(tag)?.content;
  }

  /** The values within one that holds others. */
  inner(tag: number): DerCursor | undefined {
    const content = this.content(tag);
    return content && new DerCursor(content);
  }

  /** Bytes of a number in two's complement, none of them needless. */
  integer(tag: number = DER.integer): Buffer | undefined {
    const bytes = this.content(tag);
    if (!bytes?.length) return undefined;
    const isLong = bytes.length > 1 && ((bytes[0] === 0 && bytes[1]! < 0x80) || (bytes[0] === 0xff && bytes[1]! >= 0x80));
    return isLong ? undefined : bytes;
  }

  boolean(): boolean | undefined {
    const bytes = this.content(DER.boolean);
    return bytes?.length === 1 && (bytes[0] === 0 || bytes[0] === 0xff) ? bytes[0] === 0xff : undefined;
  }

  /** Such as `2.5.4.3`. */
  identifier(): string | undefined {
    const bytes = this.content(DER.identifier);
    return bytes?.length ? dottedOf(bytes) : undefined;
  }

  /** A row of bits that ends with the last byte. */
  bits(): Buffer | undefined {
    const bytes = this.content(DER.bits);
    if (!bytes?.length) return undefined;
    const unused = bytes[0]!;
    const row = bytes.subarray(1);
    if (unused > 7 || (row.length === 0 && unused > 0) || ((row.at(-1) ?? 0) & ((1 << unused) - 1)) !== 0) return undefined;
    if (unused === 0) return row;
    return Buffer.from(row.map((byte, i) => (byte >> unused) | ((row[i - 1] ?? 0) << (8 - unused))));
  }
}

function dottedOf(bytes: Buffer): string | undefined {
  const arcs: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    let value = 0;
    const from = at;
    for (; ; at++) {
      if (at >= bytes.length || at - from >= ARC_BYTES_MAX || value >= ARC_BEFORE_SHIFT_MAX) return undefined;
      const byte = bytes[at]!;
      if (at === from && byte === 0x80) return undefined;
      value = value * 128 + (byte & 0x7f);
      if (byte < 0x80) break;
    }
    at++;
    if (arcs.length > 0) arcs.push(value);
    else arcs.push(...(value < 80 ? [Math.floor(value / 40), value % 40] : [2, value - 80]));
  }
  return arcs.join('.');
}

/** Of a number in two's complement. */
export const isNegative = (integer: Buffer): boolean => integer[0]! >= 0x80;
export const isPositive = (integer: Buffer): boolean => !isNegative(integer) && integer.some((byte) => byte !== 0);
/** Whether it fits into a number of so many bytes, with a sign. */
export const fits = (integer: Buffer, bytes: number): boolean => integer.length <= bytes;
