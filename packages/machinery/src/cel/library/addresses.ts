// IP addresses and networks (apiserver pkg/cel/library/{ip,cidr}.go; Go's net/netip).
import { type Declared, free, member } from '../functions.ts';
import { BOOL, INT, opaque, STRING } from '../types.ts';
import { CelError, type OpaqueValue, type Value } from '../values.ts';

export const IP_TYPE = opaque('net.IP');
export const CIDR_TYPE = opaque('net.CIDR');

const MAPPED_V4 = 0xffffn;

export class IpValue implements OpaqueValue {
  readonly typeName = 'net.IP';
  readonly family: 4 | 6;
  readonly bits: bigint;
  constructor(family: 4 | 6, bits: bigint) {
    this.family = family;
    this.bits = bits;
  }
  get size(): number {
    return this.family === 4 ? 4 : 16;
  }
  equals(other: Value): boolean {
    return other instanceof IpValue && this.family === other.family && this.bits === other.bits;
  }
  toString(): string {
    return this.family === 4 ? v4Text(this.bits) : v6Text(this.bits);
  }
}

export class CidrValue implements OpaqueValue {
  readonly typeName = 'net.CIDR';
  readonly ip: IpValue;
  readonly length: number;
  constructor(ip: IpValue, length: number) {
    this.ip = ip;
    this.length = length;
  }
  get size(): number {
    return Math.ceil(this.length / 8);
  }
  get masked(): CidrValue {
    return new CidrValue(new IpValue(this.ip.family, prefix(this.ip, this.length) << this.#hostBits), this.length);
  }
  get #hostBits(): bigint {
    return BigInt((this.ip.family === 4 ? 32 : 128) - this.length);
  }
  contains(ip: IpValue): boolean {
    return ip.family === this.ip.family && prefix(ip, this.length) === prefix(this.ip, this.length);
  }
  equals(other: Value): boolean {
    return other instanceof CidrValue && this.length === other.length && this.ip.equals(other.ip);
  }
  toString(): string {
    return `${this.ip}/${this.length}`;
  }
}

const prefix = ({ family, bits }: IpValue, length: number) => bits >> BigInt((family === 4 ? 32 : 128) - length);

const v4Text = (bits: bigint) => [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 0xffn)).join('.');

function v6Text(bits: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((bits >> BigInt(112 - 16 * i)) & 0xffffn));
  let best = { from: -1, length: 1 };
  for (let from = 0; from < 8; from++) {
    let length = 0;
    while (from + length < 8 && groups[from + length] === 0) length++;
    if (length > best.length) best = { from, length };
  }
  const text = (list: number[]) => list.map((group) => group.toString(16)).join(':');
  return best.from < 0 ? text(groups) : `${text(groups.slice(0, best.from))}::${text(groups.slice(best.from + best.length))}`;
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function parseV6(text: string): bigint | undefined {
  let whole = text;
  const last = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (last) {
    const v4 = parseV4(last[2]!);
    if (v4 === undefined) return undefined;
    whole = `${last[1]}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
  }
  const halves = whole.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const groups = tail ? [...head!, ...Array(Math.max(0, 8 - head!.length - tail.length)).fill('0'), ...tail] : head!;
  if (groups.length !== 8 || (tail && head!.length + tail.length > 7)) return undefined;
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** With a zone or without. */
export const isAddressOfSix = (text: string): boolean => parseV6(text.replace(/%.+$/s, '')) !== undefined;

/** The address, or upstream's words for what is wrong with it. */
function parse(text: string): IpValue | string {
  const quoted = JSON.stringify(text);
  if (text.includes(':')) {
    const [address, zone] = text.split('%');
    const bits = parseV6(address!);
    if (bits === undefined)
      return `IP Address ${quoted} parse error during conversion from string: ParseAddr(${quoted}): unable to parse IP`;
    if (zone !== undefined) return `IP address ${quoted} with zone value is not allowed`;
    if (bits >> 32n === MAPPED_V4) return `IPv4-mapped IPv6 address ${quoted} is not allowed`;
    return new IpValue(6, bits);
  }
  const bits = parseV4(text);
  return bits === undefined
    ? `IP Address ${quoted} parse error during conversion from string: ParseAddr(${quoted}): unable to parse IP`
    : new IpValue(4, bits);
}

function ip(text: string): IpValue {
  const parsed = parse(text);
  if (typeof parsed === 'string') throw new CelError(parsed);
  return parsed;
}

function parseCidr(text: string): CidrValue | string {
  const failed = (why: string) =>
    `network address parse error during conversion from string: netip.ParsePrefix(${JSON.stringify(text)}): ${why}`;
  const slash = text.lastIndexOf('/');
  if (slash < 0) return failed("no '/'");
  const address = parse(text.slice(0, slash));
  if (typeof address === 'string') {
    return address.startsWith('IPv4-mapped')
      ? `IPv4-mapped IPv6 address ${JSON.stringify(text)} is not allowed`
      : failed('unable to parse IP');
  }
  const length = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(length)) return failed(`bad bits after slash: ${JSON.stringify(length)}`);
  if (Number(length) > (address.family === 4 ? 32 : 128)) return failed('prefix length out of range');
  return new CidrValue(address, Number(length));
}

function cidr(text: string): CidrValue {
  const parsed = parseCidr(text);
  if (typeof parsed === 'string') throw new CelError(`network address parse error during conversion from string: ${parsed}`);
  return parsed;
}

/** The address that a text says, for programs; undefined when it is none. */
export function readAddress(text: string): IpValue | undefined {
  const address = parse(text);
  return typeof address === 'string' ? undefined : address;
}

/** The network that a text such as 10.0.0.0/8 says. */
export function readNetwork(text: string): CidrValue | undefined {
  const network = parseCidr(text);
  return typeof network === 'string' ? undefined : network;
}

const top = ({ family, bits }: IpValue, count: number) => bits >> BigInt((family === 4 ? 32 : 128) - count);
const isUnspecified = ({ bits }: IpValue) => bits === 0n;
const isLoopback = (address: IpValue) => (address.family === 4 ? top(address, 8) === 127n : address.bits === 1n);
const isMulticast = (address: IpValue) => (address.family === 4 ? top(address, 4) === 0xen : top(address, 8) === 0xffn);
const isLinkLocalMulticast = (address: IpValue) =>
  address.family === 4 ? top(address, 24) === 0xe00000n : (top(address, 16) & 0xff0fn) === 0xff02n;
const isLinkLocalUnicast = (address: IpValue) => (address.family === 4 ? top(address, 16) === 0xa9fen : top(address, 10) === 0x3fan);
const isBroadcast = ({ family, bits }: IpValue) => family === 4 && bits === 0xffffffffn;

const isGlobalUnicast = (address: IpValue) =>
  !isUnspecified(address) && !isBroadcast(address) && !isLoopback(address) && !isMulticast(address) && !isLinkLocalUnicast(address);

const covers = (outer: CidrValue, inner: CidrValue) => outer.length <= inner.length && outer.contains(inner.ip);
const question = (name: string, id: string, answer: (address: IpValue) => boolean) => member(name, id, [IP_TYPE], BOOL, answer);

export const ADDRESSES: readonly Declared[] = [
  free('ip', 'string_to_ip', [STRING], IP_TYPE, ip),
  member('family', 'ip_family', [IP_TYPE], INT, (address: IpValue) => BigInt(address.family)),
  free('ip.isCanonical', 'ip_is_canonical', [STRING], BOOL, (text: string) => ip(text).toString() === text),
  question('isUnspecified', 'ip_is_unspecified', isUnspecified),
  question('isLoopback', 'ip_is_loopback', isLoopback),
  question('isLinkLocalMulticast', 'ip_is_link_local_multicast', isLinkLocalMulticast),
  question('isLinkLocalUnicast', 'ip_is_link_local_unicast', isLinkLocalUnicast),
  question('isGlobalUnicast', 'ip_is_global_unicast', isGlobalUnicast),
  free('isIP', 'is_ip', [STRING], BOOL, (text: string) => typeof parse(text) !== 'string'),
  free('string', 'ip_to_string', [IP_TYPE], STRING, String),
  free('cidr', 'string_to_cidr', [STRING], CIDR_TYPE, cidr),
  member('containsIP', 'cidr_contains_ip_string', [CIDR_TYPE, STRING], BOOL, (net: CidrValue, text: string) => net.contains(ip(text))),
  member('containsIP', 'cidr_contains_ip_ip', [CIDR_TYPE, IP_TYPE], BOOL, (net: CidrValue, address: IpValue) => net.contains(address)),
  member('containsCIDR', 'cidr_contains_cidr_string', [CIDR_TYPE, STRING], BOOL, (net: CidrValue, text: string) => covers(net, cidr(text))),
  member('containsCIDR', 'cidr_contains_cidr', [CIDR_TYPE, CIDR_TYPE], BOOL, covers),
  member('ip', 'cidr_ip', [CIDR_TYPE], IP_TYPE, (net: CidrValue) => net.ip),
  member('prefixLength', 'cidr_prefix_length', [CIDR_TYPE], INT, (net: CidrValue) => BigInt(net.length)),
  member('masked', 'cidr_masked', [CIDR_TYPE], CIDR_TYPE, (net: CidrValue) => net.masked),
  free('isCIDR', 'is_cidr', [STRING], BOOL, (text: string) => typeof parseCidr(text) !== 'string'),
  free('string', 'cidr_to_string', [CIDR_TYPE], STRING, String),
];
