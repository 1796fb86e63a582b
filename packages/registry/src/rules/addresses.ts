// IP addresses and CIDR blocks as v1.36 checks them: strict for new values (apimachinery util/validation/ip.go with
// StrictIPCIDRValidation). Old values that stay are let through by the callers.
import { fieldError } from '@tiphys/machinery';
import type { Errors } from './errors.ts';

export interface Address {
  family: 4 | 6;
  value: bigint;
  /** Leading zeros, which only the sloppy parser takes. */
  leadingZeros: boolean;
  /** Written as ::ffff:1.2.3.4. Its family is 4, as Go's net.IP has it. */
  mapped: boolean;
}

function parse4(text: string): { value: bigint; leadingZeros: boolean } | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  let leadingZeros = false;
  for (const part of parts) {
    if (!/^\d{1,10}$/.test(part) || Number(part) > 255) return undefined;
    if (part.length > 1 && part.startsWith('0')) leadingZeros = true;
    value = value * 256n + BigInt(Number(part));
  }
  return { value, leadingZeros };
}

function parse6(text: string): { value: bigint; leadingZeros: boolean } | undefined {
  let rest = text;
  let leadingZeros = false;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(rest);
  if (dotted) {
    const low = parse4(dotted[2]!);
    if (!low) return undefined;
    leadingZeros = low.leadingZeros;
    rest = `${dotted[1]}${(low.value >> 16n).toString(16)}:${(low.value & 0xffffn).toString(16)}`;
  }
  const halves = rest.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const count = groups.reduce((sum, half) => sum + half.length, 0);
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined;
  if (groups.flat().some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const full = halves.length === 1 ? groups[0]! : [...groups[0]!, ...new Array<string>(8 - count).fill('0'), ...groups[1]!];
  return { value: full.reduce((sum, group) => sum * 65536n + BigInt(Number.parseInt(group, 16)), 0n), leadingZeros };
}

const MAPPED_PREFIX = 0xffffn << 32n;

/** Reads an address as Go's sloppy parser does; undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const v4 = parse4(text);
    return v4 && { family: 4, ...v4, mapped: false };
  }
  const v6 = parse6(text);
  if (!v6) return undefined;
  if (v6.value >> 32n === 0xffffn) return { family: 4, value: v6.value - MAPPED_PREFIX, leadingZeros: v6.leadingZeros, mapped: true };
  return { family: 6, ...v6, mapped: false };
}

/** The canonical text: dotted quads, or RFC 5952. */
export function addressText(family: 4 | 6, value: bigint): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === '0') length++;
    if (length > best.length) best = { start: i, length };
    if (length) i += length;
  }
  if (best.start < 0) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}

function addressFault(address: Address | undefined): string | undefined {
  if (!address) return 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
  if (address.leadingZeros) return 'must not have leading 0s';
  return address.mapped ? 'must not be an IPv4-mapped IPv6 address' : undefined;
}

/** Why a text is no address in canonical form. */
export function canonicalAddressFault(text: string): string | undefined {
  const address = parseAddress(text);
  const fault = addressFault(address);
  if (fault !== undefined) return fault;
  const canonical = addressText(address!.family, address!.value);
  return text === canonical ? undefined : `must be in canonical form (${JSON.stringify(canonical)})`;
}

/** An address in a field that has always taken sloppy ones; values it held before stay allowed. */
export function checkAddress(errors: Errors, path: string, value: string | undefined, before: readonly string[] = []): Address | undefined {
  const text = value ?? '';
  const address = parseAddress(text);
  if (before.includes(text)) return address;
  const fault = addressFault(address);
  if (fault !== undefined) errors.push(fieldError.invalid(path, text, fault));
  return address;
}

/** An address of a new API: in canonical form only. */
export function checkCanonicalAddress(errors: Errors, path: string, value: string | undefined): Address | undefined {
  const text = value ?? '';
  const fault = canonicalAddressFault(text);
  if (fault !== undefined) errors.push(fieldError.invalid(path, text, fault));
  return parseAddress(text);
}

export interface Block {
  family: 4 | 6;
  /** The address as written, and with the bits beyond the prefix cleared. */
  address: bigint;
  base: bigint;
  prefix: number;
  sloppy: boolean;
  mapped: boolean;
}

/** Reads `address/prefix`; undefined when it is none. */
export function parseBlock(text: string): Block | undefined {
  const slash = text.lastIndexOf('/');
  if (slash < 0) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const prefixText = text.slice(slash + 1);
  if (!address || !/^\d{1,3}$/.test(prefixText)) return undefined;
  const bits = address.family === 4 ? 32 : 128;
  const prefix = Number(prefixText) - (address.mapped ? 96 : 0);
  if (prefix < 0 || prefix > bits) return undefined;
  const shift = BigInt(bits - prefix);
  const sloppy = address.leadingZeros || (prefixText.length > 1 && prefixText.startsWith('0'));
  return {
    family: address.family,
    address: address.value,
    base: (address.value >> shift) << shift,
    prefix,
    sloppy,
    mapped: address.mapped,
  };
}

export const blockText = (block: Block) => `${addressText(block.family, block.base)}/${block.prefix}`;
export const blockHas = (block: Block, address: Address) =>
  block.family === address.family && address.value >> shiftOf(block) === block.base >> shiftOf(block);
const shiftOf = (block: Block) => BigInt((block.family === 4 ? 32 : 128) - block.prefix);

/** A block in a field that has always taken sloppy ones. */
export function checkBlock(errors: Errors, path: string, value: string | undefined, before: readonly string[] = []): Block | undefined {
  const text = value ?? '';
  const block = parseBlock(text);
  if (before.includes(text)) return block;
  if (!block) errors.push(fieldError.invalid(path, text, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'));
  else if (block.sloppy) errors.push(fieldError.invalid(path, text, 'must not have leading 0s in IP or prefix length'));
  else if (block.mapped) errors.push(fieldError.invalid(path, text, 'must not have an IPv4-mapped IPv6 address'));
  else if (block.address !== block.base) errors.push(fieldError.invalid(path, text, 'must not have bits set beyond the prefix length'));
  return block;
}

/** A block of a new API: in canonical form only. */
export function checkCanonicalBlock(errors: Errors, path: string, value: string | undefined): Block | undefined {
  const count = errors.length;
  const block = checkBlock(errors, path, value);
  if (!block || errors.length > count) return block;
  const canonical = blockText(block);
  if (value !== canonical) errors.push(fieldError.invalid(path, value, `must be in canonical form (${JSON.stringify(canonical)})`));
  return block;
}

/** What upstream warns of an address that is valid but not as it should be written. */
export function addressWarnings(path: string, text: string): string[] {
  const address = parseAddress(text);
  if (!address) return [];
  const canonical = addressText(address.family, address.value);
  if (address.leadingZeros || address.mapped) {
    return [`${path}: non-standard IP address ${JSON.stringify(text)} is invalid: use ${JSON.stringify(canonical)}`];
  }
  if (address.family === 6 && canonical !== text) {
    return [`${path}: IPv6 address ${JSON.stringify(text)} should be in RFC 5952 canonical format (${JSON.stringify(canonical)})`];
  }
  return [];
}

/** The same of what a load balancer is reached at. */
export const balancerWarnings = (status: { ingress?: { ip?: string }[] } | undefined): string[] =>
  (status?.ingress ?? []).flatMap(({ ip }, i) => (ip ? addressWarnings(`status.loadBalancer.ingress[${i}]`, ip) : []));

/** What upstream warns of a block that is valid but not as it should be written. */
export function blockWarnings(path: string, text: string): string[] {
  const block = parseBlock(text);
  if (!block) return [];
  const canonical = blockText(block);
  const quoted = JSON.stringify;
  const warnings: string[] = [];
  if (block.address !== block.base) {
    const single = `${addressText(block.family, block.address)}/${block.family === 4 ? 32 : 128}`;
    warnings.push(
      `${path}: CIDR value ${quoted(text)} is ambiguous in this context (should be ${quoted(canonical)} or ${quoted(single)}?)`,
    );
  }
  if (block.sloppy || block.mapped) warnings.push(`${path}: non-standard CIDR value ${quoted(text)} is invalid: use ${quoted(canonical)}`);
  if (!warnings.length && block.family === 6 && canonical !== text) {
    warnings.push(`${path}: IPv6 CIDR value ${quoted(text)} should be in RFC 5952 canonical format (${quoted(canonical)})`);
  }
  return warnings;
}
