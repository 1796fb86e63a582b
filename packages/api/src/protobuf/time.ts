// Times and durations as protobuf's Timestamp and Duration carry them.
import { parseDuration } from '../quantity/duration.ts';

/** Of a time in canonical form: UTC with whole seconds or microseconds. */
export function timeParts(text: string): { seconds: number; nanos: number } {
  const milliseconds = Date.parse(`${text.slice(0, 19)}Z`);
  const fraction = text.length > 20 ? text.slice(20, -1).padEnd(9, '0') : '0';
  return { seconds: milliseconds / 1000, nanos: Number(fraction) };
}

export function timeOfParts(seconds: number, nanos: number, micro: boolean): string {
  const base = new Date(seconds * 1000).toISOString().slice(0, -5);
  return micro ? `${base}.${String(Math.trunc(nanos / 1000)).padStart(6, '0')}Z` : `${base}Z`;
}

export const decodeDurationNanos = (text: string): number => Math.round((parseDuration(text) ?? 0) * 1e6);
