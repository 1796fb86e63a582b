// The order of merged lists: what the patch lists comes in the patch's order, what only the server has keeps its place among it
// (apimachinery strategicpatch, normalizeElementOrder).
import { goText, goTypeOf } from '../go-text.ts';
import { StatusError } from '../status-error.ts';
import { isObject, type JsonObject } from './json-value.ts';

/** Upstream has a code for the few faults it foresaw; the rest are the server's (handlers/patch.go interpretStrategicMergePatchError). */
export const unforeseen = (message: string) => new StatusError(500, '', message);

/** `expected a T, but received a …`, where Go does not know what null is. */
export const wrongType = (wanted: string, value: unknown) =>
  unforeseen(`expected a ${wanted}, but received a ${value === null ? '%!s(<nil>)' : goTypeOf(value)}`);

/** The map that a list with a merge key must consist of, with that key. */
export function keyed(item: unknown, mergeKey: string): JsonObject {
  if (!isObject(item)) throw wrongType('map[string]interface {}', item);
  if (item[mergeKey] === undefined) throw unforeseen(`map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
  return item;
}

/** What tells a list's items apart: the merge key's value, or the scalar itself. */
export function identity(item: unknown, mergeKey: string): unknown {
  return mergeKey !== '' && isObject(item) ? item[mergeKey] : item;
}

export const isDeletion = (item: unknown): boolean => isObject(item) && item.$patch === 'delete';

/** Where in a list what an item stands for comes first; -1 when it does not. Lists may be long. */
export function placesIn(list: readonly unknown[], mergeKey: string): (item: unknown) => number {
  const places = new Map<unknown, number>();
  for (const [i, each] of list.entries()) {
    const id = identity(each, mergeKey);
    if (!places.has(id)) places.set(id, i);
  }
  return (item) => places.get(identity(item, mergeKey)) ?? -1;
}

/** Sorts by the place in `order`; items that are not there keep their place. Deletions go to the end. */
export function sortedLike(items: readonly unknown[], order: readonly unknown[], mergeKey: string): unknown[] {
  if (mergeKey !== '') {
    for (const item of [...items, ...order]) keyed(item, mergeKey);
  }
  const kept = items.filter((item) => !isDeletion(item));
  const places = kept.map(placesIn(order, mergeKey));
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
  const place = placesIn(serverOrder, mergeKey);
  const result: unknown[] = [];
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    if (i >= left.length) result.push(right[j++]);
    else if (j >= right.length) result.push(left[i++]);
    else {
      const a = place(left[i]);
      const b = place(right[j]);
      if (a >= 0 && b >= 0 && a < b) result.push(left[i++]);
      else result.push(right[j++]);
    }
  }
  return result;
}
