// The standard functions and operators (cel-spec "List of standard definitions"; cel-go common/stdlib).
import { compare, equals } from './compare.ts';
import { CONVERSIONS } from './conversions.ts';
import { type Declared, free, member } from './functions.ts';
import { INT_MAX, INT_MIN, UINT_MAX } from './lexer.ts';
import { matches } from './library/regex.ts';
import { TIME } from './time.ts';
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  parameter,
  STRING,
  TIMESTAMP,
  typeOf,
  UINT,
} from './types.ts';
import { CelError, CelList, type CelMap, Duration, sizeOf, Timestamp, TypeValue, typeNameOf, Uint, type Value } from './values.ts';

const A = parameter('A');
const B = parameter('B');
const LIST = listOf(A);
const MAP = mapOf(A, B);

const ORDERED: Record<string, CelType> = {
  bool: BOOL,
  int64: INT,
  uint64: UINT,
  double: DOUBLE,
  string: STRING,
  bytes: BYTES,
  timestamp: TIMESTAMP,
  duration: DURATION,
};
const NUMERIC = ['int64', 'uint64', 'double'];
const RELATIONS: Record<string, readonly [name: string, holds: (order: number) => boolean]> = {
  less: ['_<_', (order) => order < 0],
  less_equals: ['_<=_', (order) => order <= 0],
  greater: ['_>_', (order) => order > 0],
  greater_equals: ['_>=_', (order) => order >= 0],
};

function relations(): Declared[] {
  return Object.entries(RELATIONS).flatMap(([id, [name, holds]]) => {
    const call = (a: Value, b: Value) => {
      if (typeof a === 'number' && Number.isNaN(a)) return false;
      if (typeof b === 'number' && Number.isNaN(b)) return false;
      return holds(compare(a, b));
    };
    const same = Object.entries(ORDERED).map(([type, of]) => free(name, `${id}_${type}`, [of, of], BOOL, call));
    const crossed = NUMERIC.flatMap((left) =>
      NUMERIC.filter((right) => right !== left).map((right) =>
        free(name, `${id}_${left}_${right}`, [ORDERED[left]!, ORDERED[right]!], BOOL, call),
      ),
    );
    return [...same, ...crossed];
  });
}

/** The result if it fits into 64 bits. */
export function checkedInt(value: bigint): bigint {
  if (value > INT_MAX || value < INT_MIN) throw new CelError('integer overflow');
  return value;
}

function checkedUint(value: bigint): Uint {
  if (value > UINT_MAX || value < 0n) throw new CelError('unsigned integer overflow');
  return new Uint(value);
}

function divisor(value: bigint, what: string): bigint {
  if (value === 0n) throw new CelError(`${what} by zero`);
  return value;
}

type IntOperation = (a: bigint, b: bigint) => bigint;

const INTEGER_OPERATIONS: Record<string, readonly [name: string, id: string, operation: IntOperation]> = {
  add: ['_+_', 'add', (a, b) => a + b],
  subtract: ['_-_', 'subtract', (a, b) => a - b],
  multiply: ['_*_', 'multiply', (a, b) => a * b],
  divide: ['_/_', 'divide', (a, b) => a / divisor(b, 'division')],
  modulo: ['_%_', 'modulo', (a, b) => a % divisor(b, 'modulus')],
};

function arithmetic(): Declared[] {
  const integers = Object.values(INTEGER_OPERATIONS).flatMap(([name, id, operation]) => [
    free(name, `${id}_int64`, [INT, INT], INT, (a: bigint, b: bigint) => checkedInt(operation(a, b))),
    free(name, `${id}_uint64`, [UINT, UINT], UINT, (a: Uint, b: Uint) => checkedUint(operation(a.value, b.value))),
  ]);
  const doubles = [
    free('_+_', 'add_double', [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) => a + b),
    free('_-_', 'subtract_double', [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) => a - b),
    free('_*_', 'multiply_double', [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) => a * b),
    free('_/_', 'divide_double', [DOUBLE, DOUBLE], DOUBLE, (a: number, b: number) => a / b),
    free('-_', 'negate_int64', [INT], INT, (a: bigint) => checkedInt(-a)),
    free('-_', 'negate_double', [DOUBLE], DOUBLE, (a: number) => -a),
  ];
  return [...integers, ...doubles];
}

/** Lists joined by reference: folds append one item at a time. */
class JoinedList extends CelList {
  readonly items: Value[];
  readonly size: number;
  constructor(items: Value[]) {
    super();
    this.items = items;
    this.size = items.length;
  }
  at(index: number): Value {
    return this.items[index]!;
  }
}

function concatenate(a: CelList, b: CelList): CelList {
  if (b.size === 0) return a;
  if (a.plus) return a.plus(b);
  // The last list made may grow in place: older ones look no further than their own size.
  if (a instanceof JoinedList && a.items.length === a.size) {
    for (const item of b) a.items.push(item);
    return new JoinedList(a.items);
  }
  return new JoinedList([...a, ...b]);
}

function joinBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

const size = (value: Value) => BigInt(sizeOf(value));

function contained(item: Value, list: CelList): boolean {
  for (const each of list) if (equals(each, item)) return true;
  return false;
}

const time = (nanos: bigint) => new Timestamp(nanos);
const span = (nanos: bigint) => {
  if (nanos > INT_MAX || nanos < INT_MIN) throw new CelError('duration overflow');
  return new Duration(nanos);
};

const SIZES: readonly (readonly [string, CelType])[] = [
  ['string', STRING],
  ['bytes', BYTES],
  ['list', LIST],
  ['map', MAP],
];

export const STANDARD: readonly Declared[] = [
  free('_?_:_', 'conditional', [BOOL, A, A], A, (condition: boolean, yes: Value, no: Value) => (condition ? yes : no)),
  free('_&&_', 'logical_and', [BOOL, BOOL], BOOL, (a: boolean, b: boolean) => a && b),
  free('_||_', 'logical_or', [BOOL, BOOL], BOOL, (a: boolean, b: boolean) => a || b),
  free('!_', 'logical_not', [BOOL], BOOL, (a: boolean) => !a),
  free('@not_strictly_false', 'not_strictly_false', [BOOL], BOOL, (a: Value) => a !== false),
  free('_==_', 'equals', [A, A], BOOL, equals),
  free('_!=_', 'not_equals', [A, A], BOOL, (a: Value, b: Value) => !equals(a, b)),
  ...relations(),
  ...arithmetic(),
  free('_+_', 'add_string', [STRING, STRING], STRING, (a: string, b: string) => a + b),
  free('_+_', 'add_bytes', [BYTES, BYTES], BYTES, joinBytes),
  free('_+_', 'add_list', [LIST, LIST], LIST, concatenate),
  free('_+_', 'add_timestamp_duration', [TIMESTAMP, DURATION], TIMESTAMP, (a: Timestamp, b: Duration) => time(a.nanos + b.nanos)),
  free('_+_', 'add_duration_timestamp', [DURATION, TIMESTAMP], TIMESTAMP, (a: Duration, b: Timestamp) => time(a.nanos + b.nanos)),
  free('_+_', 'add_duration_duration', [DURATION, DURATION], DURATION, (a: Duration, b: Duration) => span(a.nanos + b.nanos)),
  free('_-_', 'subtract_timestamp_timestamp', [TIMESTAMP, TIMESTAMP], DURATION, (a: Timestamp, b: Timestamp) => span(a.nanos - b.nanos)),
  free('_-_', 'subtract_timestamp_duration', [TIMESTAMP, DURATION], TIMESTAMP, (a: Timestamp, b: Duration) => time(a.nanos - b.nanos)),
  free('_-_', 'subtract_duration_duration', [DURATION, DURATION], DURATION, (a: Duration, b: Duration) => span(a.nanos - b.nanos)),
  // The evaluator indexes by itself; these are for the checker.
  free('_[_]', 'index_list', [LIST, INT], A, (list: CelList, index: bigint) => list.at(Number(index))),
  free('_[_]', 'index_map', [MAP, A], B, (map: CelMap, key: Value) => map.find(key)!),
  free('@in', 'in_list', [A, LIST], BOOL, contained),
  free('@in', 'in_map', [A, MAP], BOOL, (key: Value, map: CelMap) => map.has(key)),
  ...SIZES.flatMap(([id, type]) => [free('size', `size_${id}`, [type], INT, size), member('size', `${id}_size`, [type], INT, size)]),
  free('type', 'type', [A], typeOf(A), (value: Value) => new TypeValue(typeNameOf(value))),
  free('dyn', 'to_dyn', [A], DYN, (value: Value) => value),
  member('contains', 'contains_string', [STRING, STRING], BOOL, (text: string, part: string) => text.includes(part)),
  member('startsWith', 'starts_with_string', [STRING, STRING], BOOL, (text: string, part: string) => text.startsWith(part)),
  member('endsWith', 'ends_with_string', [STRING, STRING], BOOL, (text: string, part: string) => text.endsWith(part)),
  free('matches', 'matches', [STRING, STRING], BOOL, matches),
  member('matches', 'matches_string', [STRING, STRING], BOOL, matches),
  ...CONVERSIONS,
  ...TIME,
];
