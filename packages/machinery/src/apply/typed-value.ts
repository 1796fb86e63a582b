// Values looked at through their merge type: which form they have and what tells list items apart (structured-merge-diff
// typed/helpers.go).
import type { ListType, MergeType } from '../schema/merge-type.ts';

export type Form = 'scalar' | 'list' | 'map';

/** The form a value takes; null takes the form the type prefers. */
export function formOf(type: MergeType, value: unknown): Form {
  if (value !== null && value !== undefined) {
    if (Array.isArray(value)) {
      if (type.list) return 'list';
    } else if (typeof value === 'object') {
      if (type.map) return 'map';
    } else if (type.scalar) return 'scalar';
  }
  return type.map ? 'map' : type.scalar ? 'scalar' : 'list';
}

export const entriesOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
export const itemsOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export function hasEntries(value: unknown): boolean {
  const entries = entriesOf(value);
  for (const key in entries) if (entries[key] !== undefined) return true;
  return false;
}

const sortedKeys = new WeakMap<readonly string[], readonly string[]>();

function keysInOrder({ keys }: ListType): readonly string[] {
  let sorted = sortedKeys.get(keys);
  if (!sorted) {
    sorted = [...keys].sort();
    sortedKeys.set(keys, sorted);
  }
  return sorted;
}

/** A key that is null is there; only a default is none then. */
function keyValue({ item: { map } }: ListType, key: string, item: Record<string, unknown>): unknown {
  const said = item[key];
  return said === undefined ? (map?.defaults?.[key] ?? undefined) : said;
}

/** An item of a set or map list that nothing tells from the others. */
export class NoElement extends Error {}

/** The path element of an item of a set or map list. Throws NoElement with upstream's sentence when it has none. */
export function elementOf(list: ListType, item: unknown): string {
  if (list.kind === 'set') {
    if (item === null) throw new NoElement("associative list without keys has an element that's an explicit null");
    if (Array.isArray(item)) throw new NoElement('not supported: associative list with lists as elements');
    if (typeof item === 'object') throw new NoElement("associative list without keys has an element that's a map type");
    return `v:${JSON.stringify(item)}`;
  }
  if (item === null) throw new NoElement('associative list with keys may not have a null element');
  if (typeof item !== 'object' || Array.isArray(item)) throw new NoElement('associative list with keys may not have non-map elements');
  let text = '';
  for (const key of keysInOrder(list)) {
    const value = keyValue(list, key, item as Record<string, unknown>);
    if (value === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${JSON.stringify(value)}`;
  }
  if (text === '') {
    const names = `[${list.keys.map((key) => JSON.stringify(key)).join(' ')}]`;
    throw new NoElement(
      `associative list with keys has an element that omits all key fields ${names} (and doesn't have default values for any key fields)`,
    );
  }
  return `k:{${text}}`;
}

/** The values that elementOf() makes its text of, for items that have one: equal ones make equal texts. */
export const elementValues = (list: ListType, item: unknown): readonly unknown[] =>
  list.kind === 'set' ? [item] : keysInOrder(list).map((key) => keyValue(list, key, item as Record<string, unknown>));

export function hasElementValues(list: ListType, item: unknown, values: readonly unknown[]): boolean {
  if (list.kind === 'set') return item === values[0];
  if (typeof item !== 'object' || item === null) return false;
  const keys = keysInOrder(list);
  for (let i = 0; i < keys.length; i++) if (keyValue(list, keys[i]!, item as Record<string, unknown>) !== values[i]) return false;
  return true;
}

/** Items by their element, in order of first sight. Throws as elementOf does: a list with such an item is not of its type. */
export function itemsByElement(list: ListType, items: readonly unknown[]): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>();
  for (const item of items) {
    const element = elementOf(list, item);
    const same = found.get(element);
    if (same) same.push(item);
    else found.set(element, [item]);
  }
  return found;
}
