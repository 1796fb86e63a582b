// Reads ASN.1's distinguished encoding rules value by value and refuses in Go's words (encoding/asn1 parseTagAndLength, parseField).

/** What is wrong with a certificate or a request, in upstream's words. */
export class X509Fault extends Error {}

export const syntaxFault = (why: string): X509Fault => new X509Fault(`asn1: syntax error: ${why}`);
const structureFault = (why: string) => new X509Fault(`asn1: structure error: ${why}`);

export const TAG = { integer: 2, bits: 3, octets: 4, identifier: 6, sequence: 16, set: 17 } as const;
const UNIVERSAL = 0;
const CONTEXT = 2;
const LENGTH_MAX = 1 << 23;
const INTEGER_BYTES_MAX = 8;
const ARC_BYTES_MAX = 4;

export interface DerValue {
  class: number;
  tag: number;
  compound: boolean;
  content: Buffer;
  /** With tag and length. */
  full: Buffer;
}

interface Header extends Pick<DerValue, 'class' | 'tag' | 'compound'> {
  length: number;
  next: number;
}

function lengthAt(bytes: Buffer, at: number): { length: number; next: number } {
  const truncated = () => syntaxFault('truncated tag or length');
  if (at >= bytes.length) throw truncated();
  const first = bytes[at]!;
  if (first < 0x80) return { length: first, next: at + 1 };
  const count = first & 0x7f;
  if (count === 0) throw syntaxFault('indefinite length found (not DER)');
  let length = 0;
  for (let i = 1; i <= count; i++) {
    if (at + i >= bytes.length) throw truncated();
    if (length >= LENGTH_MAX) throw structureFault('length too large');
    length = length * 256 + bytes[at + i]!;
    if (length === 0) throw structureFault('superfluous leading zeros in length');
  }
  if (length < 0x80) throw structureFault('non-minimal length');
  return { length, next: at + 1 + count };
}

/** A number in groups of seven bits. */
function groupedAt(bytes: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; at + i < bytes.length; i++) {
    if (i > ARC_BYTES_MAX) throw structureFault('base 128 integer too large');
    const byte = bytes[at + i]!;
    if (i === 0 && byte === 0x80) throw syntaxFault('integer is not minimally encoded');
    value = value * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (value > 0x7fffffff) throw structureFault('base 128 integer too large');
    return { value, next: at + i + 1 };
  }
  throw syntaxFault('truncated base 128 integer');
}

function headerAt(bytes: Buffer, at: number): Header {
  const first = bytes[at]!;
  let tag = first & 0x1f;
  let next = at + 1;
  if (tag === 0x1f) {
    ({ value: tag, next } = groupedAt(bytes, next));
    if (tag < 0x1f) throw syntaxFault('non-minimal tag');
  }
  return { class: first >> 6, compound: (first & 0x20) !== 0, tag, ...lengthAt(bytes, next) };
}

/** A field as Go declares it: the name of its type, which messages tell, and what it must look like. */
export interface DerField {
  goType: string;
  /** Absent: anything. */
  tag?: number;
  compound?: boolean;
  /** Of the class of context, with that number. */
  isContext?: boolean;
}

function mismatch({ goType, tag, isContext }: DerField, header: Header): X509Fault {
  const { class: of, tag: found, length, compound, next } = header;
  // Go prints an address for a number that the field itself asks for.
  const asked = isContext ? '0x0' : '<nil>';
  return structureFault(
    `tags don't match (${tag} vs {class:${of} tag:${found} length:${length} isCompound:${compound}}) {optional:false explicit:false ` +
      `application:false private:false defaultValue:<nil> tag:${asked} stringType:0 timeType:0 set:false omitEmpty:false} ${goType} @${next}`,
  );
}

/** The values of a compound one, one after the other. */
export class DerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Throws X509Fault. */
  read(field: DerField): DerValue {
    const [bytes, at] = [this.#bytes, this.#at];
    if (this.isDone) throw syntaxFault('sequence truncated');
    const header = headerAt(bytes, at);
    const of = field.isContext ? CONTEXT : UNIVERSAL;
    const isOther = header.class !== of || header.tag !== field.tag || header.compound !== (field.compound ?? false);
    if (field.tag !== undefined && isOther) throw mismatch(field, header);
    const { next, length, class: found, tag, compound } = header;
    if (next + length > bytes.length) throw syntaxFault('data truncated');
    this.#at = next + length;
    return { class: found, tag, compound, content: bytes.subarray(next, this.#at), full: bytes.subarray(at, this.#at) };
  }

  /** All that is left, which must be of the kind that the list holds. */
  readAll(item: DerField): DerValue[] {
    for (let at = this.#at; at < this.#bytes.length; ) {
      const header = headerAt(this.#bytes, at);
      const isOther = header.class !== UNIVERSAL || header.tag !== item.tag || header.compound !== (item.compound ?? false);
      if (item.tag !== undefined && isOther) throw structureFault('sequence tag mismatch');
      at = header.next + header.length;
      if (at > this.#bytes.length) throw syntaxFault('truncated sequence');
    }
    const values: DerValue[] = [];
    while (!this.isDone) values.push(this.read(item));
    return values;
  }

  readSequence(goType: string): DerReader {
    return new DerReader(this.read({ goType, tag: TAG.sequence, compound: true }).content);
  }

  readInteger(): void {
    const { content } = this.read({ goType: 'int', tag: TAG.integer });
    if (content.length === 0) throw structureFault('empty integer');
    const [first, second] = content;
    const isLong = (first === 0 && second! < 0x80) || (first === 0xff && second! >= 0x80);
    if (content.length > 1 && isLong) throw structureFault('integer not minimally-encoded');
    if (content.length > INTEGER_BYTES_MAX) throw structureFault('integer too large');
  }

  /** Such as `2.5.4.3`. */
  readIdentifier(): string {
    const { content } = this.read({ goType: 'ObjectIdentifier', tag: TAG.identifier });
    if (content.length === 0) throw syntaxFault('zero length OBJECT IDENTIFIER');
    const arcs: number[] = [];
    for (let at = 0; at < content.length; ) {
      const { value, next } = groupedAt(content, at);
      if (at > 0) arcs.push(value);
      else arcs.push(...(value < 80 ? [Math.floor(value / 40), value % 40] : [2, value - 80]));
      at = next;
    }
    return arcs.join('.');
  }

  /** Whole bytes; of keys and signatures none is ever partly used. */
  readBits(): Buffer {
    const { content } = this.read({ goType: 'BitString', tag: TAG.bits });
    if (content.length === 0) throw syntaxFault('zero length BIT STRING');
    const unused = content[0]!;
    if (unused > 7 || (content.length === 1 && unused > 0) || (content.at(-1)! & ((1 << unused) - 1)) !== 0)
      throw syntaxFault('invalid padding bits in BIT STRING');
    return content.subarray(1);
  }
}
