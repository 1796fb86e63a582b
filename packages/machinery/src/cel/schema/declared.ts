// Types and values of structural schemas (apiserver pkg/cel/common/{schemas,valuesunstructured}.go, pkg/cel/types.go).
import { goTypeOf } from '../../go-text.ts';
import { additionalSchema, type JsonSchema } from '../../schema/json-schema.ts';
import { parseDurationText, parseTimestampText } from '../time-text.ts';
import { BOOL, BYTES, type CelType, DOUBLE, DURATION, DYN, INT, listOf, mapOf, STRING, struct, TIMESTAMP } from '../types.ts';
import { CelError, CelMap, Duration, fromJson, JsonList, JsonMap, Timestamp, type Value } from '../values.ts';
import { escapeName } from './escaping.ts';
import { KeyedList, SetList } from './lists.ts';

const REQUEST_BYTES_MAX = 3 * 1024 * 1024;
const DATE_TIME_LENGTH_MAX = 32;
const DATE_LENGTH = 12;
const BYTES_PER_CHARACTER_MAX = 4;

/** What a schema means to expressions, and how large its values may get. */
export interface DeclaredType {
  readonly type: CelType;
  readonly convert: (raw: unknown) => Value;
  /** Items, entries or characters; 0 for values of fixed size. */
  readonly elementsMax: number;
  /** The fewest bytes of JSON it takes. */
  readonly sizeMin: number;
  /** By escaped name. */
  readonly fields?: ReadonlyMap<string, DeclaredType>;
  /** Of lists' items and maps' values. */
  readonly element?: DeclaredType;
}

const TYPE_AND_METADATA: JsonSchema['properties'] = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
  metadata: { type: 'object', properties: { name: { type: 'string' }, generateName: { type: 'string' } } },
};

/** With what every object has. */
export function withTypeAndMetadata(schema: JsonSchema): JsonSchema {
  return { ...schema, properties: { ...schema.properties, ...TYPE_AND_METADATA } };
}

/** undefined: expressions do not see values of this schema. `name` must be unique to the place. */
export function declaredType(schema: JsonSchema, isRoot: boolean, name: string): DeclaredType | undefined {
  const nullable = schema.nullable === true;
  const declared = schema['x-kubernetes-int-or-string'] ? intOrString(schema) : byType(isRoot ? withTypeAndMetadata(schema) : schema, name);
  if (!declared) return undefined;
  const { convert } = declared;
  const guarded = (raw: unknown): Value => {
    if (raw !== null && raw !== undefined) return convert(raw);
    if (nullable) return null;
    throw new CelError('invalid data, got null for schema with nullable=false');
  };
  return { ...declared, convert: guarded };
}

function intOrString({ maxLength }: JsonSchema): DeclaredType {
  const elementsMax = maxLength === undefined ? REQUEST_BYTES_MAX - 2 : Math.max(maxLength, 0) * BYTES_PER_CHARACTER_MAX;
  return { type: DYN, convert: fromJson, elementsMax, sizeMin: 1 };
}

function byType(schema: JsonSchema, name: string): DeclaredType | undefined {
  switch (schema.type) {
    case 'array':
      return listType(schema, name);
    case 'object':
      return objectType(schema, name);
    case 'string':
      return stringType(schema);
    case 'boolean':
      return { type: BOOL, convert: fromJson, elementsMax: 0, sizeMin: 4 };
    case 'number':
      return { type: DOUBLE, convert: (raw) => (typeof raw === 'number' ? raw : fromJson(raw)), elementsMax: 0, sizeMin: 1 };
    case 'integer':
      return { type: INT, convert: fromJson, elementsMax: 0, sizeMin: 1 };
    default:
      return undefined;
  }
}

function listType(schema: JsonSchema, name: string): DeclaredType | undefined {
  const { items, maxItems } = schema;
  const element = items && declaredType(items, items['x-kubernetes-embedded-resource'] === true, `${name}.@idx`);
  if (!element) return undefined;
  const elementsMax = maxItems === undefined ? Math.floor((REQUEST_BYTES_MAX - 2) / (element.sizeMin + 1)) : Math.max(maxItems, 0);
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const kind = schema['x-kubernetes-list-type'];
  const convert = (raw: unknown): Value => {
    if (!Array.isArray(raw)) throw new CelError('invalid data, expected an array for the provided schema with type=array');
    if (kind === 'map') return new KeyedList(raw, element.convert, keys);
    return kind === 'set' ? new SetList(raw, element.convert) : new JsonList(raw, element.convert);
  };
  return { type: listOf(element.type), convert, elementsMax, sizeMin: 2, element };
}

function objectType(schema: JsonSchema, name: string): DeclaredType | undefined {
  const additional = typeof schema.additionalProperties === 'object' ? additionalSchema(schema) : undefined;
  const asObject = (raw: unknown): Record<string, unknown> => {
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
      throw new CelError('invalid data, expected a map for the provided schema with type=object');
    return raw as Record<string, unknown>;
  };
  if (additional) {
    const element = declaredType(additional, additional['x-kubernetes-embedded-resource'] === true, `${name}.@elem`);
    if (!element) return undefined;
    const { maxProperties } = schema;
    const elementsMax =
      maxProperties === undefined ? Math.floor((REQUEST_BYTES_MAX - 2) / (element.sizeMin + 6)) : Math.max(maxProperties, 0);
    return {
      type: mapOf(STRING, element.type),
      convert: (raw) => new JsonMap(asObject(raw), element.convert),
      elementsMax,
      sizeMin: 2,
      element,
    };
  }
  const fields = new Map<string, DeclaredType>();
  const names = new Map<string, string>();
  let sizeMin = 2;
  for (const [property, propertySchema] of Object.entries(schema.properties ?? {})) {
    const escaped = escapeName(property);
    const field = declaredType(propertySchema, propertySchema['x-kubernetes-embedded-resource'] === true, `${name}.${escaped ?? property}`);
    if (!field) continue;
    if (escaped !== undefined) {
      fields.set(escaped, field);
      names.set(escaped, property);
    }
    if (schema.required?.includes(property) && propertySchema.default === undefined) sizeMin += property.length + field.sizeMin + 4;
  }
  const type = struct(name, (field) => fields.get(field)?.type);
  return { type, convert: (raw) => new DeclaredObject(asObject(raw), fields, names), elementsMax: 0, sizeMin, fields };
}

/** An object with declared properties, which answer to their escaped names. */
class DeclaredObject extends CelMap {
  readonly raw: Record<string, unknown>;
  readonly #fields: ReadonlyMap<string, DeclaredType>;
  readonly #names: ReadonlyMap<string, string>;
  constructor(raw: Record<string, unknown>, fields: ReadonlyMap<string, DeclaredType>, names: ReadonlyMap<string, string>) {
    super();
    this.raw = raw;
    this.#fields = fields;
    this.#names = names;
  }
  get size(): number {
    return [...this.keys()].length;
  }
  find(key: Value): Value | undefined {
    const name = this.#names.get(key as string);
    if (name === undefined || !Object.hasOwn(this.raw, name) || this.raw[name] === undefined) return undefined;
    return this.#fields.get(key as string)!.convert(this.raw[name]);
  }
  override has(key: Value): boolean {
    const name = this.#names.get(key as string);
    return name !== undefined && Object.hasOwn(this.raw, name) && this.raw[name] !== undefined;
  }
  *keys(): Iterable<string> {
    for (const key of this.#names.keys()) if (this.has(key)) yield key;
  }
}

const TIME_FORMATS: Record<string, Pick<DeclaredType, 'elementsMax' | 'sizeMin'>> = {
  'date-time': { elementsMax: DATE_TIME_LENGTH_MAX, sizeMin: 21 },
  date: { elementsMax: DATE_LENGTH, sizeMin: DATE_LENGTH },
};

function stringType(schema: JsonSchema): DeclaredType {
  const { format, maxLength } = schema;
  const text = (raw: unknown): string => {
    if (typeof raw !== 'string') throw new CelError(`invalid data, expected string, got ${goTypeOf(raw)}`);
    return raw;
  };
  if (format === 'byte') {
    const elementsMax = maxLength === undefined ? REQUEST_BYTES_MAX - 2 : Math.max(maxLength, 0);
    return {
      type: BYTES,
      convert: (raw) => Uint8Array.from(atob(text(raw)), (character) => character.charCodeAt(0)),
      elementsMax,
      sizeMin: 2,
    };
  }
  if (format === 'duration') {
    const convert = (raw: unknown) => {
      const nanos = parseDurationText(text(raw));
      if (nanos === undefined) throw new CelError(`Invalid duration ${text(raw)}: unable to parse it`);
      return new Duration(nanos);
    };
    return { type: DURATION, convert, elementsMax: DATE_TIME_LENGTH_MAX, sizeMin: 3 };
  }
  if (format === 'date' || format === 'date-time') {
    const convert = (raw: unknown) => {
      const nanos = parseTimestampText(format === 'date' ? `${text(raw)}T00:00:00Z` : text(raw));
      if (nanos === undefined) throw new CelError(`Invalid ${format} formatted string ${text(raw)}`);
      return new Timestamp(nanos);
    };
    return { type: TIMESTAMP, convert, ...TIME_FORMATS[format]! };
  }
  const lengths = (schema.enum ?? []).map((each) => (typeof each === 'string' ? new TextEncoder().encode(each).length : 0));
  const unbounded = lengths.length ? Math.max(...lengths) : REQUEST_BYTES_MAX - 2;
  const elementsMax = maxLength === undefined ? unbounded : Math.max(maxLength, 0) * BYTES_PER_CHARACTER_MAX;
  return { type: STRING, convert: text, elementsMax, sizeMin: 2 };
}
