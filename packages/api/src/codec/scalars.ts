// Scalars with a form of their own: numbers in range, base64, quantities, times (metav1.Time, MicroTime, Duration).
import { formatDuration, parseDuration } from '../quantity/duration.ts';
import { canonicalQuantity, QuantityError } from '../quantity/quantity.ts';
import { DecodeError, jsonTypeName, TypeMismatch } from './decode-error.ts';

const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;
/** Upstream's limit is 2^63-1; the next smaller double below 2^63 is the last that fits. */
const INT64_BOUND = 2 ** 63;

export function decodeInt(value: unknown, goType: string, wide: boolean): number {
  if (typeof value !== 'number') throw new TypeMismatch(jsonTypeName(value), goType);
  const fits = wide ? value >= -INT64_BOUND && value < INT64_BOUND : value >= INT32_MIN && value <= INT32_MAX;
  if (!fits || !Number.isInteger(value)) throw new TypeMismatch(`number ${value}`, goType);
  return value === 0 ? 0 : value;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Standard base64 with padding; line ends inside are dropped, as Go drops them. */
function byteOf(value: unknown): number {
  if (value === null) return 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= BYTE_MAX) return value;
  throw new TypeMismatch(typeof value === 'number' ? `number ${value}` : jsonTypeName(value), 'uint8');
}

const BYTE_MAX = 255;

export function decodeBase64(value: unknown, goType: string): string {
  // A list of numbers is bytes, too.
  if (Array.isArray(value)) return Buffer.from(value.map(byteOf)).toString('base64');
  if (typeof value !== 'string') throw new TypeMismatch(jsonTypeName(value), goType);
  const text = /[\r\n]/.test(value) ? value.replace(/[\r\n]+/g, '') : value;
  if (BASE64.test(text)) return text;
  const illegal = text.search(/[^A-Za-z0-9+/]/);
  const position = illegal >= 0 && (text[illegal] !== '=' || illegal < text.length - 2) ? illegal : text.length - (text.length % 4);
  throw new DecodeError(`illegal base64 data at input byte ${position}`);
}

export function decodeQuantity(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw new DecodeError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  }
  try {
    return canonicalQuantity(value);
  } catch (error) {
    if (error instanceof QuantityError) throw new DecodeError(error.message);
    throw error;
  }
}

export function decodeIntOrString(value: unknown): number | string {
  return typeof value === 'string' ? value : decodeInt(value, 'int32', false);
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;
const SECONDS_LAYOUT = '2006-01-02T15:04:05Z07:00';
const MICRO_LAYOUT = '2006-01-02T15:04:05.000000Z07:00';

/** The parts of the layout in order, each with what must stand there. */
const TIME_PARTS: [string, RegExp][] = [
  ['2006', /^\d{4}/],
  ['-', /^-/],
  ['01', /^\d\d/],
  ['-', /^-/],
  ['02', /^\d\d/],
  ['T', /^T/],
  ['15', /^\d\d/],
  [':', /^:/],
  ['04', /^\d\d/],
  [':', /^:/],
  ['05', /^\d\d(?:[.,]\d+)?/],
  ['Z07:00', /^(?:Z|[+-]\d\d:\d\d)/],
];

function timeError(text: string, layout: string): DecodeError {
  const frame = `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}`;
  let rest = text;
  for (const [part, pattern] of TIME_PARTS) {
    const match = pattern.exec(rest);
    if (!match) return new DecodeError(`${frame}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(part)}`);
    rest = rest.slice(match[0].length);
  }
  return new DecodeError(
    rest === '' ? `parsing time ${JSON.stringify(text)}: day out of range` : `${frame}: extra text: ${JSON.stringify(rest)}`,
  );
}

/** In UTC; whole seconds, or microseconds for MicroTime. The zero time becomes null, as Go writes it. */
const MICRO_DIGITS = 6;

/** Go takes as many digits of a second as the layout has, no fewer and no more. */
function microError(text: string, fraction: string | undefined, zone: string): DecodeError {
  const frame = `parsing time ${JSON.stringify(text)} as ${JSON.stringify(MICRO_LAYOUT)}`;
  const isLong = fraction !== undefined && fraction.length > MICRO_DIGITS;
  const rest = isLong ? `${fraction.slice(MICRO_DIGITS)}${zone}` : `${fraction === undefined ? '' : `.${fraction}`}${zone}`;
  return new DecodeError(`${frame}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(isLong ? 'Z07:00' : '.000000')}`);
}

/** Times that were read before: many objects are of one second, and each comes back with every update. */
const TIMES_REMEMBERED_MAX = 256;
const TIME_CHARACTERS_MAX = 40;
const times = { seconds: new Map<string, string | null>(), micro: new Map<string, string | null>() };

export function decodeTime(value: unknown, micro: boolean): string | null {
  if (typeof value !== 'string') throw new TypeMismatch(jsonTypeName(value), 'string');
  const known = micro ? times.micro : times.seconds;
  const remembered = known.get(value);
  if (remembered !== undefined) return remembered;
  const time = readTime(value, micro);
  if (value.length > TIME_CHARACTERS_MAX) return time;
  if (known.size === TIMES_REMEMBERED_MAX) known.clear();
  known.set(value, time);
  return time;
}

function readTime(value: string, micro: boolean): string | null {
  const layout = micro ? MICRO_LAYOUT : SECONDS_LAYOUT;
  const match = RFC3339.exec(value);
  if (!match) throw timeError(value, layout);
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  if (micro && fraction?.length !== MICRO_DIGITS) throw microError(value, fraction, zone!);
  const plain = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const date = new Date(`${plain}Z`);
  if (Number.isNaN(date.getTime()) || date.getUTCDate() !== Number(day) || hour === '24') throw timeError(value, layout);
  if (zone === 'Z' && plain === '0001-01-01T00:00:00' && !Number(fraction ?? 0)) return null;
  const base = zone === 'Z' ? plain : shifted(date, zone!);
  return micro ? `${base}.${(fraction ?? '').slice(0, 6).padEnd(6, '0')}Z` : `${base}Z`;
}

function shifted(date: Date, zone: string): string {
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  return new Date(date.getTime() - (zone.startsWith('-') ? -1 : 1) * minutes * 60_000).toISOString().slice(0, 19);
}

export function decodeDuration(value: unknown): string {
  if (typeof value !== 'string') throw new TypeMismatch(jsonTypeName(value), 'string');
  const durationMs = parseDuration(value);
  if (durationMs === undefined) throw new DecodeError(`time: invalid duration ${JSON.stringify(value)}`);
  return formatDuration(durationMs);
}
