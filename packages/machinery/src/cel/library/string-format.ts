// text.format([…]) (cel-go ext/formatting.go).
import { doubleText } from '../conversions.ts';
import { durationText, timestampText } from '../time-text.ts';
import { CelError, CelList, CelMap, Duration, Timestamp, TypeValue, typeNameOf, Uint, type Value } from '../values.ts';

const PRECISION_DEFAULT = 6;
const PRECISION_MAX = 100;
const decoder = new TextDecoder();
/** As upstream's formatter for English has them. */
const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** A value as %s shows it. */
function shown(value: Value, nested: boolean): string {
  if (typeof value === 'string') return nested ? JSON.stringify(value) : value;
  if (value === null) return 'null';
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && nested && Number.isFinite(value)) return value.toFixed(PRECISION_DEFAULT);
  if (typeof value === 'number')
    return doubleText(value)
      .replace('+Inf', nested ? '"Infinity"' : 'Infinity')
      .replace('-Inf', nested ? '"-Infinity"' : '-Infinity');
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Uint8Array) return nested ? JSON.stringify(decoder.decode(value)) : decoder.decode(value);
  if (value instanceof Timestamp) return nested ? `timestamp("${timestampText(value)}")` : timestampText(value);
  if (value instanceof Duration) return nested ? `duration("${durationText(value)}")` : durationText(value);
  if (value instanceof TypeValue) return value.name;
  if (value instanceof CelList) return `[${[...value].map((item) => shown(item, true)).join(', ')}]`;
  if (value instanceof CelMap) {
    const entries = [...value.keys()].map((key) => `${shown(key, true)}:${shown(value.find(key)!, true)}`);
    return `{${entries.sort().join(', ')}}`;
  }
  throw new CelError(
    `error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeNameOf(value)}`,
  );
}

const wrong = (clause: string, allowed: string, value: Value) =>
  new CelError(`error during formatting: ${clause} clause can only be used on ${allowed}, was given ${typeNameOf(value)}`);

function whole(value: Value): bigint | undefined {
  return typeof value === 'bigint' ? value : value instanceof Uint ? value.value : undefined;
}

function decimal(value: Value): string {
  const integer = whole(value);
  if (integer !== undefined) return String(integer);
  if (typeof value === 'number' && !Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
  throw wrong('decimal', 'integers', value);
}

function fixed(value: Value, precision: number, scientific: boolean): string {
  const integer = whole(value);
  const number = typeof value === 'number' ? value : integer === undefined ? undefined : Number(integer);
  if (number === undefined) throw wrong(scientific ? 'scientific' : 'fixed-point', 'doubles', value);
  if (!Number.isFinite(number)) return Number.isNaN(number) ? 'NaN' : number > 0 ? '∞' : '-∞';
  if (!scientific) return number.toFixed(precision).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ',');
  const [mantissa, exponent] = number.toExponential(precision).split('e');
  const digits = exponent!.replace(/^[+-]/, '').padStart(2, '0');
  const raised = Array.from(digits, (digit) => SUPERSCRIPTS[Number(digit)]).join('');
  return `${mantissa}\u202f×\u202f10${exponent!.startsWith('-') ? '⁻' : ''}${raised}`;
}

function binary(value: Value): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  const integer = whole(value);
  if (integer === undefined) throw wrong('binary', 'integers and bools', value);
  return integer.toString(2);
}

function hexadecimal(value: Value): string {
  if (typeof value === 'string') return Array.from(new TextEncoder().encode(value), (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (value instanceof Uint8Array) return Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const integer = whole(value);
  if (integer === undefined) throw wrong('hex', 'integers, byte buffers, and strings', value);
  return integer.toString(16);
}

function octal(value: Value): string {
  const integer = whole(value);
  if (integer === undefined) throw wrong('octal', 'integers', value);
  return integer.toString(8);
}

export function format(text: string, list: CelList): string {
  let used = 0;
  return text.replace(/%(?:%|(?:\.(\d+))?([\s\S]?))/g, (clause, precisionText: string | undefined, letter: string | undefined) => {
    if (clause === '%%') return '%';
    if (used >= list.size) throw new CelError(`index ${used} out of range`);
    const value = list.at(used++);
    const precision = precisionText === undefined ? PRECISION_DEFAULT : Math.min(Number(precisionText), PRECISION_MAX);
    switch (letter) {
      case 's':
        return shown(value, false);
      case 'd':
        return decimal(value);
      case 'f':
        return fixed(value, precision, false);
      case 'e':
        return fixed(value, precision, true);
      case 'b':
        return binary(value);
      case 'x':
        return hexadecimal(value);
      case 'X':
        return hexadecimal(value).toUpperCase();
      case 'o':
        return octal(value);
      default:
        throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${letter ?? ''}"`);
    }
  });
}
