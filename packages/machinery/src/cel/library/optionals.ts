// Optional values and maps that folds build (cel-go cel/library.go, ext/comprehensions.go).
import { type Declared, free, member } from '../functions.ts';
import { BOOL, INT, listOf, mapOf, optionalOf, parameter } from '../types.ts';
import { ArrayList, CelError, CelList, CelMap, Duration, EntryMap, Optional, sizeOf, Timestamp, Uint, type Value } from '../values.ts';

const V = parameter('V');
const K = parameter('K');
const OPTIONAL_V = optionalOf(V);

function isZero(value: Value): boolean {
  if (value === null || value === false || value === 0n || value === 0 || value === '') return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration || value instanceof Timestamp) return value.nanos === 0n;
  if (value instanceof CelList || value instanceof CelMap || value instanceof Uint8Array) return sizeOf(value) === 0;
  return value instanceof Optional && value.value === undefined;
}

function held(optional: Optional): Value {
  if (optional.value === undefined) throw new CelError('optional.none() dereference');
  return optional.value;
}

const unwrapped = (list: CelList) => new ArrayList([...list].flatMap((each) => (each as Optional).value ?? []));

const item = (list: CelList, at: number) => (list.size === 0 ? Optional.NONE : Optional.of(list.at(at)));

function inserted(map: CelMap, key: Value, value: Value): CelMap {
  if (map.has(key)) throw new CelError(`insert failed: key ${String(key)} already exists`);
  return new EntryMap([...entriesOf(map), [key, value]]);
}

function* entriesOf(map: CelMap): Generator<[Value, Value]> {
  for (const key of map.keys()) yield [key, map.find(key)!];
}

export const OPTIONALS: readonly Declared[] = [
  free('optional.of', 'optional_of', [V], OPTIONAL_V, (value: Value) => Optional.of(value)),
  free('optional.ofNonZeroValue', 'optional_ofNonZeroValue', [V], OPTIONAL_V, (value: Value) =>
    isZero(value) ? Optional.NONE : Optional.of(value),
  ),
  free('optional.none', 'optional_none', [], OPTIONAL_V, () => Optional.NONE),
  free('optional.unwrap', 'optional_unwrap', [listOf(OPTIONAL_V)], listOf(V), unwrapped),
  member('unwrapOpt', 'optional_unwrapOpt', [listOf(OPTIONAL_V)], listOf(V), unwrapped),
  member('value', 'optional_value', [OPTIONAL_V], V, held),
  member('hasValue', 'optional_hasValue', [OPTIONAL_V], BOOL, (optional: Optional) => optional.value !== undefined),
  member('or', 'optional_or_optional', [OPTIONAL_V, OPTIONAL_V], OPTIONAL_V, (a: Optional, b: Optional) => (a.value === undefined ? b : a)),
  member('orValue', 'optional_orValue_value', [OPTIONAL_V, V], V, (a: Optional, b: Value) => a.value ?? b),
  member('first', 'list_first', [listOf(V)], OPTIONAL_V, (list: CelList) => item(list, 0)),
  member('last', 'list_last', [listOf(V)], OPTIONAL_V, (list: CelList) => item(list, list.size - 1)),
  // The evaluator indexes by itself; these are for the checker.
  free('_[?_]', 'list_optindex_optional_int', [listOf(V), INT], OPTIONAL_V, () => Optional.NONE),
  free('_[?_]', 'optional_list_optindex_optional_int', [optionalOf(listOf(V)), INT], OPTIONAL_V, () => Optional.NONE),
  free('_[?_]', 'map_optindex_optional_value', [mapOf(K, V), K], OPTIONAL_V, () => Optional.NONE),
  free('_[?_]', 'optional_map_optindex_optional_value', [optionalOf(mapOf(K, V)), K], OPTIONAL_V, () => Optional.NONE),
  free('_[_]', 'optional_list_index_int', [optionalOf(listOf(V)), INT], OPTIONAL_V, () => Optional.NONE),
  free('_[_]', 'optional_map_index_value', [optionalOf(mapOf(K, V)), K], OPTIONAL_V, () => Optional.NONE),
  free('cel.@mapInsert', '@mapInsert_map_map', [mapOf(K, V), mapOf(K, V)], mapOf(K, V), (map: CelMap, more: CelMap) => {
    let made = map;
    for (const [key, value] of entriesOf(more)) made = inserted(made, key, value);
    return made;
  }),
  free('cel.@mapInsert', '@mapInsert_map_key_value', [mapOf(K, V), K, V], mapOf(K, V), inserted),
];
