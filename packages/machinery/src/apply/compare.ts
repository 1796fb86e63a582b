// The fields of a value, and what changed between two values (structured-merge-diff typed/tofieldset.go, typed/compare.go).
import { cameUnlikeStored } from '@tiphys/api';
import { jsonEqual } from '../patch/json-value.ts';
import type { ListType, MapType, MergeType } from '../schema/merge-type.ts';
import { type FieldTree, LEAF, NOTHING, withMember } from './field-tree.ts';
import { entriesOf, formOf, hasEntries, itemsByElement, itemsOf } from './typed-value.ts';

type Building = Record<string, FieldTree>;

/** The fields an applied configuration names: leaves, list items, and keys of maps. */
export function fieldsOf(type: MergeType, value: unknown): FieldTree {
  return namedFields(type, value) ?? NOTHING;
}

function namedFields(type: MergeType, value: unknown): FieldTree | undefined {
  switch (formOf(type, value)) {
    case 'scalar':
      return LEAF;
    case 'list': {
      const list = type.list!;
      if (list.kind === 'atomic') return LEAF;
      const tree: Building = {};
      let any = false;
      for (const [element, items] of itemsByElement(list, itemsOf(value))) {
        any = true;
        tree[element] = items.length > 1 ? LEAF : withMember(namedFields(list.item, items[0]));
      }
      return any ? tree : undefined;
    }
    case 'map': {
      const map = type.map!;
      if (map.atomic) return LEAF;
      const entries = entriesOf(value);
      const tree: Building = {};
      let any = false;
      for (const key in entries) {
        const entry = entries[key];
        if (entry === undefined) continue;
        const declared = map.fields[key];
        const fieldType = declared ?? map.values;
        if (!fieldType) continue;
        let node = namedFields(fieldType, entry);
        const hollow = entry === null || (typeof entry === 'object' && !Array.isArray(entry) && !hasEntries(entry));
        if (hollow || !declared) node = withMember(node);
        if (!node) continue;
        tree[`f:${key}`] = node;
        any = true;
      }
      return any ? tree : undefined;
    }
  }
}

/** Every path in a value that appeared (or went) as a whole: leaves and all that leads to them. */
function wholeTree(type: MergeType, value: unknown): FieldTree {
  const form = formOf(type, value);
  if (form === 'scalar') return LEAF;
  const tree: Building = {};
  let any = false;
  if (form === 'list') {
    const list = type.list!;
    if (list.kind === 'atomic') return LEAF;
    for (const [element, items] of itemsByElement(list, itemsOf(value))) {
      tree[element] = items.length > 1 ? LEAF : wholeTree(list.item, items[0]);
      any = true;
    }
  } else {
    const map = type.map!;
    if (map.atomic) return LEAF;
    const entries = entriesOf(value);
    for (const key in entries) {
      if (entries[key] === undefined) continue;
      const fieldType = map.fields[key] ?? map.values;
      if (!fieldType) continue;
      tree[`f:${key}`] = wholeTree(fieldType, entries[key]);
      any = true;
    }
  }
  if (!any) return LEAF;
  tree['.'] = LEAF;
  return tree;
}

export interface Comparison {
  added: FieldTree;
  modified: FieldTree;
  removed: FieldTree;
}

/** The three answers for one node; undefined means nothing there. */
interface Change {
  added?: FieldTree;
  modified?: FieldTree;
  removed?: FieldTree;
}

const MODIFIED: Change = { modified: LEAF };

/** Collects the changes of a node's children. */
class Children {
  #added: Building | undefined;
  #modified: Building | undefined;
  #removed: Building | undefined;

  take(element: string, change: Change | undefined): void {
    if (!change) return;
    if (change.added) {
      this.#added ??= {};
      this.#added[element] = change.added;
    }
    if (change.modified) {
      this.#modified ??= {};
      this.#modified[element] = change.modified;
    }
    if (change.removed) {
      this.#removed ??= {};
      this.#removed[element] = change.removed;
    }
  }

  change(): Change | undefined {
    if (!this.#added && !this.#modified && !this.#removed) return undefined;
    const change: Change = {};
    if (this.#added) change.added = this.#added;
    if (this.#modified) change.modified = this.#modified;
    if (this.#removed) change.removed = this.#removed;
    return change;
  }
}

function compareMaps(map: MapType, left: unknown, right: unknown): Change | undefined {
  const before = entriesOf(left);
  const after = entriesOf(right);
  const children = new Children();
  for (const key in after) {
    if (after[key] === undefined) continue;
    const type = map.fields[key] ?? map.values;
    if (type) children.take(`f:${key}`, compareNode(type, Object.hasOwn(before, key) ? before[key] : undefined, after[key]));
  }
  for (const key in before) {
    if (before[key] === undefined || (Object.hasOwn(after, key) && after[key] !== undefined)) continue;
    const type = map.fields[key] ?? map.values;
    if (type) children.take(`f:${key}`, compareNode(type, before[key], undefined));
  }
  return children.change();
}

/** Items that occur twice are compared as one atomic group, as upstream does for objects written before the rule. */
function compareItems(list: ListType, before: readonly unknown[] | undefined, after: readonly unknown[] | undefined): Change | undefined {
  const oldCount = before?.length ?? 0;
  const newCount = after?.length ?? 0;
  if (oldCount <= 1 && newCount <= 1) return compareNode(list.item, before?.[0], after?.[0]);
  if (oldCount >= 2 && newCount >= 2) return jsonEqual(before, after) ? undefined : MODIFIED;
  if (oldCount >= 2) return { ...(newCount ? compareNode(list.item, undefined, after![0]) : {}), removed: LEAF };
  return { ...(oldCount ? compareNode(list.item, before![0], undefined) : {}), added: LEAF };
}

function compareLists(list: ListType, left: readonly unknown[], right: readonly unknown[]): Change | undefined {
  const before = itemsByElement(list, left);
  const after = itemsByElement(list, right);
  const children = new Children();
  for (const [element, items] of after) children.take(element, compareItems(list, before.get(element), items));
  for (const [element, items] of before) if (!after.has(element)) children.take(element, compareItems(list, items, undefined));
  return children.change();
}

/** What is told of one side alone where the other has another form: its entries or items, or itself as a leaf. */
function partsOf(type: MergeType, value: unknown): FieldTree | undefined {
  const form = formOf(type, value);
  if (form === 'scalar' || (form === 'list' ? type.list!.kind === 'atomic' : type.map!.atomic)) return undefined;
  const { '.': own, ...parts } = wholeTree(type, value);
  return own ? parts : undefined;
}

/** A map that becomes a text, or the like: what was in the one is gone, and the place itself has changed. */
function compareForms(type: MergeType, left: unknown, right: unknown): Change {
  const [removed, added] = [partsOf(type, left), partsOf(type, right)];
  return {
    ...(removed && added ? {} : { modified: LEAF }),
    ...(removed ? { removed } : {}),
    ...(added ? { added } : {}),
  };
}

function compareNode(type: MergeType, left: unknown, right: unknown): Change | undefined {
  if (left === right) return undefined;
  if (left === undefined) return { added: wholeTree(type, right) };
  if (right === undefined) return { removed: wholeTree(type, left) };
  const form = formOf(type, right === null ? left : right);
  if (left !== null && right !== null && formOf(type, left) !== form) return compareForms(type, left, right);
  if (form === 'map' && (left === null || formOf(type, left) === 'map') && type.map && !type.map.atomic) {
    if (hasEntries(left) || hasEntries(right)) return compareMaps(type.map, left, right);
  } else if (form === 'list' && (left === null || Array.isArray(left)) && type.list && type.list.kind !== 'atomic') {
    const before = itemsOf(left);
    const after = itemsOf(right);
    if (before.length > 0 || after.length > 0) return compareLists(type.list, before, after);
  }
  return jsonEqual(left, right) && !holdsUnlike(right) ? undefined : MODIFIED;
}

/**
 * Whether there is, somewhere below a list, a list or map that came empty, or an amount in other words. Go compares lists whole, by its
 * own equality, to which empty is not absent and `1.0` not `1`; and what is stored never has such things.
 */
export function holdsUnlike(value: unknown, inList = false): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some((item) => holdsUnlike(item, true));
  if (inList && cameUnlikeStored(value)) return true;
  for (const key in value) if (holdsUnlike((value as Record<string, unknown>)[key], inList)) return true;
  return false;
}

/** What changed from one object to another. */
export function compareTyped(type: MergeType, left: unknown, right: unknown): Comparison {
  const change = compareNode(type, left, right);
  return { added: change?.added ?? NOTHING, modified: change?.modified ?? NOTHING, removed: change?.removed ?? NOTHING };
}
