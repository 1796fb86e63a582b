// Message types as tables of strings, read on first use: `number name type` for each field, with `*` before a repeated type and
// `map:key:value` for a map.
import { WireType } from '@bufbuild/protobuf/wire';
import { invariant } from '../invariant.ts';

/** `int64` and `uint64` are read as numbers; the kinds with `big` are those whose every digit counts, such as identities. */
export type Scalar = 'string' | 'bytes' | 'bool' | 'int32' | 'int64' | 'bigint64' | 'uint32' | 'uint64' | 'biguint64' | 'double' | 'float';
export type Message = Record<string, unknown>;

export interface Field {
  number: number;
  name: string;
  /** A scalar, or the name of a message. */
  type: string;
  scalar: boolean;
  repeated: boolean;
  mapKey?: Scalar;
}

export interface Type {
  fields: Field[];
  byNumber: Map<number, Field>;
}

export type TypeOf = (name: string) => Type;

export const WIRE: Record<Scalar, WireType> = {
  string: WireType.LengthDelimited,
  bytes: WireType.LengthDelimited,
  bool: WireType.Varint,
  int32: WireType.Varint,
  int64: WireType.Varint,
  bigint64: WireType.Varint,
  uint32: WireType.Varint,
  uint64: WireType.Varint,
  biguint64: WireType.Varint,
  double: WireType.Bit64,
  float: WireType.Bit32,
};

/** Whether many values of the field may stand in one run of bytes. */
export const isPackable = (field: Field): boolean => field.scalar && WIRE[field.type as Scalar] !== WireType.LengthDelimited;

function parseField(text: string): Field {
  const [number, name, rest] = text.split(' ') as [string, string, string];
  const map = /^map:(\w+):(\w+)$/.exec(rest);
  const type = map ? map[2]! : rest.replace('*', '');
  const mapKey = map ? { mapKey: map[1] as Scalar } : {};
  return { number: Number(number), name, type, scalar: type in WIRE, repeated: rest.startsWith('*'), ...mapKey };
}

export function typeTable(messages: Readonly<Record<string, string>>): TypeOf {
  const types = new Map<string, Type>();
  return (name) => {
    const known = types.get(name);
    if (known) return known;
    const text = messages[name];
    invariant(text !== undefined, `no message ${name}`);
    const fields = text === '' ? [] : text.split(',').map(parseField);
    const type = { fields, byNumber: new Map(fields.map((field) => [field.number, field])) };
    types.set(name, type);
    return type;
  };
}
