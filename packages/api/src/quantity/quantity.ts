// Resource quantities such as 100m, 1.5Gi, 12e6 (apimachinery pkg/api/resource/quantity.go). Values are whole numbers of
// nano units, which is as fine as upstream goes; parsing rounds away from zero.
import { boundedCache } from './text-cache.ts';

export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** Larger decimal exponents are refused: writing them out would take memory without bound. */
export const QUANTITY_EXPONENT_MAX = 400;
/** Longer texts aren't numbers that anyone means. */
export const QUANTITY_LENGTH_MAX = 512;
const QUANTITIES_CACHED_MAX = 4096;

export const QUANTITY_FORMAT_MESSAGE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const NUMERIC_MESSAGE = 'unable to parse numeric part of quantity';
const SUFFIX_MESSAGE = "unable to parse quantity's suffix";

export class QuantityError extends Error {
  override name = 'QuantityError';
}

const NANO = 1_000_000_000n;
const BINARY_MAX = (2n ** 63n - 1n) * NANO;
const DECIMAL_SUFFIXES: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY_SUFFIXES: Record<string, number> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const DECIMAL_NAMES = new Map(Object.entries(DECIMAL_SUFFIXES).map(([name, exponent]) => [exponent, name]));
const BINARY_NAMES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const PARTS = /^([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;
/** Digits that fit an int64 without a check: upstream's maxInt64Factors. */
const FAST_DIGITS_MAX = 18;

interface Suffix {
  base: 2 | 10;
  exponent: number;
  format: QuantityFormat;
}

function suffixOf(text: string): Suffix {
  if (Object.hasOwn(DECIMAL_SUFFIXES, text)) return { base: 10, exponent: DECIMAL_SUFFIXES[text]!, format: 'DecimalSI' };
  if (Object.hasOwn(BINARY_SUFFIXES, text)) return { base: 2, exponent: BINARY_SUFFIXES[text]!, format: 'BinarySI' };
  if (!/^[eE][-+]?[0-9]+$/.test(text)) throw new QuantityError(SUFFIX_MESSAGE);
  const exponent = Number(text.slice(1));
  if (Math.abs(exponent) > QUANTITY_EXPONENT_MAX) throw new QuantityError(NUMERIC_MESSAGE);
  return { base: 10, exponent, format: 'DecimalExponent' };
}

/** value × 10^power, rounded away from zero when digits are lost. */
function scaled(value: bigint, power: number): bigint {
  if (power >= 0) return value * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(-power);
  const quotient = value / divisor;
  const remainder = value % divisor;
  return remainder === 0n ? quotient : remainder > 0n ? quotient + 1n : quotient - 1n;
}

/** Whether upstream keeps the text as it was written instead of making the canonical form. */
function keepsText(suffix: Suffix, digits: string, fraction: number, integer: number): boolean {
  if (suffix.format === 'BinarySI') {
    if (fraction > 0) return false;
    const precision = 15 - integer - Math.trunc((suffix.exponent * 3) / 10) - 1;
    return precision >= 0 && (BigInt(digits) & 7n) !== 0n;
  }
  const scale = suffix.exponent - fraction;
  return digits.length <= FAST_DIGITS_MAX && scale >= -9 && scale % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0');
}

function parse(text: string): Quantity {
  const match = text.length > QUANTITY_LENGTH_MAX || text === '' ? null : PARTS.exec(text);
  if (!match) throw new QuantityError(QUANTITY_FORMAT_MESSAGE);
  const [, sign, leading, fraction = '', suffixText] = match;
  const integer = leading || '0';
  const suffix = suffixOf(suffixText!);
  const digits = integer + fraction;
  let format = suffix.format;
  let nano: bigint;
  if (suffix.base === 10) nano = scaled(BigInt(digits), suffix.exponent - fraction.length + 9);
  else nano = scaled(BigInt(digits) << BigInt(suffix.exponent), 9 - fraction.length);
  if (format === 'BinarySI' && nano > BINARY_MAX) nano = BINARY_MAX;
  if (format === 'BinarySI' && nano < NANO && nano > 0n) format = 'DecimalSI';
  const keep = text === '0' || keepsText(suffix, digits, fraction.length, integer.length);
  return new Quantity(sign === '-' ? -nano : nano, format, keep ? text : undefined);
}

const parsed = boundedCache<Quantity>(QUANTITIES_CACHED_MAX);

/** Immutable. */
export class Quantity {
  readonly nano: bigint;
  readonly format: QuantityFormat;
  #text: string | undefined;

  constructor(nano: bigint, format: QuantityFormat = 'DecimalSI', text?: string) {
    this.nano = nano;
    this.format = format;
    this.#text = text;
  }

  /** Throws QuantityError with upstream's message. */
  static parse(text: string | number): Quantity {
    const key = typeof text === 'number' ? String(text) : text;
    return parsed(key, () => parse(key.trim()));
  }

  static of(value: number, format: QuantityFormat = 'DecimalSI'): Quantity {
    return new Quantity(BigInt(Math.ceil(value)) * NANO, format);
  }

  static ofMilli(value: number, format: QuantityFormat = 'DecimalSI'): Quantity {
    return new Quantity(BigInt(Math.ceil(value)) * 1_000_000n, format);
  }

  static readonly zero = new Quantity(0n, 'DecimalSI', '0');

  /** The canonical form. */
  toString(): string {
    this.#text ??= canonical(this.nano, this.format);
    return this.#text;
  }

  toJSON(): string {
    return this.toString();
  }

  compare(other: Quantity): -1 | 0 | 1 {
    return this.nano < other.nano ? -1 : this.nano > other.nano ? 1 : 0;
  }

  /** Takes over the other's format when this one is zero, as upstream does. */
  add(other: Quantity): Quantity {
    return new Quantity(this.nano + other.nano, this.nano === 0n ? other.format : this.format);
  }

  sub(other: Quantity): Quantity {
    return new Quantity(this.nano - other.nano, this.nano === 0n ? other.format : this.format);
  }

  negate(): Quantity {
    return new Quantity(-this.nano, this.format);
  }

  multiply(factor: number): Quantity {
    return new Quantity(this.nano * BigInt(factor), this.format);
  }

  get isZero(): boolean {
    return this.nano === 0n;
  }

  get sign(): -1 | 0 | 1 {
    return this.nano < 0n ? -1 : this.nano > 0n ? 1 : 0;
  }

  /** Rounded away from zero to a whole number: upstream's Value(). */
  asNumber(): number {
    return Number(scaled(this.nano, -9));
  }

  /** In thousandths, rounded away from zero: upstream's MilliValue(). */
  asMilli(): number {
    return Number(scaled(this.nano, -6));
  }

  /** As a float, for metrics and scores. */
  asFloat(): number {
    return Number(this.nano) / 1e9;
  }
}

function canonicalDecimal(nano: bigint, format: QuantityFormat): string {
  let mantissa = nano;
  let exponent = -9;
  while (mantissa % 10n === 0n) {
    mantissa /= 10n;
    exponent++;
  }
  while (exponent % 3 !== 0) {
    mantissa *= 10n;
    exponent--;
  }
  const name = format === 'DecimalExponent' ? undefined : DECIMAL_NAMES.get(exponent);
  return `${mantissa}${name ?? (exponent === 0 ? '' : `e${exponent}`)}`;
}

function canonical(nano: bigint, format: QuantityFormat): string {
  if (nano === 0n) return '0';
  const small = nano > -1024n * NANO && nano < 1024n * NANO;
  if (format !== 'BinarySI' || small || nano % NANO !== 0n) {
    return canonicalDecimal(nano, format === 'BinarySI' ? 'DecimalSI' : format);
  }
  let value = nano / NANO;
  let power = 0;
  while (value % 1024n === 0n && power < BINARY_NAMES.length - 1) {
    value /= 1024n;
    power++;
  }
  return `${value}${BINARY_NAMES[power]}`;
}

/** Throws QuantityError with upstream's message. */
export const parseQuantity = (text: string | number): Quantity => Quantity.parse(text);

/** The form in which the server stores a quantity. Throws QuantityError. */
export const canonicalQuantity = (text: string | number): string => Quantity.parse(text).toString();

export const compareQuantities = (a: string | number, b: string | number): -1 | 0 | 1 => Quantity.parse(a).compare(Quantity.parse(b));
