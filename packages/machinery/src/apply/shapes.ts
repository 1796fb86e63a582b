// What a creator owns follows from the shape of the object alone: which fields and list items it has, not what they say. Objects of a
// shape that was seen before, as all pods of one template are, cost a look instead of a tree of fields.
import { countValues } from '@tiphys/api';
import type { ListType, MergeType } from '../schema/merge-type.ts';
import type { FieldTree } from './field-tree.ts';
import { elementOf, elementValues, formOf, hasElementValues, hasEntries } from './typed-value.ts';

/** Shapes remembered for a type, the ones used last. */
export const SHAPES_MAX = 8;
/** Values of an object whose shape is remembered: larger ones are few, and differ. */
const SHAPE_VALUES_MAX = 2000;

/** A value without fields of its own. What is compared with the empty object of the kind has to be told apart. */
type Leaf = 'null' | 'zero' | 'false' | 'no text' | 'scalar' | 'no list' | 'list' | 'no map' | 'map' | 'untyped' | `hollow ${string}`;
interface MapShape {
  /** In their order. */
  keys: readonly string[];
  shapes: readonly Shape[];
}
interface ListShape {
  /** What tells each item from the others. */
  items: readonly (readonly unknown[])[];
  shapes: readonly Shape[];
}
type Shape = Leaf | MapShape | ListShape;

function leafOf(value: unknown): Leaf {
  if (value === null) return 'null';
  if (value === 0) return 'zero';
  if (value === false) return 'false';
  if (value === '') return 'no text';
  if (Array.isArray(value)) return value.length === 0 ? 'no list' : 'list';
  if (typeof value === 'object') return hasEntries(value) ? (isHollow(value) ? `hollow ${JSON.stringify(value)}` : 'map') : 'no map';
  return value === '0' || value === '0s' ? `hollow ${value}` : 'scalar';
}

/** Whether a map says nothing, as those of the empty object that are owned as a whole. */
const isHollow = (value: object): boolean =>
  Object.values(value).every((entry) => !entry || entry === '0' || entry === '0s' || (typeof entry === 'object' && isHollow(entry)));

/** Whether only the value as a whole counts. */
function isLeaf(type: MergeType, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  const form = formOf(type, value);
  if (form === 'scalar') return true;
  if (form === 'list') return !Array.isArray(value) || type.list!.kind === 'atomic' || value.length === 0;
  return Array.isArray(value) || type.map!.atomic || !hasEntries(value);
}

const fieldType = ({ fields, values }: NonNullable<MergeType['map']>, key: string) => fields[key] ?? values;

/** Throws where a list's item has no key. */
function shapeOf(type: MergeType, value: unknown): Shape {
  if (isLeaf(type, value)) return leafOf(value);
  if (Array.isArray(value)) {
    const list = type.list!;
    for (const item of value) elementOf(list, item);
    return { items: value.map((item) => elementValues(list, item)), shapes: value.map((item) => shapeOf(list.item, item)) };
  }
  const keys: string[] = [];
  const shapes: Shape[] = [];
  for (const [key, entry] of Object.entries(value as object)) {
    if (entry === undefined) continue;
    const inner = fieldType(type.map!, key);
    keys.push(key);
    shapes.push(inner ? shapeOf(inner, entry) : 'untyped');
  }
  return { keys, shapes };
}

function hasShape(type: MergeType, value: unknown, shape: Shape): boolean {
  if (typeof shape === 'string') return isLeaf(type, value) && leafOf(value) === shape;
  if (isLeaf(type, value)) return false;
  if (Array.isArray(value)) return 'items' in shape && hasListShape(type.list!, value, shape);
  if ('items' in shape) return false;
  const { keys, shapes } = shape;
  const map = type.map!;
  let at = 0;
  for (const key in value as object) {
    const entry = (value as Record<string, unknown>)[key];
    if (entry === undefined) continue;
    if (key !== keys[at]) return false;
    const inner = fieldType(map, key);
    const expected = shapes[at++]!;
    if (inner ? !hasShape(inner, entry, expected) : expected !== 'untyped') return false;
  }
  return at === keys.length;
}

function hasListShape(list: ListType, value: readonly unknown[], { items, shapes }: ListShape): boolean {
  if (value.length !== items.length) return false;
  for (let i = 0; i < items.length; i++)
    if (!hasElementValues(list, value[i], items[i]!) || !hasShape(list.item, value[i], shapes[i]!)) return false;
  return true;
}

function isLarge(object: object): boolean {
  try {
    countValues(object, SHAPE_VALUES_MAX);
    return false;
  } catch {
    return true;
  }
}

export class Shapes {
  readonly #type: MergeType;
  /** The one used last comes first. */
  readonly #known: { shape: Shape; fields: FieldTree }[] = [];

  constructor(type: MergeType) {
    this.#type = type;
  }

  /** The fields that `make` has answered for an object of the same shape. */
  fieldsOf(object: object, make: () => FieldTree): FieldTree {
    try {
      return this.#find(object) ?? this.#remember(object, make());
    } catch {
      // An item without a key: what that means is for the real walk to say.
      return make();
    }
  }

  #find(object: object): FieldTree | undefined {
    for (let i = 0; i < this.#known.length; i++) {
      const known = this.#known[i]!;
      if (!hasShape(this.#type, object, known.shape)) continue;
      if (i > 0) {
        this.#known.splice(i, 1);
        this.#known.unshift(known);
      }
      return known.fields;
    }
    return undefined;
  }

  #remember(object: object, fields: FieldTree): FieldTree {
    if (isLarge(object)) return fields;
    this.#known.unshift({ shape: shapeOf(this.#type, object), fields });
    if (this.#known.length > SHAPES_MAX) this.#known.pop();
    return fields;
  }
}
