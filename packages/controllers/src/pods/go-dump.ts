// Writes an API value as Go's spew library prints it with types, sorted keys and no addresses (k8s.io/utils/dump ForHash),
// as it is after a trip over protobuf: what is empty is nil. Upstream hashes this text, so every character counts.
import { type FieldNode, type StructNode, ValueKind, type ValueNode } from '@tiphys/api';
import { goFieldName } from './go-field-names.ts';
import { goQuantity } from './go-quantity.ts';

/** `time.Time` of the zero Time. Templates carry no other: the location of one is an address in upstream's program. */
const ZERO_TIME = '{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}';

const ZEROS: Partial<Record<ValueKind, unknown>> = {
  [ValueKind.string]: '',
  [ValueKind.bool]: false,
  [ValueKind.int32]: 0,
  [ValueKind.int64]: 0,
  [ValueKind.float]: 0,
  [ValueKind.quantity]: '0',
  [ValueKind.intOrString]: 0,
};

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

function intOrString(value: unknown): string {
  const isText = typeof value === 'string';
  return `{Type:(intstr.Type)${isText ? 1 : 0} IntVal:(int32)${isText ? 0 : value} StrVal:(string)${isText ? value : ''}}`;
}

/** The value without its type. */
function bare(node: ValueNode, given: unknown): string {
  const value = given ?? ZEROS[node.kind];
  switch (node.kind) {
    case ValueKind.struct:
      return structure(node.struct!, (value ?? {}) as Record<string, unknown>);
    case ValueKind.list: {
      const items = (value ?? []) as readonly unknown[];
      return items.length === 0 ? '<nil>' : `[${items.map((item) => bare(node.item!, item)).join(' ')}]`;
    }
    case ValueKind.map: {
      const entries = Object.entries((value ?? {}) as Record<string, unknown>).sort(([a], [b]) => byBytes(a, b));
      return entries.length === 0 ? '<nil>' : `map[${entries.map(([key, item]) => `${key}:${bare(node.item!, item)}`).join(' ')}]`;
    }
    case ValueKind.quantity:
      return goQuantity(String(value));
    case ValueKind.intOrString:
      return intOrString(value);
    case ValueKind.time:
      return ZERO_TIME;
    default:
      return String(value);
  }
}

function typed(field: FieldNode, value: unknown): string {
  const { goType } = field.value;
  if (!field.pointer) return `(${goType})${bare(field.value, value)}`;
  return `(*${goType})${value === undefined || value === null ? '<nil>' : bare(field.value, value)}`;
}

function members(struct: StructNode, fields: readonly FieldNode[], value: Record<string, unknown>, depth: number): string {
  const parts: string[] = [];
  for (let at = 0; at < fields.length; ) {
    const field = fields[at]!;
    const inlined = field.embedded[depth];
    if (inlined === undefined) {
      parts.push(`${goFieldName(struct.shortName, field.name)}:${typed(field, value[field.name])}`);
      at++;
      continue;
    }
    // Inlined structs are fields of their own in Go.
    let end = at;
    while (fields[end]?.embedded[depth] === inlined) end++;
    parts.push(`${inlined}:(v1.${inlined})${members(struct, fields.slice(at, end), value, depth + 1)}`);
    at = end;
  }
  return `{${parts.join(' ')}}`;
}

const structure = (struct: StructNode, value: Record<string, unknown>): string => members(struct, struct.fields, value, 0);

/** `(v1.PodTemplateSpec){…}`. */
export const goDump = (struct: StructNode, value: object): string =>
  `(${struct.name.split('.').slice(-2).join('.')})${structure(struct, value as Record<string, unknown>)}`;
