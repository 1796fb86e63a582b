// Takes out fields a structural schema does not declare, and fills in its defaults (apiextensions apiserver/schema/pruning and
// apiserver/schema/defaulting).
import { jsonClone, setKey } from '../patch/json-value.ts';
import { additionalSchema, type JsonSchema } from './json-schema.ts';

const META_FIELDS = new Set(['apiVersion', 'kind', 'metadata']);
const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const declaredIn = (schema: JsonSchema, key: string): JsonSchema | undefined =>
  schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;

interface Pruning {
  unknown: string[];
}

function prunedMap(value: Record<string, unknown>, schema: JsonSchema, path: string, embedded: boolean, pruning: Pruning) {
  const preserve = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const additional = additionalSchema(schema);
  const kept: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const at = path === '' ? key : `${path}.${key}`;
    const inner = declaredIn(schema, key) ?? additional;
    if (embedded && META_FIELDS.has(key)) setKey(kept, key, value[key]);
    else if (inner) setKey(kept, key, pruned(value[key], inner, at, pruning));
    else if (preserve) setKey(kept, key, value[key]);
    else pruning.unknown.push(at);
  }
  return kept;
}

/** Where unknown fields are kept, those of items are kept, too. */
const itemSchema = ({ items = {}, 'x-kubernetes-preserve-unknown-fields': keeps }: JsonSchema): JsonSchema =>
  keeps ? { ...items, 'x-kubernetes-preserve-unknown-fields': true } : items;

function pruned(value: unknown, schema: JsonSchema, path: string, pruning: Pruning): unknown {
  if (Array.isArray(value)) {
    if (!schema.items && schema['x-kubernetes-preserve-unknown-fields']) return value;
    const items = itemSchema(schema);
    return value.map((item, i) => pruned(item, items, `${path}[${i}]`, pruning));
  }
  if (!isMap(value)) return value;
  return prunedMap(value, schema, path, schema['x-kubernetes-embedded-resource'] === true, pruning);
}

/** The fields of a value that its schema doesn't declare. */
export function unknownFieldsOf(value: unknown, schema: JsonSchema): string[] {
  const pruning: Pruning = { unknown: [] };
  pruned(value, schema, '', pruning);
  return pruning.unknown;
}

/** A copy of the object with declared fields only, and the paths of the others. Its own kind and metadata are left alone. */
export function pruneObject<T extends object>(object: T, schema: JsonSchema): { object: T; unknownFields: string[] } {
  const pruning: Pruning = { unknown: [] };
  const kept = prunedMap(object as Record<string, unknown>, schema, '', true, pruning) as T;
  return { object: kept, unknownFields: pruning.unknown.sort() };
}

/** Takes out nulls where there may be none and no default would take their place, in place. */
export function dropNulls(value: unknown, schema: JsonSchema): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) dropNulls(item, schema.items);
    return;
  }
  if (!isMap(value)) return;
  const additional = additionalSchema(schema);
  for (const key of Object.keys(value)) {
    const inner = declaredIn(schema, key) ?? additional;
    if (!inner) continue;
    if (value[key] === null && !inner.nullable && (inner.default === undefined || inner.default === null)) delete value[key];
    else dropNulls(value[key], inner);
  }
}

/** Fills in the schema's defaults, in place; nulls that may not be there count as absent where there is a default. */
export function applySchemaDefaults(value: unknown, schema: JsonSchema): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return;
    value.forEach((item, i) => {
      if (item === null && !items.nullable && items.default !== undefined) value[i] = jsonClone(items.default);
      applySchemaDefaults(value[i], items);
    });
    return;
  }
  if (!isMap(value)) return;
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const absent = !Object.hasOwn(value, key) || (value[key] === null && !property.nullable);
    if (property.default !== undefined && property.default !== null && absent) setKey(value, key, jsonClone(property.default));
  }
  const additional = additionalSchema(schema);
  for (const key of Object.keys(value)) {
    const inner = declaredIn(schema, key) ?? additional;
    if (!inner) continue;
    if (inner === additional && value[key] === null && !inner.nullable && inner.default !== undefined) {
      setKey(value, key, jsonClone(inner.default));
    }
    applySchemaDefaults(value[key], inner);
  }
}
