// The order of merged lists: what the patch lists comes in the patch's order, what only the server has keeps its place among it
// (apimachinery strategicpatch, normalizeElementOrder).
import { statusError } from '../status-error.ts';
import { isObject } from './json-value.ts';

export const goText = (value: unknown): string => (typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value));

export const noMergeKey = (item: object, mergeKey: string) =>
  statusError.badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);

/** What tells a list's items apart: the merge key's value, or the scalar itself. */
export function identity(item: unknown, mergeKey: string): unknown {
  return mergeKey !== '' && isObject(item) ? item[mergeKey] : item;
}

export const isDeletion = (item: unknown): boolean => isObject(item) && item.$patch === 'delete';

const indexIn = (list: readonly unknown[], item: unknown, mergeKey: string) => {
  const id = identity(item, mergeKey);
  return list.findIndex((other) => identity(other, mergeKey) === id);
};

/** Sorts by the place in `order`; items that are not there keep their place. Deletions go to the end. */
export function sortedLike(items: readonly unknown[], order: readonly unknown[], mergeKey: string): unknown[] {
  if (mergeKey !== '') {
    for (const item of [...items, ...order]) {
      if (!isObject(item)) throw statusError.badRequest('expected a map, but received a scalar in a list with a merge key');
      if (item[mergeKey] === undefined) throw noMergeKey(item, mergeKey);
    }
  }
  const kept = items.filter((item) => !isDeletion(item));
  const places = kept.map((item) => indexIn(order, item, mergeKey));
  const known = kept.map((item, i) => ({ item, place: places[i]! })).filter(({ place }) => place >= 0);
  known.sort((a, b) => a.place - b.place);
  let next = 0;
  const sorted = kept.map((item, i) => (places[i]! >= 0 ? known[next++]!.item : item));
  return [...sorted, ...items.filter(isDeletion)];
}

/** Weaves the items the patch orders and those only the server has into one list. */
export function woven(
  patchItems: readonly unknown[],
  serverOnly: readonly unknown[],
  patchOrder: readonly unknown[],
  serverOrder: readonly unknown[],
  mergeKey: string,
): unknown[] {
  const right = sortedLike(patchItems, patchOrder, mergeKey);
  const left = sortedLike(serverOnly, serverOrder, mergeKey);
  const result: unknown[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    if (i >= left.length) result.push(right[j++]);
    else if (j >= right.length) result.push(left[i++]);
    else {
      const a = indexIn(serverOrder, left[i], mergeKey);
      const b = indexIn(serverOrder, right[j], mergeKey);
      if (a >= 0 && b >= 0 && a < b) result.push(left[i++]);
      else result.push(right[j++]);
    }
  }
  return result;
}
