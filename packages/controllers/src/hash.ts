// Hashes in names: 32-bit FNV and the encoding that keeps words out of them (hash/fnv; apimachinery util/rand).

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const SAFE_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

const encoder = new TextEncoder();

/** FNV-1a over the parts, one after another. */
export function fnv32a(...parts: readonly (string | Uint8Array)[]): number {
  let hash = FNV_OFFSET;
  for (const part of parts) {
    for (const byte of typeof part === 'string' ? encoder.encode(part) : part) hash = Math.imul(hash ^ byte, FNV_PRIME);
  }
  return hash >>> 0;
}

/** FNV-1: multiplied before the byte goes in. */
export function fnv32(...parts: readonly (string | Uint8Array)[]): number {
  let hash = FNV_OFFSET;
  for (const part of parts) {
    for (const byte of typeof part === 'string' ? encoder.encode(part) : part) hash = Math.imul(hash, FNV_PRIME) ^ byte;
  }
  return hash >>> 0;
}

/** Each character of the decimal number as one of an alphabet without vowels (SafeEncodeString). */
export function safeEncoded(hash: number): string {
  return Array.from(encoder.encode(String(hash)), (byte) => SAFE_ALPHABET[byte % SAFE_ALPHABET.length]).join('');
}

/** JSON as encoding/json writes a map: keys sorted, `<`, `>`, `&` and line separators escaped. */
export function goJson(value: unknown): string {
  return canonical(value).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same value with the keys of its objects in order. */
export function sortedKeys<T>(value: T): T {
  if (Array.isArray(value)) return value.map(sortedKeys) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortedKeys(inner)])) as T;
}

function canonical(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const object = value as Record<string, unknown>;
  const keys = Object.keys(object).filter((key) => object[key] !== undefined);
  keys.sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(object[key])}`).join(',')}}`;
}

/** The eight bytes that upstream appends for a collision count: 32 bits, little end first, then zeros. */
export function collisionBytes(count: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, count, true);
  return bytes;
}
