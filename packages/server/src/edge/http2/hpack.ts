// Headers as HTTP/2 sends them (RFC 7541). What comes is read with its table of what came before; what is sent refers to nothing
// sent before: headers of answers are few and short, and tables on both sides cost more than they save.
import { decodeHuffman } from './huffman.ts';

/** What the other side may let us remember, which is the default of SETTINGS_HEADER_TABLE_SIZE. */
const TABLE_BYTES_MAX = 4096;
/** Counted for each header beside its text. */
export const HEADER_OVERHEAD_BYTES = 32;
const LENGTH_OCTETS_MAX = 5;

export type Header = readonly [name: string, value: string];

const STATIC: readonly Header[] = [
  ':authority',
  ':method GET',
  ':method POST',
  ':path /',
  ':path /index.html',
  ':scheme http',
  ':scheme https',
  ...[200, 204, 206, 304, 400, 404, 500].map((status) => `:status ${status}`),
  'accept-charset',
  'accept-encoding gzip, deflate',
  ...'accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control'.split(' '),
  ...'content-disposition content-encoding content-language content-length content-location content-range content-type'.split(' '),
  ...'cookie date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since'.split(' '),
  ...'last-modified link location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after'.split(' '),
  ...'server set-cookie strict-transport-security transfer-encoding user-agent vary via www-authenticate'.split(' '),
].map((line) => {
  const space = line.indexOf(' ');
  return space === -1 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
});

/** The block can't be read, and so can none after it. */
export class CompressionError extends Error {
  override name = 'CompressionError';
}

/** Reads the blocks of one connection, in order. */
export class HeaderReader {
  readonly #bytesMax: number;
  /** The youngest last. */
  readonly #table: Header[] = [];
  #tableBytes = 0;
  #tableBytesMax = TABLE_BYTES_MAX;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** `bytesMax`: of one block's headers; those beyond it are left out. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** `cut` where there were more than fit. Throws CompressionError. */
  read(block: Buffer): { headers: Header[]; cut: boolean } {
    this.#block = block;
    this.#at = 0;
    const headers: Header[] = [];
    let bytes = 0;
    while (this.#at < block.length) {
      const header = this.#next(headers.length === 0);
      if (!header) continue;
      bytes += sizeOf(header);
      if (bytes <= this.#bytesMax) headers.push(header);
    }
    return { headers, cut: bytes > this.#bytesMax };
  }

  /** Undefined: it was about the table. */
  #next(isFirst: boolean): Header | undefined {
    const first = this.#block[this.#at]!;
    if (first >= 0x80) return this.#known(this.#integer(7));
    if (first >= 0x40) return this.#remember(this.#literal(6));
    if (first < 0x20) return this.#literal(4);
    const size = this.#integer(5);
    if (!isFirst || size > TABLE_BYTES_MAX) throw new CompressionError('the table may not get this size');
    this.#tableBytesMax = size;
    this.#shrink();
    return undefined;
  }

  #literal(prefixBits: number): Header {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#text() : this.#known(index)[0];
    return [name, this.#text()];
  }

  #known(index: number): Header {
    const header = index <= STATIC.length ? STATIC[index - 1] : this.#table[this.#table.length - (index - STATIC.length)];
    if (!header) throw new CompressionError(`there is no header ${index}`);
    return header;
  }

  #remember(header: Header): Header {
    this.#table.push(header);
    this.#tableBytes += sizeOf(header);
    this.#shrink();
    return header;
  }

  #shrink(): void {
    let gone = 0;
    while (this.#tableBytes > this.#tableBytesMax) this.#tableBytes -= sizeOf(this.#table[gone++]!);
    if (gone > 0) this.#table.splice(0, gone);
  }

  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#octet() & mask;
    if (value < mask) return value;
    for (let octets = 0, factor = 1; octets < LENGTH_OCTETS_MAX; octets++, factor *= 128) {
      const octet = this.#octet();
      value += (octet & 127) * factor;
      if (octet < 128) return value;
    }
    throw new CompressionError('a number is too large');
  }

  #octet(): number {
    if (this.#at >= this.#block.length) throw new CompressionError('the block ends too early');
    return this.#block[this.#at++]!;
  }

  #text(): string {
    const isCoded = this.#at < this.#block.length && this.#block[this.#at]! >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#block.length) throw new CompressionError('the block ends too early');
    if (!isCoded) return this.#block.toString('latin1', start, this.#at);
    const text = decodeHuffman(this.#block, start, this.#at);
    if (text === undefined) throw new CompressionError('text that is not in the code');
    return text;
  }
}

const sizeOf = ([name, value]: Header) => name.length + value.length + HEADER_OVERHEAD_BYTES;

/** Of the most usual answers, by status: indices of whole headers. */
const STATUSES = new Map(STATIC.flatMap(([name, value], i) => (name === ':status' ? [[Number(value), 0x80 + i + 1] as const] : [])));
const STATUS_NAME = STATIC.findIndex(([name]) => name === ':status') + 1;
/** Tells that nothing is to be remembered of what we send. */
const NO_TABLE = 0x20;

/** The block with a status and headers, whose names must be in small letters. */
export function headerBlock(status: number, headers: readonly Header[]): Buffer {
  let bytesMax = 8;
  for (const [name, value] of headers) bytesMax += name.length + value.length + 2 * LENGTH_OCTETS_MAX;
  const block = Buffer.allocUnsafe(bytesMax);
  let at = 0;
  block[at++] = NO_TABLE;
  const index = STATUSES.get(status);
  if (index !== undefined) block[at++] = index;
  else {
    block[at++] = STATUS_NAME;
    at = writeText(block, at, String(status));
  }
  for (const [name, value] of headers) {
    block[at++] = 0;
    at = writeText(block, at, name);
    at = writeText(block, at, value);
  }
  return block.subarray(0, at);
}

function writeText(block: Buffer, start: number, text: string): number {
  let at = start;
  if (text.length < 127) block[at++] = text.length;
  else {
    block[at++] = 127;
    let rest = text.length - 127;
    for (; rest >= 128; rest = Math.floor(rest / 128)) block[at++] = (rest & 127) | 128;
    block[at++] = rest;
  }
  return at + block.write(text, at, 'latin1');
}
