// Strategic merge patch: a merge patch that knows which lists merge by which key (apimachinery strategicpatch/patch.go,
// mergeMap). Directives: $patch, $deleteFromPrimitiveList/x, $setElementOrder/x, $retainKeys.

import type { SchemaTable } from '@tiphys/api';
import { goText, goTypeOf } from '../go-text.ts';
import { StatusError, statusError } from '../status-error.ts';
import { isObject, type JsonObject, jsonEqual, setKey } from './json-value.ts';
import { identity, isDeletion, keyed, placesIn, unforeseen, woven, wrongType } from './list-order.ts';
import { type PatchSchema, patchSchema } from './patch-schema.ts';

export const DELETE_LIST = '$deleteFromPrimitiveList';
export const ELEMENT_ORDER = '$setElementOrder';
export const RETAIN_KEYS = '$retainKeys';
export const DIRECTIVE = '$patch';

interface MergeOptions {
  /** True to carry directives out, false to merge two patches into one (keeping their directives). */
  carryOut: boolean;
  /** The patch loses what was used up, as upstream's does. */
  consumes?: boolean;
}

/** The part of `$setElementOrder/containers` after the slash. */
function keyAfter(key: string, prefix: string, what: string): string {
  if (!key.startsWith(`${prefix}/`)) throw statusError.badRequest(`invalid patch format of ${what}`);
  return key.slice(prefix.length + 1);
}

/** The value without directives and, when carrying out, without nulls; undefined when it is nothing but a directive. */
function settled(value: unknown, options: MergeOptions): unknown {
  if (Array.isArray(value)) return value.map((item) => settled(item, options)).filter((item) => item !== undefined);
  if (!isObject(value)) return value;
  if (Object.hasOwn(value, DIRECTIVE)) return undefined;
  const kept: JsonObject = options.consumes ? value : {};
  for (const key of Object.keys(value)) {
    const inner = value[key] === null && options.carryOut ? undefined : settled(value[key], options);
    if (inner !== undefined) setKey(kept, key, inner);
    else delete kept[key];
  }
  return kept;
}

function retainKeys(original: JsonObject, patch: JsonObject, options: MergeOptions): void {
  const wanted = patch[RETAIN_KEYS];
  if (wanted === undefined) return;
  delete patch[RETAIN_KEYS];
  if (!options.carryOut) {
    if (original[RETAIN_KEYS] === undefined) original[RETAIN_KEYS] = wanted;
    else if (!jsonEqual(original[RETAIN_KEYS], wanted)) {
      throw unforeseen(
        `${goText(original[RETAIN_KEYS])} and ${goText(wanted)} are not deep equal: this may happen when calculating the 3-way diff patch`,
      );
    }
    return;
  }
  const bad = () => statusError.badRequest('invalid patch format of retainKeys');
  if (!Array.isArray(wanted)) throw bad();
  for (const key of Object.keys(patch)) {
    if (patch[key] === null || key.startsWith(DELETE_LIST) || key.startsWith(ELEMENT_ORDER)) continue;
    if (!wanted.includes(key)) throw bad();
  }
  for (const key of Object.keys(original)) if (!wanted.includes(key)) delete original[key];
}

const isDirective = (item: unknown) => isObject(item) && Object.hasOwn(item, DIRECTIVE);

/** The patch's list must name its items in the order it sets. */
function checkOrder(patchList: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  if (order.length === 0 || patchList.length === 0) return;
  const items = patchList.filter((item) => !isDirective(item));
  const keyOf = (item: unknown) => (mergeKey === '' ? item : keyed(item, mergeKey)[mergeKey]);
  let at = 0;
  for (const entry of order) {
    if (at < items.length && keyOf(items[at]) === keyOf(entry)) at++;
  }
  if (at < items.length) {
    throw unforeseen(`The order in patch list:\n${goText(patchList)}\n doesn't match ${ELEMENT_ORDER} list:\n${goText(order)}\n`);
  }
}

function listOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw wrongType('[]interface {}', value);
  return value;
}

/** Lists hold but one kind of thing, and never lists. */
function checkElements(...lists: readonly (readonly unknown[])[]): void {
  let first: string | undefined;
  for (const item of lists.flat()) {
    const kind = goTypeOf(item);
    if (first === undefined && Array.isArray(item)) {
      throw new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
    }
    first ??= kind;
    if (kind !== first) throw unforeseen(`list element types are not identical: ${goText(lists)}`);
  }
  if (first === undefined) throw unforeseen('no elements in any of the given slices');
}

/** Handles each `$setElementOrder/x` together with x itself, and takes both out of the patch. */
function mergeOrderedLists(original: JsonObject, patch: JsonObject, schema: PatchSchema, options: MergeOptions): void {
  for (const key of Object.keys(patch).filter((k) => k.startsWith(ELEMENT_ORDER))) {
    const order = listOf(patch[key]);
    if (!options.carryOut) {
      if (original[key] === undefined) original[key] = order;
      else if (!jsonEqual(original[key], order)) throw statusError.badRequest('invalid patch format of setElementOrder list');
    }
    delete patch[key];
    const field = keyAfter(key, ELEMENT_ORDER, 'setElementOrder list');
    const before = original[field] == null ? undefined : listOf(original[field]);
    const change = patch[field] == null ? undefined : listOf(patch[field]);
    const meta = schema.field(field, true);
    checkOrder(change ?? [], order, meta.mergeKey);
    if (!before && !change) continue;
    if (!change || !before) checkElements(before ?? [], change ?? []);
    if (!before && change) {
      original[field] = woven(settled(change, { carryOut: false }) as unknown[], [], order, [], meta.mergeKey);
      delete patch[field];
      continue;
    }
    const merged = change ? mergeLists(before!, change, meta.strategy, meta.mergeKey, meta.schema, false, options) : before!;
    const named = new Set(order.map((item) => identity(item, meta.mergeKey)));
    const isNamed = (item: unknown) => named.has(identity(item, meta.mergeKey));
    original[field] = woven(
      merged.filter(isNamed),
      merged.filter((item) => !isNamed(item)),
      order,
      before!,
      meta.mergeKey,
    );
    delete patch[field];
  }
}

/** `ordered`: what the patch says of the order; `server`: what had been there. */
interface MergedList {
  merged: unknown[];
  ordered: readonly unknown[];
  server: readonly unknown[];
}

function mergeObjectLists(
  before: readonly unknown[],
  change: readonly unknown[],
  mergeKey: string,
  schema: PatchSchema,
  options: MergeOptions,
): MergedList {
  const deleted = new Set<unknown>();
  const items: JsonObject[] = [];
  let replace = false;
  for (const item of change as JsonObject[]) {
    const directive = item[DIRECTIVE];
    if (directive === undefined) items.push(item);
    else if (directive === 'delete') deleted.add(keyed(item, mergeKey)[mergeKey]);
    else if (directive === 'replace') replace = true;
    else if (directive === 'merge') throw unforeseen('merging lists cannot yet be specified in the patch');
    else throw unforeseen(`unknown patch type: ${goText(directive)} in map: ${goText(item)}`);
  }
  if (replace) return { merged: items, ordered: [], server: items };
  const server = before.filter((other) => !deleted.has(identity(other, mergeKey)));
  const merged = [...server];
  const placeOf = placesIn(server, mergeKey);
  const added = new Map<unknown, number>();
  for (const item of items) {
    const id = keyed(item, mergeKey)[mergeKey];
    const known = placeOf(item);
    const index = known >= 0 ? known : added.get(id);
    if (index !== undefined) merged[index] = mergeMaps(merged[index] as JsonObject, item, schema, options);
    // What is new comes as it is, directives inside included.
    else added.set(id, merged.push(item) - 1);
  }
  return { merged, ordered: items, server };
}

function mergeLists(
  before: readonly unknown[],
  change: readonly unknown[],
  strategy: string,
  mergeKey: string,
  schema: PatchSchema,
  deletes: boolean,
  options: MergeOptions,
): unknown[] {
  if (strategy !== 'merge' && !deletes) return [...change];
  if (before.length === 0 && change.length === 0) return [];
  checkElements(before, change);
  if (!isObject(before[0] ?? change[0])) {
    const changed = new Set(change);
    if (deletes) return before.filter((item) => !changed.has(item));
    const merged = [...new Set([...before, ...change])];
    return woven(
      merged.filter((item) => changed.has(item)),
      merged.filter((item) => !changed.has(item)),
      [...changed],
      before,
      '',
    );
  }
  if (mergeKey === '') throw unforeseen(`cannot merge lists without merge key for ${schema.name}`);
  const { merged, ordered, server } = mergeObjectLists(before, change, mergeKey, schema, options);
  const named = new Set(ordered.map((item) => identity(item, mergeKey)));
  for (const item of merged) keyed(item, mergeKey);
  const isNamed = (item: unknown) => named.has(identity(item, mergeKey));
  const serverOrder = server.filter((item) => !isDeletion(item));
  return woven(
    merged.filter(isNamed),
    merged.filter((item) => !isNamed(item)),
    ordered,
    serverOrder,
    mergeKey,
  );
}

const kindOf = (value: unknown) => (Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value);

function mergeField(original: JsonObject, patch: JsonObject, patchKey: string, schema: PatchSchema, options: MergeOptions): void {
  const value = patch[patchKey];
  const deletes = patchKey.startsWith(DELETE_LIST);
  if (deletes && !options.carryOut) {
    original[patchKey] = value;
    return;
  }
  const key = deletes ? keyAfter(patchKey, DELETE_LIST, 'primitive list') : patchKey;
  if (value === null) {
    delete original[key];
    if (options.carryOut) return;
  }
  const old = Object.hasOwn(original, key) ? original[key] : undefined;
  if (old === undefined || kindOf(old) !== kindOf(value)) {
    if (deletes) return;
    const fresh = settled(value, options);
    if (fresh === undefined) delete original[key];
    else setKey(original, key, fresh);
  } else if (isObject(old)) {
    const meta = schema.field(key, false);
    setKey(original, key, meta.strategy === 'replace' ? value : mergeMaps(old, value as JsonObject, meta.schema, options));
  } else if (Array.isArray(old)) {
    const meta = schema.field(key, true);
    setKey(original, key, mergeLists(old, value as unknown[], meta.strategy, meta.mergeKey, meta.schema, deletes, options));
  } else {
    setKey(original, key, value);
  }
}

/** Merges the patch into a copy of the original. */
export function mergeMaps(before: JsonObject, change: JsonObject, schema: PatchSchema, options: MergeOptions): JsonObject {
  const patch = options.consumes ? change : { ...change };
  const directive = patch[DIRECTIVE];
  if (directive !== undefined) {
    if (directive === 'replace') {
      delete patch[DIRECTIVE];
      return patch;
    }
    if (directive === 'delete') return {};
    throw unforeseen(`unknown patch type: ${goText(directive)} in map: ${goText(change)}`);
  }
  const original = { ...before };
  retainKeys(original, patch, options);
  mergeOrderedLists(original, patch, schema, options);
  for (const key of Object.keys(patch)) mergeField(original, patch, key, schema, options);
  return original;
}

/**
 * Applies a strategic merge patch to an object of a type in the table. The object is not changed. Throws a
 * StatusError for malformed directives and for fields that are not in the type.
 */
export function applyStrategicMergePatch<T extends object>(document: T, patch: unknown, table: SchemaTable, typeName: string): T {
  if (!isObject(patch)) throw statusError.badRequest('invalid JSON document');
  return mergeMaps(document as JsonObject, patch, patchSchema(table, typeName), { carryOut: true }) as T;
}

/** What is left of a patch once it was applied, which is what upstream's messages quote. */
export function consumedStrategicMergePatch(document: object, patch: object, table: SchemaTable, typeName: string): object {
  const left = structuredClone(patch) as JsonObject;
  mergeMaps(document as JsonObject, left, patchSchema(table, typeName), { carryOut: true, consumes: true });
  return left;
}
