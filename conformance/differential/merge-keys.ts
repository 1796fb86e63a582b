// Keys by which a strategic merge patch tells items of a list apart, and patches in which such a key is a list or an object: upstream's
// server fails when it compares two of them (apimachinery strategicpatch/patch.go index, findMapInSliceBasedOnKeyValue).
import { schemaTable } from '@tiphys/api';

/** By the list's name. Types that name a list alike may have several. */
const mergeKeys = new Map<string, Set<string>>();
for (const { fields = {} } of Object.values(schemaTable)) {
  for (const [name, { patchMergeKey }] of Object.entries(fields)) {
    if (!patchMergeKey) continue;
    const keys = mergeKeys.get(name) ?? new Set();
    mergeKeys.set(name, keys.add(patchMergeKey));
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Whether an item, somewhere in the patch, is to be found by a list or an object. */
export function hasKeyWithoutEquality(patch: unknown): boolean {
  if (!isObject(patch)) return false;
  return Object.entries(patch).some(([name, value]) => {
    const keys = mergeKeys.get(name);
    if (keys && Array.isArray(value) && value.some((item) => isObject(item) && [...keys].some((key) => isObject(item[key])))) return true;
    return hasKeyWithoutEquality(value);
  });
}
