// Reads messages from protobuf. Unknown fields are skipped; absent fields stay undefined.
import { type BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { type Field, isPackable, type Message, type Scalar, type Type, type TypeOf } from './descriptor.ts';

function readScalar(reader: BinaryReader, type: Scalar): unknown {
  if (type === 'bigint64') return BigInt(reader.int64());
  if (type === 'biguint64') return BigInt(reader.uint64());
  const value = reader[type]();
  return type === 'int64' || type === 'uint64' ? Number(value) : value;
}

export function messageReader(typeOf: TypeOf): (reader: BinaryReader, type: Type, length: number) => Message {
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
    if (!isPackable(field) || wire !== WireType.LengthDelimited) return void into.push(readValue(reader, field));
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
  return read;
}
