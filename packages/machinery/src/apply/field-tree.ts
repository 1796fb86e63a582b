// Sets of fields, kept in the form managedFields carries them: nested objects with the keys `f:name`, `k:{…}`, `v:…`, `i:0` and
// `.` (structured-merge-diff fieldpath/set.go). A node without keys is a member of the set; one with keys is a member when it has
// `.`. The root is never a member. Trees are never changed once made; parts are shared.

export interface FieldTree {
  readonly [element: string]: FieldTree;
}
type Building = Record<string, FieldTree>;

export const LEAF: FieldTree = Object.freeze({});
export const NOTHING: FieldTree = LEAF;

export function isEmptyTree(tree: FieldTree): boolean {
  for (const _ in tree) return false;
  return true;
}

/** Whether a node below the root is itself in the set. */
export const isMember = (node: FieldTree): boolean => node['.'] !== undefined || isEmptyTree(node);

/** The node with itself in the set. */
export function withMember(node: FieldTree | undefined): FieldTree {
  if (node === undefined || isMember(node)) return node ?? LEAF;
  return { '.': LEAF, ...node };
}

/** A node from its parts; undefined when nothing is left. */
function nodeOf(member: boolean, children: Building): FieldTree | undefined {
  if (isEmptyTree(children)) return member ? LEAF : undefined;
  return member ? { '.': LEAF, ...children } : children;
}

/** The left one itself where it holds the right one. */
export function union(left: FieldTree, right: FieldTree): FieldTree {
  if (left === right || isEmptyTree(right)) return left;
  if (isEmptyTree(left)) return right;
  let result: Building | undefined;
  for (const key in right) {
    const ours = left[key];
    const both = ours === undefined ? right[key]! : unionNode(ours, right[key]!);
    if (both === ours) continue;
    result ??= { ...left };
    result[key] = both;
  }
  return result ?? left;
}

function unionNode(left: FieldTree, right: FieldTree): FieldTree {
  const children = union(left, right);
  return isMember(left) || isMember(right) ? withMember(children) : children;
}

/** One by one, each would copy what the ones before have come to. */
export function unionOfAll(trees: readonly FieldTree[]): FieldTree {
  if (trees.length <= 2) return union(trees[0] ?? NOTHING, trees[1] ?? NOTHING);
  const middle = trees.length >> 1;
  return union(unionOfAll(trees.slice(0, middle)), unionOfAll(trees.slice(middle)));
}

/** What is in left and not in right. Being in the set is not inherited: children are looked at one by one. */
export function difference(left: FieldTree, right: FieldTree): FieldTree {
  return meets(left, right) ? childrenLeft(left, right) : left;
}

/** Whether anything is in both. */
function meets(left: FieldTree, right: FieldTree): boolean {
  for (const key in right) {
    const ours = key === '.' ? undefined : left[key];
    if (ours === undefined) continue;
    const theirs = right[key]!;
    if ((isMember(ours) && isMember(theirs)) || meets(ours, theirs)) return true;
  }
  return false;
}

function childrenLeft(left: FieldTree, right: FieldTree): Building {
  const children: Building = {};
  for (const key in left) {
    if (key === '.') continue;
    const node = left[key]!;
    const other = right[key];
    const rest = other === undefined ? node : nodeOf(isMember(node) && !isMember(other), childrenLeft(node, other));
    if (rest) children[key] = rest;
  }
  return children;
}

/** Like difference(), but a member of right takes everything below it away too. */
export function recursiveDifference(left: FieldTree, right: FieldTree): FieldTree {
  const children: Building = {};
  for (const key in left) {
    if (key === '.') continue;
    const node = left[key]!;
    const other = right[key];
    if (other === undefined) children[key] = node;
    else if (!isMember(other)) {
      const rest = nodeOf(isMember(node), recursiveDifference(node, other) as Building);
      if (rest) children[key] = rest;
    }
  }
  return children;
}

export function intersection(left: FieldTree, right: FieldTree): FieldTree {
  const result: Building = {};
  for (const key in left) {
    const other = right[key];
    if (key === '.' || other === undefined) continue;
    const node = left[key]!;
    const shared = nodeOf(isMember(node) && isMember(other), intersection(node, other) as Building);
    if (shared) result[key] = shared;
  }
  return result;
}

/** Sets are equal when no path is in one alone; the order of keys does not matter. */
export function sameTree(left: FieldTree, right: FieldTree): boolean {
  if (left === right) return true;
  let count = 0;
  for (const key in left) {
    if (right[key] === undefined || !sameTree(left[key]!, right[key]!)) return false;
    count++;
  }
  for (const _ in right) count--;
  return count === 0;
}

const RANK: Record<string, number> = { '.': 0, f: 1, k: 2, v: 3, i: 4 };
const rank = (element: string) => RANK[element[0]!] ?? 5;
const inOrder = (a: string, b: string) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);

/** Trees that were made here, and their parts, with their number of fields: they need neither be sorted nor checked again. */
const sorted = new WeakMap<FieldTree, number>();
/** Elements of which the trees below are remembered, and how many of each: most of what one pod's kubelet owns, every pod's owns. */
export const REMEMBERED_ELEMENTS_MAX = 1000;
const REMEMBERED_TREES_MAX = 4;
/** Fields of a tree that is remembered: a whole pod has fewer, and what is larger is seldom seen twice. */
const REMEMBERED_FIELDS_MAX = 500;
/** Sorted trees by the element above them, the one made last first. */
const remembered = new Map<string, FieldTree[]>();

/** The tree with its keys in upstream's order, ready to be shown to a caller. Trees made here share the parts that are equal. */
export function sortedTree(tree: FieldTree): FieldTree {
  return sortedNode('', tree);
}

function sortedNode(element: string, tree: FieldTree): FieldTree {
  if (isEmptyTree(tree)) return LEAF;
  if (sorted.has(tree)) return tree;
  const keys = Object.keys(tree);
  const children: Building = {};
  for (const key of keys) children[key] = sortedNode(key, tree[key]!);
  const known = remembered.get(element);
  return known?.find((node) => hasChildren(node, keys, children)) ?? remember(element, known, keys, children);
}

function hasChildren(node: FieldTree, keys: readonly string[], children: FieldTree): boolean {
  for (const key of keys) if (node[key] !== children[key]) return false;
  return Object.keys(node).length === keys.length;
}

function remember(element: string, known: FieldTree[] | undefined, keys: string[], children: FieldTree): FieldTree {
  const result: Building = {};
  if (keys.length > 1) keys.sort(inOrder);
  let fields = keys.length;
  for (const key of keys) {
    result[key] = children[key]!;
    fields += sorted.get(children[key]!) ?? 0;
  }
  sorted.set(result, fields);
  if (fields > REMEMBERED_FIELDS_MAX) return result;
  if (known) {
    if (known.length === REMEMBERED_TREES_MAX) known.pop();
    known.unshift(result);
    return result;
  }
  // Names of items come and go, as addresses of pods do; the others are soon here again.
  if (remembered.size === REMEMBERED_ELEMENTS_MAX) remembered.clear();
  remembered.set(element, [result]);
  return result;
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return Object.entries(value)
    .map(([name, inner]) => `${name}=${valueText(inner)}`)
    .join('');
}

/** One element of a path as upstream prints it: `.spec`, `[name="web"]`, `[="a"]`, `[0]`. */
export function elementText(element: string): string {
  const rest = element.slice(2);
  if (element.startsWith('f:')) return `.${rest}`;
  if (element.startsWith('v:')) return `[=${rest}]`;
  if (element.startsWith('i:')) return `[${rest}]`;
  const fields = Object.entries(JSON.parse(rest) as Record<string, unknown>);
  return `[${fields.map(([name, value]) => `${name}=${valueText(value)}`).join(',')}]`;
}

/** Every path in the set, as text: a node's own members first, then what is below. */
export function pathsOf(tree: FieldTree, prefix = ''): string[] {
  const keys = Object.keys(tree)
    .filter((key) => key !== '.')
    .sort(inOrder);
  const own = keys.filter((key) => isMember(tree[key]!)).map((key) => prefix + elementText(key));
  return [...own, ...keys.flatMap((key) => pathsOf(tree[key]!, prefix + elementText(key)))];
}

/** Reads fieldsV1; undefined when it is not a tree of path elements. */
export function treeFromFields(fields: unknown): FieldTree | undefined {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return undefined;
  if (sorted.has(fields as FieldTree)) return fields as FieldTree;
  for (const key in fields) {
    if (key !== '.' && !(key[1] === ':' && RANK[key[0]!])) return undefined;
    if (key[0] === 'k' || key[0] === 'v') {
      try {
        JSON.parse(key.slice(2));
      } catch {
        return undefined;
      }
    }
    if (treeFromFields((fields as Building)[key]) === undefined) return undefined;
  }
  return fields as FieldTree;
}
