// Reads a value by the path that field errors and definitions write: `spec.items[2].name`, `spec.labels[a.b/c]`.

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
