// Makes strategic merge patches: the two-way difference of objects, and the three-way patch of `kubectl apply` (apimachinery
// strategicpatch/patch.go, diffMaps and CreateThreeWayMergePatch).

import type { SchemaTable } from '@tiphys/api';
import { goText } from '../go-text.ts';
import { isObject, type JsonObject, jsonEqual, setKey } from './json-value.ts';
import { identity, keyed, sortedLike } from './list-order.ts';
import { type PatchSchema, patchSchema } from './patch-schema.ts';
import { DELETE_LIST, ELEMENT_ORDER, mergeMaps, RETAIN_KEYS } from './strategic-patch.ts';

interface DiffOptions {
  setElementOrder: boolean;
  ignoreDeletions: boolean;
  ignoreChanges: boolean;
}

interface ListDiff {
  patch: unknown[];
  deletions: unknown[];
  order: unknown[];
}

const byText = (a: unknown, b: unknown) => (goText(a) < goText(b) ? -1 : goText(a) > goText(b) ? 1 : 0);

function diffScalarLists(from: readonly unknown[], to: readonly unknown[], options: DiffOptions): ListDiff {
  const added = options.ignoreChanges ? [] : to.filter((item) => !from.includes(item));
  const deletions = options.ignoreDeletions ? [] : [...new Set(from.filter((item) => !to.includes(item)))].sort(byText);
  const ordered =
    options.setElementOrder && ((!options.ignoreDeletions && deletions.length > 0) || (!options.ignoreChanges && !jsonEqual(from, to)));
  return { patch: sortedLike(added, to, ''), deletions, order: ordered ? [...to] : [] };
}

function byKey(list: readonly unknown[], mergeKey: string): Map<unknown, JsonObject> {
  const map = new Map<unknown, JsonObject>();
  for (const item of list) {
    const entry = keyed(item, mergeKey);
    map.set(entry[mergeKey], entry);
  }
  return map;
}

function diffObjectLists(
  from: readonly unknown[],
  to: readonly unknown[],
  mergeKey: string,
  schema: PatchSchema,
  options: DiffOptions,
  retain: boolean,
): ListDiff {
  const before = byKey(from, mergeKey);
  const after = byKey(to, mergeKey);
  const changes: unknown[] = [];
  for (const [id, item] of after) {
    const old = before.get(id);
    if (!old) {
      if (!options.ignoreChanges) changes.push(item);
      continue;
    }
    const change = diffMaps(old, item, schema, options, retain);
    if (Object.keys(change).length > 0) changes.push({ ...change, [mergeKey]: id });
  }
  const deletions = options.ignoreDeletions
    ? []
    : [...before.keys()]
        .filter((id) => !after.has(id))
        .sort(byText)
        .map((id) => ({ [mergeKey]: id, $patch: 'delete' }));
  const patch = [...sortedLike(changes, to, mergeKey), ...deletions];
  const sameOrder = from.length === to.length && from.every((item, i) => identity(item, mergeKey) === identity(to[i], mergeKey));
  const ordered =
    options.setElementOrder &&
    ((!options.ignoreChanges && (patch.length > 0 || !sameOrder)) || (!options.ignoreDeletions && patch.length > 0));
  return { patch, deletions: [], order: ordered ? to.map((item) => ({ [mergeKey]: identity(item, mergeKey) })) : [] };
}

function diffList(
  key: string,
  from: readonly unknown[],
  to: readonly unknown[],
  patch: JsonObject,
  schema: PatchSchema,
  options: DiffOptions,
): void {
  const meta = jsonEqual(from, to) ? undefined : schema.field(key, true);
  if (!meta) return;
  if (meta.strategy !== 'merge') {
    if (!options.ignoreChanges) setKey(patch, key, to);
    return;
  }
  if (from.length === 0) {
    if (to.length > 0 && !options.ignoreChanges) setKey(patch, key, to);
    return;
  }
  const diff = isObject(from[0])
    ? diffObjectLists(from, to, meta.mergeKey, meta.schema, options, meta.retainKeys)
    : diffScalarLists(from, to, options);
  if (diff.patch.length > 0) setKey(patch, key, diff.patch);
  if (diff.deletions.length > 0) patch[`${DELETE_LIST}/${key}`] = diff.deletions;
  if (diff.order.length > 0) patch[`${ELEMENT_ORDER}/${key}`] = diff.order;
}

function diffObject(key: string, from: JsonObject, to: JsonObject, patch: JsonObject, schema: PatchSchema, options: DiffOptions): void {
  if (jsonEqual(from, to)) return;
  const meta = schema.field(key, false);
  if (meta.strategy === 'replace') {
    if (!options.ignoreChanges) setKey(patch, key, to);
    return;
  }
  const change = diffMaps(from, to, meta.schema, options, meta.retainKeys);
  if (Object.keys(change).length > 0) setKey(patch, key, change);
}

/** The patch that turns one object into another, as far as the options ask. */
function diffMaps(from: JsonObject, to: JsonObject, schema: PatchSchema, options: DiffOptions, retain: boolean): JsonObject {
  const patch: JsonObject = {};
  for (const key of Object.keys(to)) {
    const value = to[key];
    const old = Object.hasOwn(from, key) ? from[key] : undefined;
    if (old === undefined) {
      if (!options.ignoreChanges) setKey(patch, key, value);
    } else if (isObject(old) && isObject(value)) diffObject(key, old, value, patch, schema, options);
    else if (Array.isArray(old) && Array.isArray(value)) diffList(key, old, value, patch, schema, options);
    else if (!options.ignoreChanges && !jsonEqual(old, value)) setKey(patch, key, value);
  }
  if (!options.ignoreDeletions) {
    for (const key of Object.keys(from)) if (!Object.hasOwn(to, key)) setKey(patch, key, null);
  }
  if (retain) {
    const kept = Object.keys(to).filter((key) => to[key] !== null);
    const fieldGone = Object.keys(from).some((key) => from[key] !== null && !Object.hasOwn(to, key));
    if (kept.length > 0 && (Object.keys(patch).length > 0 || fieldGone)) patch[RETAIN_KEYS] = kept.sort();
  }
  return patch;
}

/** The strategic patch from one object to another. */
export function createTwoWayMergePatch(from: object, to: object, table: SchemaTable, typeName: string): JsonObject {
  return diffMaps(
    from as JsonObject,
    to as JsonObject,
    patchSchema(table, typeName),
    { setElementOrder: true, ignoreDeletions: false, ignoreChanges: false },
    false,
  );
}

/**
 * What `kubectl apply` sends: additions and changes from current to modified, removals from original (the last applied
 * configuration) to modified.
 */
export function createThreeWayMergePatch(
  original: object | undefined,
  modified: object,
  current: object,
  table: SchemaTable,
  typeName: string,
): JsonObject {
  const schema = patchSchema(table, typeName);
  const changes = diffMaps(
    current as JsonObject,
    modified as JsonObject,
    schema,
    { setElementOrder: true, ignoreDeletions: true, ignoreChanges: false },
    false,
  );
  const deletions = diffMaps(
    (original ?? {}) as JsonObject,
    modified as JsonObject,
    schema,
    { setElementOrder: true, ignoreDeletions: false, ignoreChanges: true },
    false,
  );
  return mergeMaps(deletions, changes, schema, { carryOut: false });
}
