// Conversions between types (cel-go common/types/{int,uint,double,string,bytes,bool,timestamp,duration}.go).
import { type Declared, free } from './functions.ts';
import { INT_MAX, INT_MIN, UINT_MAX } from './lexer.ts';
import { durationText, parseDurationText, parseTimestampText, timestampText } from './time-text.ts';
import { BOOL, BYTES, type CelType, DOUBLE, DURATION, INT, STRING, TIMESTAMP, UINT } from './types.ts';
import { CelError, Duration, Timestamp, Uint, type Value } from './values.ts';

const NANOS_PER_SECOND = 1_000_000_000n;
const DOUBLE_INT_LIMIT = 2 ** 63;
const DOUBLE_UINT_LIMIT = 2 ** 64;

const failed = (from: string, to: string) => new CelError(`type conversion error from '${from}' to '${to}'`);

function int(value: bigint): bigint {
  if (value > INT_MAX || value < INT_MIN) throw new CelError('integer overflow');
  return value;
}

function uint(value: bigint): Uint {
  if (value > UINT_MAX || value < 0n) throw new CelError('unsigned integer overflow');
  return new Uint(value);
}

function doubleToInt(value: number): bigint {
  if (!Number.isFinite(value) || value <= -DOUBLE_INT_LIMIT || value >= DOUBLE_INT_LIMIT) throw new CelError('integer overflow');
  return BigInt(Math.trunc(value));
}

function doubleToUint(value: number): Uint {
  if (!Number.isFinite(value) || value < 0 || value >= DOUBLE_UINT_LIMIT) throw new CelError('unsigned integer overflow');
  return new Uint(BigInt(Math.trunc(value)));
}

function textToInt(text: string): bigint {
  if (!/^[+-]?[0-9]+$/.test(text)) throw failed('string', 'int');
  const value = BigInt(text.replace(/^\+/, ''));
  if (value > INT_MAX || value < INT_MIN) throw failed('string', 'int');
  return value;
}

function textToUint(text: string): Uint {
  if (!/^[0-9]+$/.test(text) || BigInt(text) > UINT_MAX) throw failed('string', 'uint');
  return new Uint(BigInt(text));
}

const SPECIAL_DOUBLES: Record<string, number> = { inf: Number.POSITIVE_INFINITY, infinity: Number.POSITIVE_INFINITY, nan: Number.NaN };

function textToDouble(text: string): number {
  const special = SPECIAL_DOUBLES[text.toLowerCase().replace(/^[+-]/, '')];
  if (special !== undefined) return text.startsWith('-') ? -special : special;
  if (!/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(text)) throw failed('string', 'double');
  return Number(text);
}

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

function textToBool(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw failed('string', 'bool');
}

/** As Go's strconv.FormatFloat(v, 'g', -1, 64) has it. */
export function doubleText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  if (Object.is(value, -0)) return '-0';
  const [digits, exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (Number.isNaN(value) || (power >= -4 && power < 21))
    return String(value).includes('e') ? value.toFixed(-power + 1 + digits!.length) : String(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

function bytesToText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new CelError('invalid UTF-8 in bytes, cannot convert to string');
  }
}

const same = (value: Value) => value;
const convert = (name: string, id: string, from: CelType, to: CelType, call: (value: any) => Value) => free(name, id, [from], to, call);

/** Seconds since 1970, rounded down. */
function seconds(nanos: bigint): bigint {
  const whole = nanos / NANOS_PER_SECOND;
  return nanos < 0n && nanos % NANOS_PER_SECOND !== 0n ? whole - 1n : whole;
}

export const CONVERSIONS: readonly Declared[] = [
  convert('int', 'int64_to_int64', INT, INT, same),
  convert('int', 'uint64_to_int64', UINT, INT, (value: Uint) => int(value.value)),
  convert('int', 'double_to_int64', DOUBLE, INT, doubleToInt),
  convert('int', 'string_to_int64', STRING, INT, textToInt),
  convert('int', 'timestamp_to_int64', TIMESTAMP, INT, (value: Timestamp) => seconds(value.nanos)),
  convert('int', 'duration_to_int64', DURATION, INT, (value: Duration) => value.nanos),
  convert('uint', 'uint64_to_uint64', UINT, UINT, same),
  convert('uint', 'int64_to_uint64', INT, UINT, uint),
  convert('uint', 'double_to_uint64', DOUBLE, UINT, doubleToUint),
  convert('uint', 'string_to_uint64', STRING, UINT, textToUint),
  convert('double', 'double_to_double', DOUBLE, DOUBLE, same),
  convert('double', 'int64_to_double', INT, DOUBLE, Number),
  convert('double', 'uint64_to_double', UINT, DOUBLE, (value: Uint) => Number(value.value)),
  convert('double', 'string_to_double', STRING, DOUBLE, textToDouble),
  convert('bool', 'bool_to_bool', BOOL, BOOL, same),
  convert('bool', 'string_to_bool', STRING, BOOL, textToBool),
  convert('string', 'string_to_string', STRING, STRING, same),
  convert('string', 'bool_to_string', BOOL, STRING, String),
  convert('string', 'int64_to_string', INT, STRING, String),
  convert('string', 'uint64_to_string', UINT, STRING, (value: Uint) => String(value.value)),
  convert('string', 'double_to_string', DOUBLE, STRING, doubleText),
  convert('string', 'bytes_to_string', BYTES, STRING, bytesToText),
  convert('string', 'timestamp_to_string', TIMESTAMP, STRING, timestampText),
  convert('string', 'duration_to_string', DURATION, STRING, durationText),
  convert('bytes', 'bytes_to_bytes', BYTES, BYTES, same),
  convert('bytes', 'string_to_bytes', STRING, BYTES, (text: string) => encoder.encode(text)),
  convert('timestamp', 'timestamp_to_timestamp', TIMESTAMP, TIMESTAMP, same),
  convert('timestamp', 'string_to_timestamp', STRING, TIMESTAMP, (text: string) => {
    const nanos = parseTimestampText(text);
    if (nanos === undefined) throw failed('string', 'google.protobuf.Timestamp');
    return new Timestamp(nanos);
  }),
  convert('timestamp', 'int64_to_timestamp', INT, TIMESTAMP, (value: bigint) => new Timestamp(value * NANOS_PER_SECOND)),
  convert('duration', 'duration_to_duration', DURATION, DURATION, same),
  convert('duration', 'string_to_duration', STRING, DURATION, (text: string) => {
    const nanos = parseDurationText(text);
    if (nanos === undefined) throw failed('string', 'google.protobuf.Duration');
    return new Duration(nanos);
  }),
  convert('duration', 'int64_to_duration', INT, DURATION, (value: bigint) => new Duration(value)),
];
