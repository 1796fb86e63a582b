// What keeps an applied configuration from being read as its type (structured-merge-diff typed/validate.go).
import { goSyntax, goText, goTypeOf } from '../go-text.ts';
import { deduced, type ListType, type MergeType } from '../schema/merge-type.ts';
import { elementText } from './field-tree.ts';
import { elementOf, entriesOf, formOf, NoElement } from './typed-value.ts';

/** How Go prints the wrapper that the value is in. */
const shownValue = (value: unknown) => `&{${goText(value)}}`;

function scalarErrors(type: MergeType, value: unknown): string[] {
  if (value === null) return [];
  const shown = shownValue(value);
  switch (type.scalar) {
    case 'numeric':
      return typeof value === 'number' ? [] : [`expected numeric (int or float), got ${goTypeOf(value)}`];
    case 'string':
      return typeof value === 'string' ? [] : [`expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`];
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`expected boolean, got ${shown}`];
    default:
      return typeof value === 'object' ? [`expected any scalar, got ${shown}`] : [];
  }
}

function listErrors(list: ListType, items: readonly unknown[], path: string, isStored: boolean): string[] {
  if (list.kind === 'atomic') return items.flatMap((item, i) => typedErrors(list.item, item, `${path}[${i}]`, isStored));
  const at = (error: string) => (path === '' ? error : `${path}: ${error}`);
  const seen = new Set<string>();
  const errors: string[] = [];
  for (const [i, item] of items.entries()) {
    let element: string;
    try {
      element = elementOf(list, item);
    } catch (error) {
      if (!(error instanceof NoElement)) throw error;
      // Nothing can be said of what comes after it.
      return [...errors, at(`element ${i}: ${error.message}`)];
    }
    if (seen.has(element) && !isStored) errors.push(at(`duplicate entries for key ${elementText(element)}`));
    seen.add(element);
    const inside = typedErrors(list.item, item, '', isStored);
    // Nearly every item is well: where it lies is told only of one that is not.
    if (inside.length === 0) continue;
    const lies = path + elementText(element);
    for (const error of inside) errors.push(/^[.[]/.test(error) ? lies + error : `${lies}: ${error}`);
  }
  return errors;
}

/** Several sentences as one text. */
export const errorsText = (errors: readonly string[]): string =>
  errors.length === 1 ? errors[0]! : `errors:\n${errors.map((error) => `  ${error}`).join('\n')}`;

/** Sentences such as `.spec.foo: field not declared in schema`. What is stored already may hold the same item twice. */
export function typedErrors(type: MergeType, value: unknown, path = '', isStored = false): string[] {
  const at = (errors: string[]) => errors.map((error) => (path === '' ? error : `${path}: ${error}`));
  const form = formOf(type, value);
  if (form === 'scalar') return at(scalarErrors(type, value));
  if (value === null || value === undefined) return [];
  if (form === 'list') {
    if (!Array.isArray(value)) return at([`expected list, got ${shownValue(value)}`]);
    const list = type.list!;
    return listErrors(list, value, path, isStored);
  }
  if (typeof value !== 'object' || Array.isArray(value)) return at([`expected map, got ${shownValue(value)}`]);
  const map = type.map!;
  const errors: string[] = [];
  for (const [key, entry] of Object.entries(entriesOf(value))) {
    const fieldType = map.fields[key] ?? map.values;
    // Upstream looks no further then, and its order is chance.
    if (!fieldType) return [...errors, `${path}.${key}: field not declared in schema`];
    for (const error of typedErrors(fieldType, entry, `${path}.${key}`, isStored)) errors.push(error);
  }
  return errors;
}

const isFreeMap = ({ scalar, list, map }: MergeType) => map === deduced.map && !scalar && !list;
const leading = new WeakMap<MergeType, readonly string[]>();

/** The fields below which there are objects that may hold anything. Types that contain themselves count while it is found out. */
function fieldsToFreeMaps(type: MergeType): readonly string[] {
  let names = leading.get(type);
  if (names) return names;
  const all = Object.keys(type.map?.fields ?? {});
  leading.set(type, all);
  names = all.filter((name) => leadsToFreeMap(type.map!.fields[name]!));
  leading.set(type, names);
  return names;
}

const leadsToFreeMap = (type: MergeType): boolean =>
  isFreeMap(type) ||
  fieldsToFreeMaps(type).length > 0 ||
  (type.list !== undefined && type.list.item !== type && leadsToFreeMap(type.list.item));

/**
 * Whether an object that Go could read is still none of its type: what may hold anything must be an object there (`fieldsV1` of a
 * template's managers).
 */
export function isMistyped(type: MergeType, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value !== null && value !== undefined && isFreeMap(type);
  if (Array.isArray(value)) {
    const item = type.list?.item;
    return isFreeMap(type) || (item !== undefined && leadsToFreeMap(item) && value.some((each) => isMistyped(item, each)));
  }
  for (const name of fieldsToFreeMaps(type)) {
    const held = (value as Record<string, unknown>)[name];
    if (held !== undefined && isMistyped(type.map!.fields[name]!, held)) return true;
  }
  return false;
}
