// Objects to protobuf, byte for byte as upstream's generated code writes them: non-pointer scalars and structs always,
// pointers when set, maps by key, fields by number (k8s.io/api generated.pb.go, runtime/serializer/protobuf).

import { schemaOfObject } from '../schema/lookup.ts';
import { type MemberNode, type StructNode, structOf, ValueKind, type ValueNode } from '../schema/nodes.ts';
import { ProtobufNotSupported } from './not-supported.ts';
import { decodeDurationNanos, timeParts } from './time.ts';
import { BackwardWriter } from './writer.ts';

type Plain = Record<string, unknown>;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;

export const PROTOBUF_MEDIA_TYPE = 'application/vnd.kubernetes.protobuf';
/** `k8s` and a zero byte start every enveloped object. */
export const PROTOBUF_MAGIC: Uint8Array = Uint8Array.of(0x6b, 0x38, 0x73, 0x00);

/** The object in its envelope (runtime.Unknown). Throws for kinds without a protobuf form, such as custom resources. */
export function encodeProtobuf(object: { apiVersion?: string; kind?: string }, typeName?: string): Uint8Array {
  const node = typeName === undefined ? schemaOfObject(object) : structOf(typeName);
  if (!node || node.members.length === 0) throw new ProtobufNotSupported(object.kind ?? '');
  const writer = new BackwardWriter();
  field(writer, 4, () => {});
  field(writer, 3, () => {});
  field(writer, 2, () => writeStruct(writer, node, object as Plain));
  field(writer, 1, () => {
    field(writer, 2, () => writer.text(object.kind ?? ''));
    field(writer, 1, () => writer.text(object.apiVersion ?? ''));
  });
  writer.bytes(PROTOBUF_MAGIC);
  return writer.finish();
}

/** One frame of a watch stream: four bytes of length and a bare WatchEvent around an object that is encoded already. */
export function encodeProtobufWatchEvent(type: string, object: Uint8Array): Uint8Array {
  const writer = new BackwardWriter();
  field(writer, 2, () => field(writer, 1, () => writer.bytes(object)));
  field(writer, 1, () => writer.text(type));
  const size = writer.length;
  writer.bytes(Uint8Array.of(size >>> 24, (size >>> 16) & 0xff, (size >>> 8) & 0xff, size & 0xff));
  return writer.finish();
}

/** A length-delimited field. The body is written first, since everything goes backwards. */
function field(writer: BackwardWriter, number: number, body: () => void): void {
  const before = writer.length;
  body();
  writer.varint(writer.length - before);
  writer.tag(number, LENGTH);
}

function writeStruct(writer: BackwardWriter, node: StructNode, object: Plain): void {
  const members = node.members;
  for (let i = members.length - 1; i >= 0; i--) {
    const member = members[i]!;
    if (member.inline) field(writer, member.number, () => writeStruct(writer, member.value.struct!, object));
    else writeMember(writer, member, object[member.name]);
  }
}

function writeMember(writer: BackwardWriter, member: MemberNode, value: unknown): void {
  const { number, value: node } = member;
  if (node.kind === ValueKind.list && !node.wrapped) {
    if (value) for (let i = (value as unknown[]).length - 1; i >= 0; i--) writeValue(writer, number, node.item!, (value as unknown[])[i]);
    return;
  }
  if (node.kind === ValueKind.map) {
    if (value) writeMap(writer, number, node, value as Plain);
    return;
  }
  const absent = value === undefined || value === null;
  if (absent && (member.pointer || node.kind === ValueKind.bytes || node.wrapped)) return;
  writeValue(writer, number, node, absent ? undefined : value);
}

function writeMap(writer: BackwardWriter, number: number, node: ValueNode, map: Plain): void {
  const keys = Object.keys(map).sort();
  for (let i = keys.length - 1; i >= 0; i--) {
    field(writer, number, () => {
      writeValue(writer, 2, node.item!, map[keys[i]!]);
      field(writer, 1, () => writer.text(keys[i]!));
    });
  }
}

/** One value with its tag; undefined is Go's zero value. */
function writeValue(writer: BackwardWriter, number: number, node: ValueNode, value: unknown): void {
  switch (node.kind) {
    case ValueKind.bool:
      writer.byte(value ? 1 : 0);
      writer.tag(number, VARINT);
      return;
    case ValueKind.int32:
    case ValueKind.int64:
      writer.varint((value as number) ?? 0);
      writer.tag(number, VARINT);
      return;
    case ValueKind.float:
      writer.double((value as number) ?? 0);
      writer.tag(number, FIXED64);
      return;
    default:
      field(writer, number, () => writeBody(writer, node, value));
      return;
  }
}

function writeBody(writer: BackwardWriter, node: ValueNode, value: unknown): void {
  switch (node.kind) {
    case ValueKind.string:
      writer.text((value as string) ?? '');
      return;
    case ValueKind.bytes:
      writer.bytes(Buffer.from((value as string) ?? '', 'base64'));
      return;
    case ValueKind.struct:
      writeStruct(writer, node.struct!, (value as Plain) ?? {});
      return;
    case ValueKind.list:
      for (let i = ((value as unknown[]) ?? []).length - 1; i >= 0; i--) writeValue(writer, 1, node.item!, (value as unknown[])[i]);
      return;
    default:
      writeSpecial(writer, node, value);
      return;
  }
}

function writeSpecial(writer: BackwardWriter, node: ValueNode, value: unknown): void {
  switch (node.kind) {
    case ValueKind.quantity:
      field(writer, 1, () => writer.text((value as string) ?? '0'));
      return;
    case ValueKind.intOrString: {
      const isText = typeof value === 'string';
      field(writer, 3, () => writer.text(isText ? value : ''));
      writeNumber(writer, 2, isText ? 0 : ((value as number) ?? 0));
      writeNumber(writer, 1, isText ? 1 : 0);
      return;
    }
    case ValueKind.time:
    case ValueKind.microTime: {
      if (value === undefined || value === null) return;
      const { seconds, nanos } = timeParts(value as string);
      writeNumber(writer, 2, nanos);
      writeNumber(writer, 1, seconds);
      return;
    }
    case ValueKind.duration:
      writeNumber(writer, 1, decodeDurationNanos((value as string) ?? '0s'));
      return;
    case ValueKind.raw:
      if (value !== undefined && value !== null) field(writer, 1, () => writer.text(JSON.stringify(value)));
      return;
    default:
      writeSchemaOr(writer, node, value);
      return;
  }
}

function writeNumber(writer: BackwardWriter, number: number, value: number): void {
  writer.varint(value);
  writer.tag(number, VARINT);
}

/** The three unions of JSON schemas (apiextensions/v1 JSONSchemaPropsOr…). */
function writeSchemaOr(writer: BackwardWriter, node: ValueNode, value: unknown): void {
  const schema = typeof value === 'object' && !Array.isArray(value) && value !== null ? (value as Plain) : undefined;
  const writeSchema = (number: number) => {
    if (schema) field(writer, number, () => writeStruct(writer, node.struct!, schema));
  };
  if (node.kind === ValueKind.schemaOrBool) {
    writeSchema(2);
    writeNumber(writer, 1, schema || value === true ? 1 : 0);
    return;
  }
  const list = Array.isArray(value) ? value : [];
  for (let i = list.length - 1; i >= 0; i--) {
    field(writer, 2, () => {
      if (typeof list[i] === 'string') writer.text(list[i]);
      else writeStruct(writer, node.struct!, list[i]);
    });
  }
  writeSchema(1);
}
