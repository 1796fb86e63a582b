// What a node runs out of: signals, the thresholds at which it acts, and the condition each brings about (pkg/kubelet/eviction
// helpers.go, defaults_linux.go, api/types.go). Pure.
import { parseQuantity, Quantity, type QuantityFormat } from '@tiphys/api';

export type Signal =
  | 'memory.available'
  | 'nodefs.available'
  | 'nodefs.inodesFree'
  | 'imagefs.available'
  | 'imagefs.inodesFree'
  | 'pid.available';
export type Pressure = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';
export type Starved = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';

interface SignalKind {
  pressure: Pressure;
  resource: Starved;
  format: QuantityFormat;
}

/** In the order in which they are acted upon. */
export const SIGNALS: Readonly<Record<Signal, SignalKind>> = {
  'memory.available': { pressure: 'MemoryPressure', resource: 'memory', format: 'BinarySI' },
  'nodefs.available': { pressure: 'DiskPressure', resource: 'ephemeral-storage', format: 'BinarySI' },
  'nodefs.inodesFree': { pressure: 'DiskPressure', resource: 'inodes', format: 'DecimalSI' },
  'imagefs.available': { pressure: 'DiskPressure', resource: 'ephemeral-storage', format: 'BinarySI' },
  'imagefs.inodesFree': { pressure: 'DiskPressure', resource: 'inodes', format: 'DecimalSI' },
  'pid.available': { pressure: 'PIDPressure', resource: 'pids', format: 'DecimalSI' },
};

/** Either an amount or a share of the capacity. */
export interface Threshold {
  signal: Signal;
  amount?: number;
  share?: number;
}

export interface Observation {
  available: number;
  capacity: number;
}

export type Observations = ReadonlyMap<Signal, Observation>;

/** Upstream's defaults, in the notation of the kubelet's flag. */
export const EVICTION_HARD_DEFAULT =
  'memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%';

function parseOne(statement: string): Threshold | undefined {
  const [signal = '', value = ''] = statement.split('<', 2);
  if (!Object.hasOwn(SIGNALS, signal)) throw new Error(`unsupported eviction signal ${signal}`);
  const known = signal as Signal;
  if (value.endsWith('%')) {
    const percent = Number(value.slice(0, -1));
    if (Number.isNaN(percent)) throw new Error(`eviction percentage threshold ${signal} must be a number: ${value}`);
    if (percent < 0) throw new Error(`eviction percentage threshold ${signal} must be >= 0%: ${value}`);
    if (percent > 100) throw new Error(`eviction percentage threshold ${signal} must be <= 100%: ${value}`);
    // Both ends switch the signal off.
    return percent === 0 || percent === 100 ? undefined : { signal: known, share: percent / 100 };
  }
  const quantity = parseQuantity(value);
  if (quantity.sign <= 0) throw new Error(`eviction threshold ${signal} must be positive: ${value}`);
  return { signal: known, amount: quantity.asNumber() };
}

/** `memory.available<100Mi,nodefs.available<10%`; nothing is evicted for signals that it does not name. Throws what is wrong with it. */
export function parseThresholds(text: string): Threshold[] {
  const parsed = text
    .split(',')
    .filter(Boolean)
    .flatMap((statement) => parseOne(statement.trim()) ?? []);
  const order = Object.keys(SIGNALS);
  return parsed.sort((a, b) => order.indexOf(a.signal) - order.indexOf(b.signal));
}

const amountOf = ({ amount, share = 0 }: Threshold, { capacity }: Observation): number => amount ?? Math.floor(capacity * share);

/** Those that are crossed; a signal nobody could observe is not. */
export const thresholdsMet = (thresholds: readonly Threshold[], observations: Observations): Threshold[] =>
  thresholds.filter((threshold) => {
    const observed = observations.get(threshold.signal);
    return observed !== undefined && amountOf(threshold, observed) > observed.available;
  });

/** What was to be left, and what is, as messages say it. */
export function shortageText(threshold: Threshold, observed: Observation): { quantity: string; available: string } {
  const { format } = SIGNALS[threshold.signal];
  return {
    quantity: Quantity.of(amountOf(threshold, observed), 'BinarySI').toString(),
    available: Quantity.of(observed.available, format).toString(),
  };
}
