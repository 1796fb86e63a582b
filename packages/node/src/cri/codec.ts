// Protobuf for the messages of a descriptor table: the few hundred lines of a full runtime are not needed for CRI, and a table
// of strings that is read on first use costs little memory. Unknown fields are skipped; absent fields stay undefined.
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { invariant } from '@tiphys/std';

type Scalar = 'string' | 'bytes' | 'bool' | 'int32' | 'int64' | 'uint32' | 'uint64' | 'double' | 'float';
type Message = Record<string, unknown>;

interface Field {
  number: number;
  name: string;
  /** A scalar, or the name of a message. */
  type: string;
  scalar: boolean;
  repeated: boolean;
  mapKey?: Scalar;
}

interface Type {
  fields: Field[];
  byNumber: Map<number, Field>;
}

export interface Codec {
  encode(type: string, message: object): Uint8Array;
  decode<T>(type: string, bytes: Uint8Array): T;
}

const WIRE: Record<Scalar, WireType> = {
  string: WireType.LengthDelimited,
  bytes: WireType.LengthDelimited,
  bool: WireType.Varint,
  int32: WireType.Varint,
  int64: WireType.Varint,
  uint32: WireType.Varint,
  uint64: WireType.Varint,
  double: WireType.Bit64,
  float: WireType.Bit32,
};

function parseField(text: string): Field {
  const [number, name, rest] = text.split(' ') as [string, string, string];
  const map = /^map:(\w+):(\w+)$/.exec(rest);
  const type = map ? map[2]! : rest.replace('*', '');
  const mapKey = map ? { mapKey: map[1] as Scalar } : {};
  return { number: Number(number), name, type, scalar: type in WIRE, repeated: rest.startsWith('*'), ...mapKey };
}

function writeScalar(writer: BinaryWriter, type: Scalar, value: unknown): void {
  // Numbers beyond 2^53 are times in nanoseconds; the lost digits are below a microsecond.
  if (type === 'int64' || type === 'uint64') writer[type](BigInt(Math.round(value as number)));
  else (writer[type] as (value: unknown) => unknown)(value);
}

function readScalar(reader: BinaryReader, type: Scalar): unknown {
  const value = reader[type]();
  return type === 'int64' || type === 'uint64' ? Number(value) : value;
}

const isDefault = (value: unknown) =>
  value === undefined ||
  value === null ||
  value === '' ||
  value === 0 ||
  value === false ||
  (value instanceof Uint8Array && value.length === 0);

export function codec(messages: Readonly<Record<string, string>>): Codec {
  const types = new Map<string, Type>();
  const typeOf = (name: string): Type => {
    const known = types.get(name);
    if (known) return known;
    const text = messages[name];
    invariant(text !== undefined, `no message ${name}`);
    const fields = text === '' ? [] : text.split(',').map(parseField);
    const type = { fields, byNumber: new Map(fields.map((field) => [field.number, field])) };
    types.set(name, type);
    return type;
  };

  const writeValue = (writer: BinaryWriter, field: Field, number: number, value: unknown): void => {
    if (field.scalar) {
      writer.tag(number, WIRE[field.type as Scalar]);
      writeScalar(writer, field.type as Scalar, value);
    } else {
      writer.tag(number, WireType.LengthDelimited).fork();
      write(writer, typeOf(field.type), value as Message);
      writer.join();
    }
  };
  const writeMap = (writer: BinaryWriter, field: Field, map: Message): void => {
    for (const [key, value] of Object.entries(map)) {
      writer.tag(field.number, WireType.LengthDelimited).fork();
      writer.tag(1, WIRE[field.mapKey!]);
      writeScalar(writer, field.mapKey!, key);
      writeValue(writer, field, 2, value);
      writer.join();
    }
  };
  const writePacked = (writer: BinaryWriter, field: Field, values: readonly unknown[]): void => {
    if (values.length === 0) return;
    writer.tag(field.number, WireType.LengthDelimited).fork();
    for (const value of values) writeScalar(writer, field.type as Scalar, value);
    writer.join();
  };
  const write = (writer: BinaryWriter, type: Type, message: Message): void => {
    for (const field of type.fields) {
      const value = message[field.name];
      if (isDefault(value)) continue;
      if (field.mapKey) writeMap(writer, field, value as Message);
      else if (field.repeated && field.scalar && WIRE[field.type as Scalar] !== WireType.LengthDelimited)
        writePacked(writer, field, value as unknown[]);
      else if (field.repeated) for (const one of value as unknown[]) writeValue(writer, field, field.number, one);
      else writeValue(writer, field, field.number, value);
    }
  };

  const readValue = (reader: BinaryReader, field: Field): unknown =>
    field.scalar ? readScalar(reader, field.type as Scalar) : read(reader, typeOf(field.type), reader.uint32());
  const readMapEntry = (reader: BinaryReader, field: Field, into: Message): void => {
    const end = reader.uint32() + reader.pos;
    let key: unknown = '';
    let value: unknown;
    while (reader.pos < end) {
      const [number, wire] = reader.tag();
      if (number === 1) key = readScalar(reader, field.mapKey!);
      else if (number === 2) value = readValue(reader, field);
      else reader.skip(wire);
    }
    into[String(key)] = value ?? (field.type === 'string' ? '' : field.scalar ? 0 : {});
  };
  const readRepeated = (reader: BinaryReader, field: Field, wire: WireType, into: unknown[]): void => {
    const packed = field.scalar && wire === WireType.LengthDelimited && WIRE[field.type as Scalar] !== WireType.LengthDelimited;
    if (!packed) return void into.push(readValue(reader, field));
    const end = reader.uint32() + reader.pos;
    while (reader.pos < end) into.push(readScalar(reader, field.type as Scalar));
  };
  const read = (reader: BinaryReader, type: Type, length: number): Message => {
    const end = reader.pos + length;
    const message: Message = {};
    while (reader.pos < end) {
      const [number, wire] = reader.tag();
      const field = type.byNumber.get(number);
      if (!field) reader.skip(wire);
      else if (field.mapKey) {
        message[field.name] ??= {};
        readMapEntry(reader, field, message[field.name] as Message);
      } else if (field.repeated) {
        message[field.name] ??= [];
        readRepeated(reader, field, wire, message[field.name] as unknown[]);
      } else message[field.name] = readValue(reader, field);
    }
    return message;
  };
  return {
    encode: (type, message) => {
      const writer = new BinaryWriter();
      write(writer, typeOf(type), message as Message);
      return writer.finish();
    },
    decode: <T>(type: string, bytes: Uint8Array) => read(new BinaryReader(bytes), typeOf(type), bytes.length) as T,
  };
}
