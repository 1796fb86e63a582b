// Quantities as rules compare them: exact, in billionths (apimachinery api/resource/quantity.go rounds up below that).

const SCALES: Record<string, bigint> = {
  n: 1n,
  u: 1_000n,
  m: 1_000_000n,
  '': 10n ** 9n,
  k: 10n ** 12n,
  M: 10n ** 15n,
  G: 10n ** 18n,
  T: 10n ** 21n,
  P: 10n ** 24n,
  E: 10n ** 27n,
  Ki: 10n ** 9n * 1024n,
  Mi: 10n ** 9n * 1024n ** 2n,
  Gi: 10n ** 9n * 1024n ** 3n,
  Ti: 10n ** 9n * 1024n ** 4n,
  Pi: 10n ** 9n * 1024n ** 5n,
  Ei: 10n ** 9n * 1024n ** 6n,
};
const FORMAT = /^([+-]?)(\d*)(?:\.(\d*))?(?:(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)|[eE]([+-]?\d+))?$/;
const CACHE_MAX = 4096;
const cache = new Map<string, bigint | undefined>();

function parse(text: string): bigint | undefined {
  const match = FORMAT.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', suffix = '', exponent] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = BigInt(whole + fraction || '0');
  const scale = exponent === undefined ? SCALES[suffix]! : 10n ** 9n;
  const shift = (exponent === undefined ? 0 : Number(exponent)) - fraction.length;
  if (Math.abs(shift) > 400) return undefined;
  const product = digits * scale * (shift > 0 ? 10n ** BigInt(shift) : 1n);
  const divisor = shift < 0 ? 10n ** BigInt(-shift) : 1n;
  const nano = (product + divisor - 1n) / divisor;
  return sign === '-' ? -nano : nano;
}

/** Billionths, or undefined when the text is no quantity. */
export function quantityNano(value: unknown): bigint | undefined {
  const text = typeof value === 'string' ? value : String(value);
  if (cache.has(text)) return cache.get(text);
  if (cache.size >= CACHE_MAX) cache.clear();
  const nano = parse(text);
  cache.set(text, nano);
  return nano;
}

export const isQuantity = (value: unknown): value is string | number =>
  (typeof value === 'string' || typeof value === 'number') && quantityNano(value) !== undefined;

/** Below, at or above zero as the first is less than, the same as or more than the second. Nothing counts as zero. */
export function compareQuantities(a: unknown, b: unknown): number {
  const [x, y] = [quantityNano(a ?? '0') ?? 0n, quantityNano(b ?? '0') ?? 0n];
  return x < y ? -1 : x > y ? 1 : 0;
}

export const quantitySign = (value: unknown) => compareQuantities(value, '0');

/** Whether the value is a whole number. */
export const isWholeQuantity = (value: unknown) => (quantityNano(value) ?? 0n) % 10n ** 9n === 0n;

/** The value in whole units, rounded up. */
export function quantityValue(value: unknown): number {
  const nano = quantityNano(value) ?? 0n;
  return Number(nano / 10n ** 9n + (nano > 0n && nano % 10n ** 9n !== 0n ? 1n : 0n));
}

/** A sum in the decimal or binary form a person would write. */
export function addQuantities(values: Iterable<unknown>): bigint {
  let sum = 0n;
  for (const value of values) sum += quantityNano(value) ?? 0n;
  return sum;
}
