// Equality and order across the numeric types (cel-spec "Equality" and "Ordering"; cel-go common/types/compare.go).
import { CelError, CelList, CelMap, Duration, noSuchOverload, Optional, Timestamp, TypeValue, Uint, type Value } from './values.ts';

type Numeric = bigint | number;

function numeric(value: Value): Numeric | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return value instanceof Uint ? value.value : undefined;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function equalLists(a: CelList, b: CelList): boolean {
  if (a.equalTo) return a.equalTo(b);
  if (a.size !== b.size) return false;
  for (let i = 0; i < a.size; i++) if (!equals(a.at(i), b.at(i))) return false;
  return true;
}

function equalMaps(a: CelMap, b: CelMap): boolean {
  if (a.size !== b.size) return false;
  for (const key of a.keys()) {
    const other = b.find(key);
    if (other === undefined || !equals(a.find(key)!, other)) return false;
  }
  return true;
}

/** Values of different types are unequal, except numbers. */
export function equals(a: Value, b: Value): boolean {
  if (a === b) return true;
  const left = numeric(a);
  if (left !== undefined) {
    const right = numeric(b);
    // Comparing a bigint with a number is exact in JavaScript.
    // biome-ignore lint/suspicious/noDoubleEquals: 1n == 1 across types is what is asked
    return right !== undefined && left == right;
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof CelList) return b instanceof CelList && equalLists(a, b);
  if (a instanceof CelMap) return b instanceof CelMap && equalMaps(a, b);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && equalBytes(a, b);
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (a instanceof Optional) {
    if (!(b instanceof Optional)) return false;
    return a.value === undefined || b.value === undefined ? a.value === b.value : equals(a.value, b.value);
  }
  return (a as { equals(other: Value): boolean }).equals(b);
}

const order = (a: Numeric | string | boolean, b: typeof a): number => (a < b ? -1 : a > b ? 1 : 0);

/** Strings are ordered by code points, as their UTF-8 bytes are. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left === right) continue;
    const surrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdfff;
    return surrogate(left) === surrogate(right) ? left - right : surrogate(left) ? 1 : -1;
  }
  return a.length - b.length;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

/** Negative, zero or positive. Throws CelError for values without order. */
export function compare(a: Value, b: Value): number {
  const left = numeric(a);
  const right = numeric(b);
  if (left !== undefined && right !== undefined) {
    if (Number.isNaN(left) || Number.isNaN(right)) throw new CelError('NaN values cannot be ordered');
    return order(left, right);
  }
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return order(a, b);
  if (a instanceof Timestamp && b instanceof Timestamp) return order(a.nanos, b.nanos);
  if (a instanceof Duration && b instanceof Duration) return order(a.nanos, b.nanos);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  throw noSuchOverload();
}
