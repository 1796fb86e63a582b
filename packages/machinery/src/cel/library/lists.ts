// Lists: Kubernetes' own (apiserver pkg/cel/library/lists.go), version 3 of cel-go's (ext/lists.go) and sets (ext/sets.go).
import { compare, equals } from '../compare.ts';
import { type Declared, free, member } from '../functions.ts';
import { BOOL, BYTES, type CelType, DOUBLE, DURATION, DYN, INT, listOf, parameter, STRING, TIMESTAMP, UINT } from '../types.ts';
import { ArrayList, CelError, CelList, CostExceededError, Duration, typeNameOf, Uint, type Value } from '../values.ts';

const T = parameter('T');
const LIST = listOf(T);
/** A range longer than the cost limit allows is never made. */
const RANGE_MAX = 1_000_000n;
const COMPARABLE: Record<string, CelType> = {
  int: INT,
  uint: UINT,
  double: DOUBLE,
  bool: BOOL,
  duration: DURATION,
  timestamp: TIMESTAMP,
  string: STRING,
  bytes: BYTES,
};

function isSorted(list: CelList): boolean {
  for (let i = 1; i < list.size; i++) if (compare(list.at(i - 1), list.at(i)) > 0) return false;
  return true;
}

const extreme =
  (name: string, wins: (order: number) => boolean) =>
  (list: CelList): Value => {
    if (list.size === 0) throw new CelError(`${name} called on empty list`);
    let best = list.at(0);
    for (const item of list) if (wins(compare(item, best))) best = item;
    return best;
  };

const INT_LIMIT = 2n ** 63n;

const SUMS: Record<string, readonly [CelType, (list: CelList) => Value]> = {
  int: [
    INT,
    (list) => {
      let sum = 0n;
      for (const item of list) {
        sum += item as bigint;
        if (sum >= INT_LIMIT || sum < -INT_LIMIT) throw new CelError('integer overflow');
      }
      return sum;
    },
  ],
  uint: [
    UINT,
    (list) => {
      let sum = 0n;
      for (const item of list) sum += (item as Uint).value;
      if (sum >= INT_LIMIT * 2n) throw new CelError('unsigned integer overflow');
      return new Uint(sum);
    },
  ],
  double: [
    DOUBLE,
    (list) => {
      let sum = 0;
      for (const item of list) sum += item as number;
      return sum;
    },
  ],
  duration: [
    DURATION,
    (list) => {
      let sum = 0n;
      for (const item of list) sum += (item as Duration).nanos;
      return new Duration(sum);
    },
  ],
};

function indexOf(list: CelList, item: Value): bigint {
  for (let i = 0; i < list.size; i++) if (equals(list.at(i), item)) return BigInt(i);
  return -1n;
}

function lastIndexOf(list: CelList, item: Value): bigint {
  for (let i = list.size - 1; i >= 0; i--) if (equals(list.at(i), item)) return BigInt(i);
  return -1n;
}

function slice(list: CelList, start: bigint, end: bigint): CelList {
  const why = `cannot slice(${start}, ${end})`;
  if (start < 0n || end < 0n) throw new CelError(`${why}, negative indexes not supported`);
  if (start > end) throw new CelError(`${why}, start index must be less than or equal to end index`);
  if (BigInt(list.size) < end) throw new CelError(`${why}, list is length ${list.size}`);
  const items: Value[] = [];
  for (let i = Number(start); i < Number(end); i++) items.push(list.at(i));
  return new ArrayList(items);
}

function flatten(list: CelList, depth: bigint): Value[] {
  if (depth < 0n) throw new CelError('level must be non-negative');
  return [...list].flatMap((item) => (item instanceof CelList && depth > 0n ? flatten(item, depth - 1n) : [item]));
}

function sortedBy(list: CelList, keys: CelList): CelList {
  if (list.size !== keys.size) {
    throw new CelError(
      `@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got ${list.size} and ${keys.size} elements respectively`,
    );
  }
  if (list.size === 0) return list;
  const type = typeNameOf(keys.at(0));
  if ([...keys].some((key) => typeNameOf(key) !== type)) throw new CelError('list elements must have the same type');
  const pairs = [...list].map((item, i) => ({ item, key: keys.at(i) }));
  return new ArrayList(pairs.sort((a, b) => compare(a.key, b.key)).map(({ item }) => item));
}

function distinct(list: CelList): CelList {
  const found: Value[] = [];
  const texts = new Set<string>();
  for (const item of list) {
    if (typeof item === 'string') {
      if (!texts.has(item)) found.push(item);
      texts.add(item);
    } else if (!found.some((each) => equals(each, item))) found.push(item);
  }
  return new ArrayList(found);
}

function range(count: bigint): CelList {
  if (count > RANGE_MAX) throw new CostExceededError();
  return new ArrayList(Array.from({ length: count < 0n ? 0 : Number(count) }, (_, i) => BigInt(i)));
}

const holds = (list: CelList, item: Value) => indexOf(list, item) >= 0n;
const every = (a: CelList, b: CelList) => [...b].every((item) => holds(a, item));

const templated = (make: (name: string, type: CelType) => Declared) => Object.entries(COMPARABLE).map(([name, type]) => make(name, type));

export const LISTS: readonly Declared[] = [
  ...templated((name, type) => member('isSorted', `list_${name}_is_sorted_bool`, [listOf(type)], BOOL, isSorted)),
  ...Object.entries(SUMS).map(([name, [type, sum]]) => member('sum', `list_${name}_sum_${name}`, [listOf(type)], type, sum)),
  ...templated((name, type) =>
    member(
      'max',
      `list_${name}_max_${name}`,
      [listOf(type)],
      type,
      extreme('max', (order) => order > 0),
    ),
  ),
  ...templated((name, type) =>
    member(
      'min',
      `list_${name}_min_${name}`,
      [listOf(type)],
      type,
      extreme('min', (order) => order < 0),
    ),
  ),
  member('indexOf', 'list_a_index_of_int', [LIST, T], INT, indexOf),
  member('lastIndexOf', 'list_a_last_index_of_int', [LIST, T], INT, lastIndexOf),
  member('slice', 'list_slice', [LIST, INT, INT], LIST, slice),
  member('flatten', 'list_flatten', [listOf(LIST)], LIST, (list: CelList) => new ArrayList(flatten(list, 1n))),
  member(
    'flatten',
    'list_flatten_int',
    [listOf(DYN), INT],
    listOf(DYN),
    (list: CelList, depth: bigint) => new ArrayList(flatten(list, depth)),
  ),
  ...templated((name, type) => member('sort', `list_${name}_sort`, [listOf(type)], listOf(type), (list: CelList) => sortedBy(list, list))),
  ...templated((name, type) => member('@sortByAssociatedKeys', `list_${name}_sortByAssociatedKeys`, [LIST, listOf(type)], LIST, sortedBy)),
  free('lists.range', 'lists_range', [INT], listOf(INT), range),
  member('reverse', 'list_reverse', [LIST], LIST, (list: CelList) => new ArrayList([...list].reverse())),
  member('distinct', 'list_distinct', [LIST], LIST, distinct),
  free('sets.contains', 'list_sets_contains_list', [LIST, LIST], BOOL, every),
  free('sets.equivalent', 'list_sets_equivalent_list', [LIST, LIST], BOOL, (a: CelList, b: CelList) => every(a, b) && every(b, a)),
  free('sets.intersects', 'list_sets_intersects_list', [LIST, LIST], BOOL, (a: CelList, b: CelList) =>
    [...a].some((item) => holds(b, item)),
  ),
];
