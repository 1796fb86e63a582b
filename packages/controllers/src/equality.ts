// Deep equality of API values. Absent, null and empty lists are the same, as in apimachinery's Semantic.DeepEqual.

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isEmpty(a) || isEmpty(b)) return isEmpty(a) && isEmpty(b);
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => semanticEqual(item, b[i]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key of Object.keys(left)) if (!semanticEqual(left[key], right[key])) return false;
  for (const key of Object.keys(right)) if (!(key in left) && !isEmpty(right[key])) return false;
  return true;
}

/** Counts of zero are left out on the wire, but for those that are pointers or always written upstream. */
export function omitZeros<T extends object>(status: T, kept: readonly (keyof T)[] = []): T {
  return Object.fromEntries(Object.entries(status).filter(([key, value]) => value !== 0 || kept.includes(key as keyof T))) as T;
}
