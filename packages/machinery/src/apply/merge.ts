// Merging an applied configuration into an object, and taking fields out of one (structured-merge-diff typed/merge.go,
// typed/remove.go, fieldpath EnsureNamedFieldsAreMembers).
import { setKey } from '../patch/json-value.ts';
import type { ListType, MapType, MergeType } from '../schema/merge-type.ts';
import { type FieldTree, isEmptyTree, isMember, withMember } from './field-tree.ts';
import { elementOf, entriesOf, formOf, hasEntries, itemsOf } from './typed-value.ts';

function mergeMaps(map: MapType, left: unknown, right: unknown): unknown {
  const before = entriesOf(left);
  const after = entriesOf(right);
  const result: Record<string, unknown> = { ...before };
  for (const key in after) {
    if (after[key] === undefined) continue;
    const type = map.fields[key] ?? map.values;
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    setKey(result, key, type ? mergeTyped(type, old, after[key]) : after[key]);
  }
  return result;
}

/** The applied items' order wins among those both have; what only the object has stays where it was between them. */
function mergeLists(list: ListType, left: readonly unknown[], right: readonly unknown[]): unknown[] {
  const leftElements = left.map((item) => elementOf(list, item));
  const rightElements = right.map((item) => elementOf(list, item));
  const ours = new Map<string, unknown>();
  // An item that occurs twice is not merged with: the applied one takes the place of both.
  for (const [i, element] of leftElements.entries()) ours.set(element, ours.has(element) ? undefined : left[i]);
  const theirs = new Map(rightElements.map((element, i) => [element, right[i]]));
  const shared = rightElements.filter((element) => ours.has(element));
  const done = new Set<string>();
  const result: unknown[] = [];
  const take = (element: string) => {
    done.add(element);
    result.push(mergeTyped(list.item, ours.get(element), theirs.get(element)));
    if (shared[0] === element) shared.shift();
  };
  let l = 0;
  let r = 0;
  while (l < left.length || r < right.length) {
    const mine = leftElements[l];
    if (mine !== undefined && r < right.length) {
      if (mine === rightElements[r]) {
        take(mine);
        l++;
        r++;
        continue;
      }
      if (theirs.has(mine) && shared.length > 0 && shared[0] !== mine) {
        // Taken over earlier, or to come at the place the applied list gives it.
        l++;
        continue;
      }
    }
    if (mine !== undefined) {
      if (!theirs.has(mine)) {
        result.push(left[l++]);
        continue;
      }
      if (done.has(mine)) l++;
    }
    if (r < right.length) take(rightElements[r++]!);
  }
  return result;
}

/** The object with the configuration merged in. Neither is changed. */
export function mergeTyped(type: MergeType, left: unknown, right: unknown): unknown {
  if (right === undefined) return left;
  if (left === undefined) return right;
  const form = formOf(type, right === null ? left : right);
  if (form === 'map' && type.map && !type.map.atomic && (left === null || formOf(type, left) === 'map')) {
    return hasEntries(left) || hasEntries(right) ? mergeMaps(type.map, left, right) : right;
  }
  if (form === 'list' && type.list && type.list.kind !== 'atomic' && (left === null || Array.isArray(left))) {
    const before = itemsOf(left);
    const after = itemsOf(right);
    return before.length > 0 || after.length > 0 ? mergeLists(type.list, before, after) : right;
  }
  return right;
}

/** The value without the fields of the set; undefined when nothing is left of a map or list that had something. Its map then has null. */
export function removeFields(type: MergeType, value: unknown, fields: FieldTree): unknown {
  if (isEmptyTree(fields)) return value;
  const form = formOf(type, value);
  if (form === 'list' && type.list && type.list.kind !== 'atomic' && Array.isArray(value)) {
    if (value.length === 0) return undefined;
    const kept: unknown[] = [];
    for (const item of value) {
      const node = fields[elementOf(type.list, item)];
      if (node === undefined) kept.push(item);
      else if (!isMember(node)) kept.push(removeFields(type.list.item, item, node));
    }
    return kept.length > 0 ? kept : undefined;
  }
  if (form === 'map' && type.map && !type.map.atomic && typeof value === 'object' && value !== null) {
    const entries = entriesOf(value);
    const kept: Record<string, unknown> = {};
    for (const key in entries) {
      const node = fields[`f:${key}`];
      if (node !== undefined && isMember(node)) continue;
      const fieldType = type.map.fields[key] ?? type.map.values;
      const entry = node === undefined || !fieldType ? entries[key] : (removeFields(fieldType, entries[key], node) ?? null);
      if (entry !== undefined) setKey(kept, key, entry);
    }
    return Object.keys(kept).length > 0 ? kept : undefined;
  }
  return value;
}

/** The set with declared fields that lead to members made members too. */
export function ensureNamed(type: MergeType | undefined, fields: FieldTree): FieldTree {
  if (isEmptyTree(fields)) return fields;
  const result: Record<string, FieldTree> = {};
  for (const element in fields) {
    const node = fields[element]!;
    if (element === '.') {
      result['.'] = node;
      continue;
    }
    let below: MergeType | undefined;
    let declared = false;
    if (element.startsWith('f:') && type?.map) {
      below = type.map.fields[element.slice(2)];
      declared = below !== undefined;
      below ??= type.map.values;
    } else if (element.startsWith('k:') && type?.list) below = type.list.item;
    const ensured = ensureNamed(below, node);
    result[element] = declared ? withMember(ensured) : ensured;
  }
  return result;
}
