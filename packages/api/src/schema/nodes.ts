// The linked form of the schema tables: one node per type, made when first asked for. It joins the OpenAPI facts
// (types.json) with what only Go's sources say (go-types.json: field order, pointers, omitempty, protobuf numbers).
import { invariant } from '@tiphys/std';
import goTypes from '../generated/go-types.json' with { type: 'json' };
import facts from '../generated/types.json' with { type: 'json' };
import type { FieldSchema, SchemaTable, TypeSchema } from '../schema.ts';

/** What a value is on the wire. Numbers, because the codecs switch on them for every value. */
export const ValueKind = {
  string: 0,
  bool: 1,
  int32: 2,
  int64: 3,
  float: 4,
  bytes: 5,
  struct: 6,
  list: 7,
  map: 8,
  quantity: 9,
  intOrString: 10,
  time: 11,
  microTime: 12,
  duration: 13,
  /** Any JSON, kept as it is: RawExtension, FieldsV1, apiextensions JSON. */
  raw: 14,
  any: 15,
  schemaOrBool: 16,
  schemaOrArray: 17,
  schemaOrStrings: 18,
} as const;
export type ValueKind = (typeof ValueKind)[keyof typeof ValueKind];

export interface ValueNode {
  readonly kind: ValueKind;
  /** As Go's reflection prints it, for messages: `int32`, `v1.RestartPolicy`, `[]v1.Container`. */
  readonly goType: string;
  /** Element of a list or value of a map. */
  readonly item?: ValueNode;
  /** A named Go slice, which protobuf wraps into a message of its own. */
  readonly wrapped: boolean;
  /** Linked when first used, since types refer to themselves. */
  readonly struct?: StructNode;
}

export interface FieldNode {
  readonly name: string;
  readonly value: ValueNode;
  readonly pointer: boolean;
  readonly omitEmpty: boolean;
  readonly omitZero: boolean;
  /** Go names of the inlined structs the field sits in, outermost first. */
  readonly embedded: readonly string[];
  readonly facts: FieldSchema | undefined;
  /** In the list of its type's fields. */
  readonly position: number;
  /** Go prints it even where it is missing: its tag has no omitempty, or it is a struct. */
  readonly isAlwaysTold: boolean;
}

/** Whether Go prints a field that has no value. */
function isAlwaysTold({ value: { kind }, pointer, omitEmpty, omitZero }: Omit<FieldNode, 'position' | 'isAlwaysTold'>): boolean {
  if (pointer || kind < ValueKind.struct || kind === ValueKind.list || kind === ValueKind.map) return !omitEmpty;
  return !omitZero && !(kind === ValueKind.any && omitEmpty);
}

/** A field as protobuf sees it: inlined structs are messages of their own there. */
export interface MemberNode {
  readonly number: number;
  readonly name: string;
  readonly value: ValueNode;
  readonly pointer: boolean;
  readonly inline: boolean;
}

type GoRow = [name: string, flags: string, number: number, type: string];
type GoType = string | ('kind' | GoRow)[];

const names = goTypes.names as string[];
const table = goTypes.types as unknown as GoType[];
const schemaTable = facts as unknown as SchemaTable;

const OPAQUE: Record<string, ValueKind> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': ValueKind.quantity,
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': ValueKind.intOrString,
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': ValueKind.time,
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': ValueKind.microTime,
  'io.k8s.apimachinery.pkg.apis.meta.v1.Duration': ValueKind.duration,
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1': ValueKind.raw,
  'io.k8s.apimachinery.pkg.runtime.RawExtension': ValueKind.raw,
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': ValueKind.raw,
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': ValueKind.schemaOrBool,
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': ValueKind.schemaOrArray,
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': ValueKind.schemaOrStrings,
};
const JSON_SCHEMA_PROPS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';

const SCALARS: Record<string, ValueKind> = {
  string: ValueKind.string,
  bool: ValueKind.bool,
  int32: ValueKind.int32,
  int64: ValueKind.int64,
  float64: ValueKind.float,
  bytes: ValueKind.bytes,
  any: ValueKind.any,
};

let indexOfName: Map<string, number> | undefined;
const nodes = new Map<string, StructNode>();
const values = new Map<string, ValueNode>();

function index(): Map<string, number> {
  indexOfName ??= new Map(names.map((name, position) => [name, position]));
  return indexOfName;
}

const lastTwo = (name: string) => name.split('.').slice(-2).join('.');

class LinkedValue implements ValueNode {
  readonly kind: ValueKind;
  readonly goType: string;
  readonly item?: ValueNode;
  readonly wrapped: boolean;
  readonly #structName: string | undefined;
  #struct: StructNode | undefined;

  constructor(kind: ValueKind, goType: string, options: { item?: ValueNode; structName?: string; wrapped?: boolean } = {}) {
    this.kind = kind;
    this.goType = goType;
    this.item = options.item;
    this.wrapped = options.wrapped ?? false;
    this.#structName = options.structName;
  }

  get struct(): StructNode | undefined {
    if (this.#struct === undefined && this.#structName !== undefined) this.#struct = structOf(this.#structName);
    return this.#struct;
  }
}

/** `text` in the notation of go-types.json, without a leading `*`. */
function valueNode(text: string): ValueNode {
  let node = values.get(text);
  if (!node) {
    node = makeValue(text);
    values.set(text, node);
  }
  return node;
}

function makeValue(text: string): ValueNode {
  if (text.startsWith('[]')) {
    const item = valueNode(text.slice(2));
    return new LinkedValue(ValueKind.list, `[]${item.goType}`, { item });
  }
  const map = /^map\[([^\]]+)\](.+)$/.exec(text);
  if (map) {
    const item = valueNode(map[2]!);
    return new LinkedValue(ValueKind.map, `map[${map[1]!.split(':')[0]}]${item.goType}`, { item });
  }
  if (text.startsWith('>')) return referenceTo(names[Number(text.slice(1))]!);
  const [named, scalar = named] = text.split(':');
  const kind = SCALARS[scalar!];
  invariant(kind !== undefined, `the Go table holds an unknown type ${text}`);
  return new LinkedValue(kind, named === 'bytes' ? '[]uint8' : named === 'any' ? 'interface {}' : named!);
}

function referenceTo(name: string): ValueNode {
  const opaque = OPAQUE[name];
  if (opaque !== undefined) {
    return new LinkedValue(opaque, lastTwo(name), opaque >= ValueKind.schemaOrBool ? { structName: JSON_SCHEMA_PROPS } : {});
  }
  const type = table[index().get(name)!]!;
  if (typeof type !== 'string') return new LinkedValue(ValueKind.struct, lastTwo(name), { structName: name });
  const alias = valueNode(type);
  if (alias.kind === ValueKind.struct) return alias;
  return new LinkedValue(alias.kind, lastTwo(name), { item: alias.item, wrapped: type === '[]string' });
}

export class StructNode {
  /** `io.k8s.api.core.v1.Pod`. */
  readonly name: string;
  /** `PodSpec`. */
  readonly shortName: string;
  /** Has apiVersion and kind. */
  readonly isKind: boolean;
  readonly schema: TypeSchema | undefined;
  readonly #rows: readonly GoRow[];
  #fields: readonly FieldNode[] | undefined;
  #byName: ReadonlyMap<string, FieldNode> | undefined;
  #alwaysTold: readonly FieldNode[] | undefined;
  #members: readonly MemberNode[] | undefined;

  constructor(name: string, rows: readonly ('kind' | GoRow)[]) {
    this.name = name;
    this.shortName = name.slice(name.lastIndexOf('.') + 1);
    this.schema = schemaTable[name];
    this.isKind = rows[0] === 'kind';
    this.#rows = rows.filter((row) => row !== 'kind');
  }

  /** In Go's order, with inlined structs' fields in their place; without kind and apiVersion. */
  get fields(): readonly FieldNode[] {
    this.#fields ??= this.#rows.flatMap((row) => this.#flatten(row)).map((field, position) => ({ ...field, position }));
    return this.#fields;
  }

  get alwaysTold(): readonly FieldNode[] {
    this.#alwaysTold ??= this.fields.filter((field) => field.isAlwaysTold);
    return this.#alwaysTold;
  }

  get byName(): ReadonlyMap<string, FieldNode> {
    this.#byName ??= new Map(this.fields.map((field) => [field.name, field]));
    return this.#byName;
  }

  /** In the order of protobuf numbers. */
  get members(): readonly MemberNode[] {
    this.#members ??= this.#rows
      .map(([name, flags, number, type]) => {
        const pointer = type.startsWith('*');
        return { name, number, pointer, inline: flags.includes('i'), value: valueNode(pointer ? type.slice(1) : type) };
      })
      .filter((member) => member.number > 0)
      .sort((a, b) => a.number - b.number);
    return this.#members;
  }

  #flatten([name, flags, , type]: GoRow): Omit<FieldNode, 'position'>[] {
    const pointer = type.startsWith('*');
    const value = valueNode(pointer ? type.slice(1) : type);
    if (flags.includes('i')) {
      const inner = value.struct!;
      return inner.fields.map((field) => ({
        ...field,
        embedded: [name, ...field.embedded],
        facts: this.schema?.fields?.[field.name] ?? field.facts,
      }));
    }
    const omit = { omitEmpty: flags.includes('o'), omitZero: flags.includes('z') };
    const field = { name, value, pointer, ...omit, embedded: [], facts: this.schema?.fields?.[name] };
    return [{ ...field, isAlwaysTold: isAlwaysTold(field) }];
  }
}

/** The node of a type by its full name, or undefined for types that aren't structs or aren't known. */
export function findStruct(name: string): StructNode | undefined {
  const known = nodes.get(name);
  if (known) return known;
  const position = index().get(name);
  if (position === undefined || OPAQUE[name] !== undefined) return undefined;
  const type = table[position]!;
  if (typeof type === 'string') return type.startsWith('>') ? findStruct(names[Number(type.slice(1))]!) : undefined;
  const node = new StructNode(name, type);
  nodes.set(name, node);
  return node;
}

export function structOf(name: string): StructNode {
  const node = findStruct(name);
  invariant(node, `no type ${name} in the schema tables`);
  return node;
}

export const allTypeNames: readonly string[] = names;
export const schemaFacts: SchemaTable = schemaTable;
