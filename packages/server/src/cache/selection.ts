// Which objects a list or watch asks for: a namespace, a name, labels and fields.
import type { Entry, PlainObject } from './entry.ts';

export interface Selection {
  /** Keys must start with this: '' or `namespace/`. */
  keyPrefix: string;
  /** The only key, when the request names one object. */
  key?: string;
  /** What is asked of labels and fields, as it was written. */
  text?: string;
  /** Absent when labels and fields don't matter, so that nothing has to be parsed. */
  matches?(object: PlainObject): boolean;
  /** A field that must have one value: watches that ask so are found by it instead of being asked about every change. */
  field?: IndexedField;
}

export interface IndexedField {
  /** Tells it from other fields of the objects in the same cache, such as `v1/spec.nodeName`. */
  name: string;
  value: string;
  read(object: PlainObject): string;
}

export function selects(selection: Selection, entry: Entry): boolean {
  if (selection.key !== undefined && entry.key !== selection.key) return false;
  if (selection.keyPrefix !== '' && !entry.key.startsWith(selection.keyPrefix)) return false;
  return selection.matches === undefined || selection.matches(entry.content);
}

export const isEverything = (selection: Selection): boolean =>
  selection.keyPrefix === '' && selection.key === undefined && selection.matches === undefined;
