// Reads a value by the path that field errors and definitions write: `spec.items[2].name`, `spec.labels[a.b/c]`.
import { goText, goTypeOf } from '@tiphys/machinery';

const PART = /\[(\d+|[^\]]*)\]|[^.[\]]+/g;

export function valueAt(object: unknown, path: string): unknown {
  let value = object;
  for (const [whole, bracketed] of path.matchAll(PART)) {
    if (value === null || typeof value !== 'object') return undefined;
    const key = bracketed ?? whole;
    value = Array.isArray(value) ? value[Number(key)] : (value as Record<string, unknown>)[key];
  }
  return value;
}

/** The value at a path of plain names, or why there can't be one (apimachinery unstructured NestedFieldNoCopy). */
export function nested(object: object, path: string, type: 'int64' | 'string'): { value?: unknown; fault?: string } {
  const names = path.replace(/^\./, '').split('.');
  const fault = (count: number, value: unknown, wanted: string) => ({
    fault: `.${names.slice(0, count).join('.')} accessor error: ${goText(value)} is of the type ${goTypeOf(value)}, expected ${wanted}`,
  });
  let value: unknown = object;
  for (const [i, name] of names.entries()) {
    if (value === null) return {};
    if (typeof value !== 'object' || Array.isArray(value)) return fault(i + 1, value, 'map[string]interface{}');
    if (!Object.hasOwn(value, name)) return {};
    value = (value as Record<string, unknown>)[name];
  }
  return goTypeOf(value) === type ? { value } : fault(names.length, value, type);
}
