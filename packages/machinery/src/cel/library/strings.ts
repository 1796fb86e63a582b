// String extensions, version 2 (cel-go ext/strings.go). Positions count code points.
import { ESCAPES } from '../../go-text.ts';
import { type Declared, free, member } from '../functions.ts';
import { DYN, INT, listOf, STRING } from '../types.ts';
import { ArrayList, CelError, type CelList, noSuchOverload } from '../values.ts';
import { format } from './string-format.ts';

const outOfRange = (index: bigint) => new CelError(`index out of range: ${index}`);

function charAt(text: string, index: bigint): string {
  const points = [...text];
  if (index < 0n || index > BigInt(points.length)) throw outOfRange(index);
  return points[Number(index)] ?? '';
}

const startsAt = (points: readonly string[], part: readonly string[], at: number) => part.every((point, i) => points[at + i] === point);

function indexOf(text: string, part: string, offset = 0n): bigint {
  if (part === '') return offset;
  if (offset < 0n) throw outOfRange(offset);
  const points = [...text];
  const wanted = [...part];
  for (let i = Number(offset); i <= points.length - wanted.length; i++) if (startsAt(points, wanted, i)) return BigInt(i);
  return -1n;
}

function lastIndexOf(text: string, part: string, offset?: bigint): bigint {
  const points = [...text];
  if (part === '') return offset ?? BigInt(points.length);
  if (offset === undefined && text.length < part.length) return -1n;
  const from = offset ?? BigInt(points.length - 1);
  if (from < 0n) throw outOfRange(from);
  if (from >= BigInt(points.length)) return -1n;
  const wanted = [...part];
  for (let i = Math.min(Number(from), points.length - wanted.length); i >= 0; i--) if (startsAt(points, wanted, i)) return BigInt(i);
  return -1n;
}

function replace(text: string, old: string, by: string, count = -1n): string {
  if (count < 0n) return text.replaceAll(old, () => by);
  const parts = splitText(text, old, count + 1n);
  return old === '' ? replaceBetween(text, by, count) : parts.join(by);
}

/** An empty pattern stands before every character and at the end. */
function replaceBetween(text: string, by: string, count: bigint): string {
  let left = count;
  let made = '';
  for (const point of text) {
    if (left > 0n) {
      made += by;
      left--;
    }
    made += point;
  }
  return left > 0n ? made + by : made;
}

function splitText(text: string, separator: string, limit: bigint): string[] {
  if (limit === 0n) return [];
  const parts = separator === '' ? [...text] : text.split(separator);
  if (limit < 0n || BigInt(parts.length) <= limit) return parts;
  const kept = Number(limit) - 1;
  return [...parts.slice(0, kept), parts.slice(kept).join(separator)];
}

function substring(text: string, start: bigint, end?: bigint): string {
  const points = [...text];
  const length = BigInt(points.length);
  if (end !== undefined && start > end) throw new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  if (start < 0n || start > length) throw outOfRange(start);
  if (end !== undefined && (end < 0n || end > length)) throw outOfRange(end);
  return points.slice(Number(start), end === undefined ? undefined : Number(end)).join('');
}

function join(list: CelList, separator = ''): string {
  const parts: string[] = [];
  for (const item of list) {
    if (typeof item !== 'string') throw noSuchOverload();
    parts.push(item);
  }
  return parts.join(separator);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to be escaped
const quote = (text: string) => `"${text.toWellFormed().replace(/[\x07\b\f\n\r\t\v\\"]/g, (found) => ESCAPES[found]!)}"`;

const STRINGS_LIST = listOf(STRING);

export const STRINGS: readonly Declared[] = [
  member('charAt', 'string_char_at_int', [STRING, INT], STRING, charAt),
  member('indexOf', 'string_index_of_string', [STRING, STRING], INT, indexOf),
  member('indexOf', 'string_index_of_string_int', [STRING, STRING, INT], INT, indexOf),
  member('lastIndexOf', 'string_last_index_of_string', [STRING, STRING], INT, lastIndexOf),
  member('lastIndexOf', 'string_last_index_of_string_int', [STRING, STRING, INT], INT, lastIndexOf),
  member('lowerAscii', 'string_lower_ascii', [STRING], STRING, (text: string) => text.replace(/[A-Z]+/g, (found) => found.toLowerCase())),
  member('upperAscii', 'string_upper_ascii', [STRING], STRING, (text: string) => text.replace(/[a-z]+/g, (found) => found.toUpperCase())),
  member('replace', 'string_replace_string_string', [STRING, STRING, STRING], STRING, replace),
  member('replace', 'string_replace_string_string_int', [STRING, STRING, STRING, INT], STRING, replace),
  member(
    'split',
    'string_split_string',
    [STRING, STRING],
    STRINGS_LIST,
    (text: string, by: string) => new ArrayList(splitText(text, by, -1n)),
  ),
  member(
    'split',
    'string_split_string_int',
    [STRING, STRING, INT],
    STRINGS_LIST,
    (text: string, by: string, limit: bigint) => new ArrayList(splitText(text, by, limit)),
  ),
  member('substring', 'string_substring_int', [STRING, INT], STRING, substring),
  member('substring', 'string_substring_int_int', [STRING, INT, INT], STRING, substring),
  member('trim', 'string_trim', [STRING], STRING, (text: string) => text.trim()),
  member('format', 'string_format', [STRING, listOf(DYN)], STRING, format),
  free('strings.quote', 'strings_quote', [STRING], STRING, quote),
  member('join', 'list_join', [STRINGS_LIST], STRING, join),
  member('join', 'list_join_string', [STRINGS_LIST, STRING], STRING, join),
];
