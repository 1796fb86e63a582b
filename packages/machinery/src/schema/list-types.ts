// Uniqueness in lists of type set and map (apiextensions apiserver/schema/listtype/validation.go).
import { type FieldError, fieldError } from '../field-error.ts';
import { additionalSchema, type JsonSchema } from './json-schema.ts';

/** A text that is equal for equal values, whatever the order of keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = value as Record<string, unknown>;
  return `{${Object.keys(entries)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(entries[key])}`)
    .join(',')}}`;
}

/** Calls back once for each value that was seen before, at its second place. */
function duplicates(ids: readonly string[], found: (index: number) => void): void {
  const counts = new Map<string, number>();
  ids.forEach((id, i) => {
    const count = (counts.get(id) ?? 0) + 1;
    counts.set(id, count);
    if (count === 2) found(i);
  });
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The keys that the item has. */
function keysOf(item: unknown, keys: readonly string[]): Record<string, unknown> {
  if (!isMap(item)) return {};
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(item, key)).map((key) => [key, item[key]]));
}

function duplicatesIn(schema: JsonSchema, value: readonly unknown[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (schema['x-kubernetes-list-type'] === 'set') {
    duplicates(value.map(canonical), (i) => errors.push(fieldError.duplicate(`${path}[${i}]`, value[i])));
  } else if (schema['x-kubernetes-list-type'] === 'map') {
    const bad = value.findIndex((item) => item !== null && !isMap(item));
    if (bad >= 0) return [fieldError.invalid(`${path}[${bad}]`, value[bad], 'must be an object for an array of list-type map')];
    const keys = value.map((item) => keysOf(item, schema['x-kubernetes-list-map-keys'] ?? []));
    duplicates(keys.map(canonical), (i) => errors.push(fieldError.duplicate(`${path}[${i}]`, keys[i])));
  }
  return errors;
}

/** Duplicates anywhere in the value. */
export function listTypeErrors(schema: JsonSchema, value: unknown, path: string): FieldError[] {
  if (Array.isArray(value)) {
    const inner = schema.items ? value.flatMap((item, i) => listTypeErrors(schema.items!, item, `${path}[${i}]`)) : [];
    return [...duplicatesIn(schema, value, path), ...inner];
  }
  if (typeof value !== 'object' || value === null) return [];
  const additional = additionalSchema(schema);
  return Object.entries(value).flatMap(([key, entry]) => {
    if (schema.properties && Object.hasOwn(schema.properties, key)) {
      return listTypeErrors(schema.properties[key]!, entry, path === '' ? key : `${path}.${key}`);
    }
    return additional ? listTypeErrors(additional, entry, `${path}[${key}]`) : [];
  });
}
