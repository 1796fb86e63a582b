// Go's 32- and 64-bit arithmetic where an autoscaler meets its limits: values are thousandths as bigint, counts are int32.
import { parseQuantity, Quantity } from '@tiphys/api';

export const INT32_MAX = 2 ** 31 - 1;
export const INT64_MAX = 2n ** 63n - 1n;
/** What amd64 makes of an infinite float: upstream shows it for a per-pod usage of no pods. */
const INT64_OF_INFINITY = -(2n ** 63n);
const MICRO = 1_000_000n;

/** MilliValue(): rounded away from zero, and no larger than 64 bits hold. */
export function milliOf(text: string | number): bigint {
  const { nano } = parseQuantity(text);
  const quotient = nano / MICRO;
  const rounded = quotient * MICRO === nano ? quotient : nano > 0n ? quotient + 1n : quotient - 1n;
  return rounded > INT64_MAX ? INT64_MAX : rounded;
}

/** Thousandths as a quantity's text. */
export const milliText = (milli: bigint, binary = false): string =>
  new Quantity(milli * MICRO, binary ? 'BinarySI' : 'DecimalSI').toString();

/** A count of replicas from a float. */
export const replicaCount = (value: number): number => Math.min(INT32_MAX, Math.ceil(value));

/** A float that is a usage again. */
export function usageOf(value: number): bigint {
  if (!Number.isFinite(value)) return INT64_OF_INFINITY;
  return value >= Number(INT64_MAX) ? INT64_MAX : BigInt(Math.ceil(value));
}
