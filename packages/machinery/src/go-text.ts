// Plain values as Go prints them where upstream's messages hold one (fmt's %v and %#v).

import { isUtf8 } from 'node:buffer';

const EXPONENT_MIN = -4;
const EXPONENT_END = 21;

function goNumber(value: number): string {
  if (Number.isInteger(value) && Number.isSafeInteger(value)) return String(value);
  return goFloat(value);
}

/** `%v` of a float64. */
function goFloat(value: number): string {
  const [digits, power] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent >= EXPONENT_MIN && exponent < EXPONENT_END) return String(value);
  const sign = exponent < 0 ? '-' : '+';
  return `${digits}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

const sortedEntries = (value: object) => Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));

/** `%v`: `map[a:1 b:[x y]]`. */
export function goText(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'number') return goNumber(value);
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value === 'object')
    return `map[${sortedEntries(value)
      .map(([key, item]) => `${key}:${goText(item)}`)
      .join(' ')}]`;
  return String(value);
}

/** What Go and CEL write instead of characters, between quotes. */
export const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');

function quotedCharacter(character: string): string {
  const known = ESCAPES[character];
  if (known) return known;
  if (PRINTABLE.test(character)) return character;
  const point = character.codePointAt(0)!;
  if (point < 0x20 || point === 0x7f) return `\\x${hex(point, 2)}`;
  return point < 0x10000 ? `\\u${hex(point, 4)}` : `\\U${hex(point, 8)}`;
}

/** How long the character is that begins at the byte; 0: none does. */
function characterLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return isUtf8(bytes.subarray(at, at + length)) && at + length <= bytes.length ? length : 0;
}

/** `%q`; bytes need be no text. */
export function goQuoted(value: string | Uint8Array): string {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  let quoted = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    quoted += length === 0 ? `\\x${hex(bytes[at]!, 2)}` : quotedCharacter(new TextDecoder().decode(bytes.subarray(at, at + length)));
    at += length || 1;
  }
  return `"${quoted}"`;
}

/** `%#v`: `map[string]interface {}{"a":1}`. */
export function goSyntax(value: unknown): string {
  if (value === null || value === undefined) return 'interface {}(nil)';
  if (typeof value === 'number') return goNumber(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (typeof value === 'object') {
    const entries = sortedEntries(value).map(([key, item]) => `${JSON.stringify(key)}:${goSyntax(item)}`);
    return `map[string]interface {}{${entries.join(', ')}}`;
  }
  return String(value);
}

/** `%T` of what JSON became. */
export function goTypeOf(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : 'string';
}
