// The empty object of a kind as upstream's serializer writes it: structs that are held by value are there, and so is whatever is
// not left out when empty. What a create adds is measured against it, so it decides which parents a creator is recorded to own.
import { normalize } from '@tiphys/api';

const cache = new Map<string, object>();

/** Shared; do not change it. */
export function emptyObject(schema: string): object {
  const found = cache.get(schema) ?? normalize({}, { schema }).object;
  cache.set(schema, found);
  return found;
}

/** The object with the structs of the empty object that it lacks, as upstream's types always have them. */
export function withStructs(object: object, empty: object): object {
  let result = object as Record<string, unknown>;
  let copied = false;
  for (const [key, hollow] of Object.entries(empty)) {
    const value = result[key];
    const filled = value === undefined ? hollow : isPlain(value) && isPlain(hollow) ? withStructs(value, hollow) : value;
    if (filled === value) continue;
    if (!copied) result = { ...result };
    copied = true;
    result[key] = filled;
  }
  return result;
}

const isPlain = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);
