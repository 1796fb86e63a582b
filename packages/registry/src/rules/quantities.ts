// Quantities as rules compare them. A value that is no quantity counts as nothing: decoding has refused it before.
import { Quantity } from '@tiphys/api';

function read(value: unknown): Quantity | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  try {
    return Quantity.parse(value);
  } catch {
    return undefined;
  }
}

/** Billionths, or undefined when the value is no quantity. */
export const quantityNano = (value: unknown): bigint | undefined => read(value)?.nano;
export const isQuantity = (value: unknown): value is string | number => read(value) !== undefined;

/** Below, at or above zero as the first is less than, the same as or more than the second. Nothing counts as zero. */
export function compareQuantities(a: unknown, b: unknown): number {
  return (read(a) ?? Quantity.zero).compare(read(b) ?? Quantity.zero);
}

export const quantitySign = (value: unknown) => (read(value) ?? Quantity.zero).sign;
const INT64_MAX = 2n ** 63n - 1n;

/** As upstream finds it: of thousandths, which overflow where the amount itself does. */
export function isWholeQuantity(value: unknown): boolean {
  const nano = quantityNano(value) ?? 0n;
  if (nano % 1_000_000_000n !== 0n) return false;
  const units = nano / 1_000_000_000n;
  if (units <= INT64_MAX && units >= -INT64_MAX) return true;
  return BigInt.asIntN(64, BigInt.asIntN(64, units) * 1000n) % 1000n === 0n;
}

const NANO = 1_000_000_000n;
const DIGITS_OF_INT64 = 18;

/** Upstream's Value(): whole units, rounded up. Too large a number loses its upper bits, or all when few digits made it so large. */
export function quantityInt64(value: unknown): bigint {
  const nano = quantityNano(value) ?? 0n;
  const units = nano / NANO + (nano % NANO > 0n ? 1n : nano % NANO < 0n ? -1n : 0n);
  const kept = BigInt.asIntN(64, units);
  const [, digits = ''] = /^[+-]?([\d.]*)/.exec(String(value))!;
  return kept !== units && digits.replace('.', '').length <= DIGITS_OF_INT64 ? 0n : kept;
}

/** The value in whole units, rounded up. */
export const quantityValue = (value: unknown) => (read(value) ?? Quantity.zero).asNumber();

export function addQuantities(values: Iterable<unknown>): bigint {
  let sum = 0n;
  for (const value of values) sum += quantityNano(value) ?? 0n;
  return sum;
}

/** Billionths as text, in the format that another quantity is written in. */
export const quantityText = (nano: bigint, like: unknown) => new Quantity(nano, read(like)?.format).toString();
