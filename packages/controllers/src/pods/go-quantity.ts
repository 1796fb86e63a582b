// How a quantity lies in memory in upstream's programs, as spew prints it (apimachinery pkg/api/resource ParseQuantity): a
// 64-bit number with a scale when the text is short enough, else a decimal of any size.
import { canonicalQuantity } from '@tiphys/api';

const PARTS = /^([+-]?)0*([0-9]*)(?:\.([0-9]*))?(.*)$/;
const EXPONENTS: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const POWERS: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const NANO_SCALE = -9;
const INT64_DIGITS = 18;
const INT64_MAX = 2n ** 63n - 1n;
const WORD = 2n ** 64n;

interface Parsed {
  negative: boolean;
  integer: string;
  fraction: string;
  exponent: number;
  format: string;
}

function parsed(text: string): Parsed {
  const [, sign, integer, fraction = '', suffix] = PARTS.exec(text)!;
  const common = { negative: sign === '-', integer: integer || '0', fraction };
  if (Object.hasOwn(EXPONENTS, suffix!)) return { ...common, exponent: EXPONENTS[suffix!]!, format: 'DecimalSI' };
  if (Object.hasOwn(POWERS, suffix!)) return { ...common, exponent: POWERS[suffix!]!, format: 'BinarySI' };
  return { ...common, exponent: Number(suffix!.slice(1)), format: 'DecimalExponent' };
}

const shown = (i: { value: bigint; scale: number }, decimal: string, text: string, format: string): string =>
  `{i:(resource.int64Amount){value:(int64)${i.value} scale:(resource.Scale)${i.scale}} d:(resource.infDecAmount){Dec:(*inf.Dec)${decimal}} s:(string)${text} Format:(resource.Format)${format}}`;

/** Digits that may be left without leaving 64 bits; below 0 is too many. */
function room({ integer, fraction, exponent, format }: Parsed): number {
  if (format !== 'BinarySI') return INT64_DIGITS - integer.length - fraction.length;
  return fraction === '' ? 15 - integer.length - Math.trunc((exponent * 3) / 10) - 1 : -1;
}

function short(text: string, quantity: Parsed): string | undefined {
  const { negative, integer, fraction, exponent, format } = quantity;
  const binary = format === 'BinarySI';
  const scale = (binary ? 0 : exponent) - fraction.length;
  if (room(quantity) < 0 || scale < NANO_SCALE) return undefined;
  const digits = integer + fraction;
  const value = BigInt(digits) * (binary ? 2n ** BigInt(exponent) : 1n);
  if (value > INT64_MAX) return undefined;
  const canonical = binary
    ? exponent % 10 === 0 && (BigInt(digits) & 7n) !== 0n
    : scale % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0');
  return shown({ value: negative ? -value : value, scale }, '<nil>', canonical ? text : '', format);
}

function roundedUp(value: bigint, places: number): bigint {
  if (places >= 0) return value * 10n ** BigInt(places);
  const divisor = 10n ** BigInt(-places);
  return (value + divisor - 1n) / divisor;
}

function words(value: bigint): string {
  const list: bigint[] = [];
  for (let rest = value; rest > 0n; rest /= WORD) list.push(rest % WORD);
  return list.length === 0 ? '<nil>' : `[${list.join(' ')}]`;
}

function long({ negative, integer, fraction, exponent, format }: Parsed): string {
  const binary = format === 'BinarySI';
  const digits = BigInt(integer + fraction) * (binary ? 2n ** BigInt(exponent) : 1n);
  let unscaled = roundedUp(digits, 9 - fraction.length + (binary ? 0 : exponent));
  let scale = 9;
  if (binary && unscaled > INT64_MAX * 10n ** 9n) [unscaled, scale] = [INT64_MAX, 0];
  const shownFormat = binary && unscaled > 0n && unscaled < 10n ** 9n ? 'DecimalSI' : format;
  const decimal = `{unscaled:(big.Int){neg:(bool)${negative} abs:(big.nat)${words(unscaled)}} scale:(inf.Scale)${scale}}`;
  return shown({ value: 0n, scale: 0 }, decimal, '', shownFormat);
}

/** The text is made canonical first, as it is stored. */
export function goQuantity(given: string): string {
  const text = canonicalQuantity(given);
  if (text === '0') return shown({ value: 0n, scale: 0 }, '<nil>', '0', 'DecimalSI');
  const quantity = parsed(text);
  return short(text, quantity) ?? long(quantity);
}
