// DNS messages in bytes: replies within the client's size limit, and the few places in a forwarded message that change.
// RFC 1035, RFC 6891 (EDNS). Forwarded messages are never decoded, so record types we don't know pass through unharmed.
import { type Answer as DnsRecord, encode, type Packet } from 'dns-packet';

export const UDP_BYTES_PLAIN = 512;
export const UDP_BYTES_MAX = 1232;
export const MESSAGE_BYTES_MAX = 65_535;

export const CODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
export type Code = keyof typeof CODES;

const FLAG_AUTHORITATIVE = 1 << 10;
const FLAG_TRUNCATED = 1 << 9;
const FLAG_RECURSION_DESIRED = 1 << 8;
const FLAG_RECURSION_AVAILABLE = 1 << 7;

export interface Reply {
  code: Code;
  authoritative: boolean;
  answers: DnsRecord[];
  authorities: DnsRecord[];
  additionals: DnsRecord[];
}

interface Opt {
  type: 'OPT';
  udpPayloadSize: number;
}

function optOf(query: Packet): Opt | undefined {
  return query.additionals?.find((record) => record.type === 'OPT') as unknown as Opt | undefined;
}

/** How many bytes the client takes over UDP. */
export function udpBytes(query: Packet): number {
  const offered = optOf(query)?.udpPayloadSize ?? 0;
  return Math.min(Math.max(offered, UDP_BYTES_PLAIN), UDP_BYTES_MAX);
}

/** The reply in at most bytesMax: first without additional records, then cut short with the truncation flag set. */
export function encodeReply(query: Packet, reply: Reply, bytesMax: number): Buffer {
  const opt = optOf(query);
  const own = opt
    ? [{ type: 'OPT', name: '.', udpPayloadSize: UDP_BYTES_MAX, extendedRcode: 0, ednsVersion: 0, flags: 0, flag_do: false, options: [] }]
    : [];
  const make = (answers: DnsRecord[], additionals: DnsRecord[], truncated: boolean) =>
    encode({
      id: query.id ?? 0,
      type: 'response',
      flags:
        CODES[reply.code] |
        (reply.authoritative ? FLAG_AUTHORITATIVE : 0) |
        (truncated ? FLAG_TRUNCATED : 0) |
        ((query.flags ?? 0) & FLAG_RECURSION_DESIRED) |
        FLAG_RECURSION_AVAILABLE,
      questions: query.questions ?? [],
      answers,
      authorities: reply.authorities,
      additionals: [...additionals, ...(own as unknown as DnsRecord[])],
    });
  let bytes = make(reply.answers, reply.additionals, false);
  if (bytes.length > bytesMax) bytes = make(reply.answers, [], false);
  if (bytes.length <= bytesMax) return bytes;
  let low = 0;
  let high = reply.answers.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (make(reply.answers.slice(0, middle), [], true).length <= bytesMax) low = middle;
    else high = middle - 1;
  }
  return make(reply.answers.slice(0, low), [], true);
}

export const idOf = (message: Uint8Array) => (message[0]! << 8) | message[1]!;

export function withId(message: Uint8Array, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

export const isTruncated = (message: Buffer) => (message.readUInt16BE(2) & FLAG_TRUNCATED) !== 0;
export const codeOf = (message: Buffer) => message.readUInt16BE(2) & 0xf;

/** Position after the name at the offset; names end with a zero byte or a pointer. */
function afterName(message: Buffer, start: number): number {
  let offset = start;
  for (;;) {
    const length = message.readUInt8(offset);
    if (length === 0) return offset + 1;
    if ((length & 0xc0) === 0xc0) return offset + 2;
    offset += length + 1;
  }
}

const TYPE_OPT = 41;

/** Where the times to live of all records stand in a message (not that of EDNS, which is none). Throws RangeError for a broken one. */
export function ttlOffsets(message: Buffer): number[] {
  const offsets: number[] = [];
  let offset = 12;
  for (let count = message.readUInt16BE(4); count > 0; count--) offset = afterName(message, offset) + 4;
  for (let count = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10); count > 0; count--) {
    offset = afterName(message, offset);
    if (message.readUInt16BE(offset) !== TYPE_OPT) offsets.push(offset + 4);
    offset += 10 + message.readUInt16BE(offset + 8);
  }
  return offsets;
}

/** The message's question (name, type, class) as bytes, lower case: whether two messages ask the same. */
export function questionKey(message: Buffer): string {
  const end = afterName(message, 12) + 4;
  const hasOpt = message.readUInt16BE(10) > 0 ? 'e' : '';
  return message.subarray(12, end).toString('latin1').toLowerCase() + hasOpt;
}
