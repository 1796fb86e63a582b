// Parts of timestamps and durations (cel-go common/types/{timestamp,duration}.go).
import { type Declared, member } from './functions.ts';
import { splitNanos } from './time-text.ts';
import { DURATION, INT, STRING, TIMESTAMP } from './types.ts';
import { CelError, type Duration, type Timestamp } from './values.ts';

const DAY_MS = 86_400_000;
const UTC = 'UTC';

/** The same moment as a date whose UTC fields are the zone's. */
function inZone(at: Timestamp, zone: string): Date {
  const { ms } = splitNanos(at.nanos);
  if (zone === UTC || zone === '') return new Date(ms);
  const offset = /^([+-]?)(\d{1,2}):(\d{2})$/.exec(zone);
  if (offset) return new Date(ms + (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3])) * 60_000);
  let parts: Intl.DateTimeFormatPart[];
  try {
    parts = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    }).formatToParts(new Date(ms));
  } catch {
    throw new CelError(`unknown time zone ${zone}`);
  }
  const part = (type: string) => Number(parts.find((each) => each.type === type)!.value);
  const milliseconds = ((ms % 1000) + 1000) % 1000;
  return new Date(Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'), milliseconds));
}

const dayOfYear = (date: Date) => Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS);

const PARTS: Record<string, readonly [id: string, part: (date: Date) => number]> = {
  getFullYear: ['year', (date) => date.getUTCFullYear()],
  getMonth: ['month', (date) => date.getUTCMonth()],
  getDayOfYear: ['day_of_year', dayOfYear],
  getDayOfMonth: ['day_of_month', (date) => date.getUTCDate() - 1],
  getDate: ['day_of_month_1_based', (date) => date.getUTCDate()],
  getDayOfWeek: ['day_of_week', (date) => date.getUTCDay()],
  getHours: ['hours', (date) => date.getUTCHours()],
  getMinutes: ['minutes', (date) => date.getUTCMinutes()],
  getSeconds: ['seconds', (date) => date.getUTCSeconds()],
  getMilliseconds: ['milliseconds', (date) => date.getUTCMilliseconds()],
};

const SPANS: Record<string, readonly [id: string, nanos: bigint]> = {
  getHours: ['hours', 3_600_000_000_000n],
  getMinutes: ['minutes', 60_000_000_000n],
  getSeconds: ['seconds', 1_000_000_000n],
};

export const TIME: readonly Declared[] = [
  ...Object.entries(PARTS).flatMap(([name, [id, part]]) => [
    member(name, `timestamp_to_${id}`, [TIMESTAMP], INT, (at: Timestamp) => BigInt(part(inZone(at, UTC)))),
    member(name, `timestamp_to_${id}_with_tz`, [TIMESTAMP, STRING], INT, (at: Timestamp, zone: string) => BigInt(part(inZone(at, zone)))),
  ]),
  ...Object.entries(SPANS).map(([name, [id, nanos]]) =>
    member(name, `duration_to_${id}`, [DURATION], INT, (span: Duration) => span.nanos / nanos),
  ),
  member('getMilliseconds', 'duration_to_milliseconds', [DURATION], INT, (span: Duration) => (span.nanos / 1_000_000n) % 1000n),
];
