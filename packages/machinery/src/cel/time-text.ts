// Timestamps and durations as text (RFC 3339; Go's time.ParseDuration).
import type { Duration, Timestamp } from './values.ts';

const TIMESTAMP = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?([Zz]|[+-]\d{2}:\d{2})$/;
const NANOS_PER_MS = 1_000_000n;
const NANOS_PER_SECOND = 1_000_000_000n;
const UNITS: Record<string, bigint> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: NANOS_PER_MS,
  s: NANOS_PER_SECOND,
  m: 60n * NANOS_PER_SECOND,
  h: 3600n * NANOS_PER_SECOND,
};

/** Nanoseconds since 1970; undefined: not a time. */
export function parseTimestampText(text: string): bigint | undefined {
  const found = TIMESTAMP.exec(text);
  if (!found) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  if (date.getUTCDate() !== day || date.getUTCMonth() !== month - 1) return undefined;
  const fraction = BigInt((found[7] ?? '').slice(0, 9).padEnd(9, '0'));
  const zone = found[8]!;
  const offsetMinutes = /^[Zz]$/.test(zone) ? 0 : (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
  return (BigInt(date.getTime()) - BigInt(offsetMinutes * 60_000)) * NANOS_PER_MS + fraction;
}

/** Milliseconds and the nanoseconds left over. */
export function splitNanos(nanos: bigint): { ms: number; rest: bigint } {
  let rest = nanos % NANOS_PER_MS;
  if (rest < 0n) rest += NANOS_PER_MS;
  return { ms: Number((nanos - rest) / NANOS_PER_MS), rest };
}

export function timestampText({ nanos }: Timestamp): string {
  const { ms, rest } = splitNanos(nanos);
  const text = new Date(ms).toISOString();
  const fraction = `${text.slice(-4, -1)}${String(rest).padStart(6, '0')}`.replace(/0+$/, '');
  return `${text.slice(0, -5)}${fraction ? `.${fraction}` : ''}Z`;
}

/** Nanoseconds; undefined: not a duration. */
export function parseDurationText(text: string): bigint | undefined {
  const found = /^([+-]?)(.+)$/.exec(text);
  if (!found) return undefined;
  const [, sign, body] = found;
  if (body === '0') return 0n;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body!)) return undefined;
  let nanos = 0n;
  for (const [, whole = '', fraction = '', unit] of body!.matchAll(/(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const scale = UNITS[unit!]!;
    nanos += BigInt(whole || '0') * scale;
    if (fraction) nanos += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
  }
  const value = sign === '-' ? -nanos : nanos;
  return value > 2n ** 63n - 1n || value < -(2n ** 63n) ? undefined : value;
}

/** Seconds with as many decimals as needed: `1.5s`. */
export function durationText({ nanos }: Duration): string {
  const positive = nanos < 0n ? -nanos : nanos;
  const fraction = String(positive % NANOS_PER_SECOND)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${nanos < 0n ? '-' : ''}${positive / NANOS_PER_SECOND}${fraction ? `.${fraction}` : ''}s`;
}
