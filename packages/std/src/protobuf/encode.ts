// Writes messages as protobuf, field by field. Default values are left out, as proto3 has it.
import { type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type Field, isPackable, type Message, type Scalar, type Type, type TypeOf, WIRE } from './descriptor.ts';

function writeScalar(writer: BinaryWriter, type: Scalar, value: unknown): void {
  // Numbers beyond 2^53 are times in nanoseconds; the lost digits are below a microsecond.
  if (type === 'int64' || type === 'uint64') writer[type](BigInt(Math.round(value as number)));
  else if (type === 'bigint64') writer.int64(value as bigint);
  else if (type === 'biguint64') writer.uint64(value as bigint);
  else (writer[type] as (value: unknown) => unknown)(value);
}

const isDefault = (value: unknown) =>
  value === undefined ||
  value === null ||
  value === '' ||
  value === 0 ||
  value === 0n ||
  value === false ||
  (value instanceof Uint8Array && value.length === 0);

export function messageWriter(typeOf: TypeOf): (writer: BinaryWriter, type: Type, message: Message) => void {
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
      else if (field.repeated && isPackable(field)) writePacked(writer, field, value as unknown[]);
      else if (field.repeated) for (const one of value as unknown[]) writeValue(writer, field, field.number, one);
      else writeValue(writer, field, field.number, value);
    }
  };
  return write;
}
