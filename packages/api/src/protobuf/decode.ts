// Protobuf to objects. The bytes become what JSON would have held, and that goes through the same normalization as JSON
// does, so both ways in give equal objects.
import { DecodeError } from '../codec/decode-error.ts';
import { NESTING_MAX, normalizeStruct } from '../codec/normalize.ts';
import { measureJson, TooManyValues } from '../codec/values.ts';
import type { KubeObject } from '../object.ts';
import { formatDuration } from '../quantity/duration.ts';
import { schemaOfObject } from '../schema/lookup.ts';
import { type MemberNode, type StructNode, structOf, ValueKind, type ValueNode } from '../schema/nodes.ts';
import { PROTOBUF_MAGIC } from './encode.ts';
import { timeOfParts } from './time.ts';

type Plain = Record<string, unknown>;

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';

/** What may still be read: each field of a message is a value. */
interface Budget {
  left: number;
  readonly valuesMax: number;
}

const budgetOf = (valuesMax = Number.POSITIVE_INFINITY): Budget => ({ left: valuesMax, valuesMax });

class Reader {
  readonly bytes: Buffer;
  readonly budget: Budget;
  position: number;
  readonly end: number;

  constructor(bytes: Buffer, budget: Budget, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.budget = budget;
    this.position = start;
    this.end = end;
  }

  /** The head of a field. */
  tag(): number {
    this.spend(1);
    return this.varint();
  }

  spend(values: number): void {
    this.budget.left -= values;
    if (this.budget.left < 0) throw new TooManyValues(this.budget.valuesMax);
  }

  varint(): number {
    let result = 0;
    let factor = 1;
    const start = this.position;
    for (;;) {
      if (this.position >= this.end) throw new DecodeError('unexpected EOF');
      const byte = this.bytes[this.position++]!;
      result += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      factor *= 128;
      if (this.position - start >= 10) throw new DecodeError('proto: integer overflow');
    }
    return this.position - start > 7 ? this.#exact(start) : result;
  }

  /** Beyond what doubles hold exactly: 64 bits as Go reads an int64. */
  #exact(start: number): number {
    let value = 0n;
    for (let i = start; i < this.position; i++) value |= BigInt(this.bytes[i]! & 0x7f) << BigInt(7 * (i - start));
    return Number(BigInt.asIntN(64, value));
  }

  double(): number {
    if (this.position + 8 > this.end) throw new DecodeError('unexpected EOF');
    this.position += 8;
    return this.bytes.readDoubleLE(this.position - 8);
  }

  /** A length-delimited part. */
  part(): Reader {
    const size = this.varint();
    const start = this.position;
    if (size < 0 || start + size > this.end) throw new DecodeError('unexpected EOF');
    this.position += size;
    return new Reader(this.bytes, this.budget, start, start + size);
  }

  text(): string {
    return this.bytes.toString('utf8', this.position, this.end);
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint();
    else if (wireType === 1) this.position += 8;
    else if (wireType === 2) this.part();
    else if (wireType === 5) this.position += 4;
    else throw new DecodeError(`proto: illegal wireType ${wireType}`);
    if (this.position > this.end) throw new DecodeError('unexpected EOF');
  }
}

const membersByNumber = new WeakMap<StructNode, Map<number, MemberNode>>();

function memberOf(node: StructNode, number: number): MemberNode | undefined {
  let known = membersByNumber.get(node);
  if (!known) {
    known = new Map(node.members.map((member) => [member.number, member]));
    membersByNumber.set(node, known);
  }
  return known.get(number);
}

export const isProtobuf = (bytes: Uint8Array): boolean => bytes.length >= 4 && PROTOBUF_MAGIC.every((byte, i) => bytes[i] === byte);

export interface ProtobufOptions {
  /** Full type name to decode as. Without it the envelope says which. */
  schema?: string;
  /** Throws TooManyValues for more. Default: any number. */
  valuesMax?: number;
}

/** An enveloped object. Throws DecodeError. */
export function decodeProtobuf<T extends KubeObject = KubeObject>(bytes: Uint8Array, options: ProtobufOptions = {}): T {
  if (!isProtobuf(bytes)) throw new DecodeError('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  const budget = budgetOf(options.valuesMax);
  const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), budget, PROTOBUF_MAGIC.length);
  const identity: Plain = {};
  let raw: Reader | undefined;
  while (reader.position < reader.end) {
    const tag = reader.tag();
    if (tag === 0x0a) readIdentity(reader.part(), identity);
    else if (tag === 0x12) raw = reader.part();
    else reader.skip(tag & 7);
  }
  const node = options.schema === undefined ? schemaOfObject(identity) : structOf(options.schema);
  if (!node) throw new DecodeError(`no kind "${identity.kind ?? ''}" is registered for version "${identity.apiVersion ?? ''}"`);
  const object = raw ? readStruct(raw, node, {}, 0) : {};
  return normalizeStruct(node, { ...identity, ...object }, { keys: 0, unknown: 0 }, node.shortName) as T;
}

function readIdentity(reader: Reader, identity: Plain): void {
  while (reader.position < reader.end) {
    const tag = reader.tag();
    if (tag === 0x0a) identity.apiVersion = reader.part().text();
    else if (tag === 0x12) identity.kind = reader.part().text();
    else reader.skip(tag & 7);
  }
}

/** A bare WatchEvent, without the frame's length. */
export function decodeProtobufWatchEvent(bytes: Uint8Array): { type: string; object: KubeObject } {
  const node = structOf(`${META}WatchEvent`);
  const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), budgetOf());
  return readStruct(reader, node, {}, 0) as unknown as { type: string; object: KubeObject };
}

function readStruct(reader: Reader, node: StructNode, out: Plain, depth: number): Plain {
  if (depth > NESTING_MAX) throw new DecodeError('exceeded max depth');
  while (reader.position < reader.end) {
    const tag = reader.tag();
    const member = memberOf(node, Math.floor(tag / 8));
    if (!member) {
      reader.skip(tag & 7);
      continue;
    }
    if ((tag & 7) !== wireTypeOf(member.value)) throw new DecodeError(`proto: wrong wireType = ${tag & 7} for field ${member.name}`);
    if (member.inline) readStruct(reader.part(), member.value.struct!, out, depth + 1);
    else readMember(reader, member, out, depth);
  }
  return out;
}

function wireTypeOf(node: ValueNode): number {
  const value = node.kind === ValueKind.list && !node.wrapped ? node.item! : node;
  if (value.kind === ValueKind.bool || value.kind === ValueKind.int32 || value.kind === ValueKind.int64) return 0;
  return value.kind === ValueKind.float ? 1 : 2;
}

function readMember(reader: Reader, member: MemberNode, out: Plain, depth: number): void {
  const { name, value: node } = member;
  if (node.kind === ValueKind.list && !node.wrapped) {
    out[name] ??= [];
    (out[name] as unknown[]).push(readValue(reader, node.item!, depth));
  } else if (node.kind === ValueKind.map) {
    out[name] ??= {};
    readEntry(reader.part(), node.item!, out[name] as Plain, depth);
  } else out[name] = readValue(reader, node, depth);
}

function readEntry(reader: Reader, item: ValueNode, map: Plain, depth: number): void {
  let key = '';
  let value: unknown = null;
  while (reader.position < reader.end) {
    const tag = reader.tag();
    if (tag >> 3 === 1) key = reader.part().text();
    else if (tag >> 3 === 2) value = readValue(reader, item, depth);
    else reader.skip(tag & 7);
  }
  Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
}

function readValue(reader: Reader, node: ValueNode, depth: number): unknown {
  switch (node.kind) {
    case ValueKind.bool:
      return reader.varint() !== 0;
    case ValueKind.int32:
      return reader.varint() | 0;
    case ValueKind.int64:
      return reader.varint();
    case ValueKind.float:
      return reader.double();
    case ValueKind.string:
      return reader.part().text();
    case ValueKind.bytes: {
      const part = reader.part();
      return part.bytes.toString('base64', part.position, part.end);
    }
    case ValueKind.struct:
      return readStruct(reader.part(), node.struct!, {}, depth + 1);
    default:
      return readSpecial(reader.part(), node, depth);
  }
}

/** Fields of the small hand-made messages: numbers and parts by field number. */
function readLoose(reader: Reader): { numbers: Map<number, number>; parts: [number, Reader][] } {
  const numbers = new Map<number, number>();
  const parts: [number, Reader][] = [];
  while (reader.position < reader.end) {
    const tag = reader.tag();
    if ((tag & 7) === 0) numbers.set(tag >> 3, reader.varint());
    else if ((tag & 7) === 2) parts.push([tag >> 3, reader.part()]);
    else reader.skip(tag & 7);
  }
  return { numbers, parts };
}

function readSpecial(reader: Reader, node: ValueNode, depth: number): unknown {
  if (node.kind === ValueKind.time || node.kind === ValueKind.microTime) {
    if (reader.position === reader.end) return null;
    const { numbers } = readLoose(reader);
    return timeOfParts(numbers.get(1) ?? 0, numbers.get(2) ?? 0, node.kind === ValueKind.microTime);
  }
  const { numbers, parts } = readLoose(reader);
  const first = parts.find(([number]) => number === 1)?.[1];
  switch (node.kind) {
    case ValueKind.quantity:
      return first?.text() ?? '0';
    case ValueKind.intOrString:
      return numbers.get(1) === 1 ? (parts.find(([number]) => number === 3)?.[1].text() ?? '') : (numbers.get(2) ?? 0) | 0;
    case ValueKind.duration:
      return formatDuration((numbers.get(1) ?? 0) / 1e6);
    case ValueKind.list:
      return parts.filter(([number]) => number === 1).map(([, part]) => part.text());
    case ValueKind.raw:
      return first ? readRaw(first) : null;
    default:
      return readSchemaOr(node, numbers, parts, depth);
  }
}

/** Raw parts hold JSON, or another enveloped object. */
function readRaw(reader: Reader): unknown {
  const bytes = reader.bytes.subarray(reader.position, reader.end);
  if (isProtobuf(bytes)) return decodeProtobuf(bytes, { valuesMax: reader.budget.left });
  if (bytes.length === 0) return null;
  reader.spend(measureJson(bytes, NESTING_MAX).values);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new DecodeError('failed to parse RawExtension bytes as JSON');
  }
}

function readSchemaOr(node: ValueNode, numbers: Map<number, number>, parts: [number, Reader][], depth: number): unknown {
  const struct = (part: Reader) => readStruct(part, node.struct!, {}, depth + 1);
  const schemaNumber = node.kind === ValueKind.schemaOrBool ? 2 : 1;
  const schema = parts.find(([number]) => number === schemaNumber)?.[1];
  if (schema) return struct(schema);
  if (node.kind === ValueKind.schemaOrBool) return numbers.get(1) === 1;
  const others = parts.filter(([number]) => number === 2).map(([, part]) => part);
  return others.map((part) => (node.kind === ValueKind.schemaOrStrings ? part.text() : struct(part)));
}
