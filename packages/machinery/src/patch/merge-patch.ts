// JSON merge patch, RFC 7386: null removes, objects merge, everything else replaces.
import { statusError } from '../status-error.ts';
import { isObject, type JsonObject, jsonEqual, setKey } from './json-value.ts';

/** The value without keys that are null, at any depth; items of lists stay, null or not. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.some((item) => typeof item === 'object') ? value.map(withoutNulls) : value;
  if (!isObject(value)) return value;
  const kept: JsonObject = {};
  for (const key of Object.keys(value)) if (value[key] !== null) setKey(kept, key, withoutNulls(value[key]));
  return kept;
}

function merged(document: JsonObject, patch: JsonObject): JsonObject {
  const result: JsonObject = { ...document };
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    const old = Object.hasOwn(result, key) ? result[key] : undefined;
    if (value === null) delete result[key];
    else if (isObject(value) && isObject(old)) setKey(result, key, merged(old, value));
    // As it is, in the place of an object: so does the library that upstream uses.
    else setKey(result, key, isObject(old) ? value : withoutNulls(value));
  }
  return result;
}

/** Applies a merge patch. The document is not changed; parts the patch leaves alone are shared with the result. */
export function applyMergePatch<T extends object>(document: T, patch: unknown): T {
  if (!isObject(patch)) throw statusError.badRequest('Invalid JSON Patch');
  return merged(document as JsonObject, patch) as T;
}

/** The merge patch that turns one object into another. */
export function createMergePatch(from: object, to: object): JsonObject {
  const patch: JsonObject = {};
  const before = from as JsonObject;
  const after = to as JsonObject;
  for (const key of Object.keys(before)) if (after[key] === undefined) setKey(patch, key, null);
  for (const key of Object.keys(after)) {
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    const value = after[key];
    if (value === undefined || jsonEqual(old, value)) continue;
    setKey(patch, key, isObject(old) && isObject(value) ? createMergePatch(old, value) : value);
  }
  return patch;
}

/**
 * What `kubectl apply` sends for kinds without a schema: changes and additions from current to modified, and removals of what
 * was in original and is no longer in modified (apimachinery util/jsonmergepatch).
 */
export function createThreeWayJsonMergePatch(original: object | undefined, modified: object, current: object): JsonObject {
  const additions = keep(createMergePatch(current, modified), false) as JsonObject;
  const deletions = keep(createMergePatch(original ?? {}, modified), true) as JsonObject;
  const combine = (into: JsonObject, from: JsonObject): JsonObject => {
    const result = { ...into };
    for (const key of Object.keys(from)) {
      const old = Object.hasOwn(result, key) ? result[key] : undefined;
      setKey(result, key, isObject(old) && isObject(from[key]) ? combine(old, from[key]) : from[key]);
    }
    return result;
  };
  return combine(deletions, additions);
}

/** Keeps only a patch's removals, or only the rest. */
function keep(patch: unknown, nulls: boolean): unknown {
  if (!isObject(patch)) return patch;
  const kept: JsonObject = {};
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null) {
      if (nulls) setKey(kept, key, null);
    } else if (isObject(value)) {
      const inner = keep(value, nulls) as JsonObject;
      if (Object.keys(inner).length > 0 || (!nulls && Object.keys(value).length === 0)) setKey(kept, key, inner);
    } else if (!nulls) {
      setKey(kept, key, value);
    }
  }
  return kept;
}
