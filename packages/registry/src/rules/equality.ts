// Equality as upstream's apiequality.Semantic.DeepEqual has it, of objects as the server holds them: fields that Go leaves out when empty
// are left out, quantities have their one form, and a pointer's zero value is written. So what differs as JSON differs, but for a list
// or a map that is empty and one that is not there.

import { finerApart } from '@tiphys/api';
import { compareQuantities, isQuantity } from './quantities.ts';

/** Maps whose values are quantities: `1Gi` and `1073741824` are the same there. */
const QUANTITY_MAPS = new Set(['limits', 'requests', 'overhead', 'capacity', 'allocatable', 'hard', 'used', 'default', 'max', 'min']);

const isNothing = (value: unknown): boolean => value === undefined || value === null || (Array.isArray(value) && value.length === 0);

function isEmptyObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const _ in value) return false;
  return true;
}

function sameAmounts(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return sameValue(a, b);
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key of new Set([...Object.keys(x), ...Object.keys(y)])) {
    const [one, other] = [x[key], y[key]];
    if (isQuantity(one) && isQuantity(other) ? compareQuantities(one, other) !== 0 : !sameValue(one, other)) return false;
  }
  return true;
}

/** Whether two values mean the same to the API. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isNothing(a) || isNothing(b)) {
    if (isNothing(a) && isNothing(b)) return true;
    // A map that is always written is null or empty; a struct behind a pointer is there or not.
    return (a === null && isEmptyObject(b)) || (b === null && isEmptyObject(a));
  }
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => sameValue(item, b[i]));
  }
  if (finerApart(a as object, b as object)) return false;
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key in x) if (!(QUANTITY_MAPS.has(key) ? sameAmounts(x[key], y[key]) : sameValue(x[key], y[key]))) return false;
  for (const key in y) if (!(key in x) && !sameValue(undefined, y[key])) return false;
  return true;
}
