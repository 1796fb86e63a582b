// Cron schedules by the rules and with the sentences of github.com/robfig/cron/v3 (parser.go, spec.go), which upstream uses.
import { parseDuration } from '@tiphys/api';
import { timeZone, type WallTime, type Zone } from './zone.ts';

export interface Schedule {
  /** The first time after the given one, in milliseconds; undefined when there is none within five years. */
  next(afterMs: number): number | undefined;
}

interface Bounds {
  low: number;
  high: number;
  names?: Record<string, number>;
}

interface Field {
  values: ReadonlySet<number>;
  /** Written as `*` or `?`: the other of the two day fields decides alone. */
  star: boolean;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const numbered = (names: string[], from: number) => Object.fromEntries(names.map((name, index) => [name, index + from]));

const BOUNDS: readonly Bounds[] = [
  { low: 0, high: 59 },
  { low: 0, high: 23 },
  { low: 1, high: 31 },
  { low: 1, high: 12, names: numbered(MONTHS, 1) },
  { low: 0, high: 6, names: numbered(WEEKDAYS, 0) },
];

const DESCRIPTORS: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Years looked ahead for a schedule that hardly ever comes, such as the 29th of February. */
const YEARS_MAX = 5;

function parseNumber(text: string): number {
  if (!/^[+-]?[0-9]+$/.test(text)) {
    throw new Error(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  if (Number(text) < 0) throw new Error(`negative number (${Number(text)}) not allowed: ${text}`);
  return Number(text);
}

const parseValue = (text: string, { names }: Bounds): number => names?.[text.toLowerCase()] ?? parseNumber(text);

function parseRange(text: string, bounds: Bounds): { values: number[]; star: boolean } {
  const [range = '', stepText, ...moreSteps] = text.split('/');
  const [lowText = '', highText, ...moreLimits] = range.split('-');
  let [low, high, star] = [bounds.low, bounds.high, false];
  if (lowText === '*' || lowText === '?') star = true;
  else {
    low = parseValue(lowText, bounds);
    if (moreLimits.length > 0) throw new Error(`too many hyphens: ${text}`);
    high = highText === undefined ? low : parseValue(highText, bounds);
  }
  let step = 1;
  if (moreSteps.length > 0) throw new Error(`too many slashes: ${text}`);
  if (stepText !== undefined) {
    step = parseNumber(stepText);
    // `n/step` goes from n to the end.
    if (highText === undefined) high = bounds.high;
    if (step > 1) star = false;
  }
  if (low < bounds.low) throw new Error(`beginning of range (${low}) below minimum (${bounds.low}): ${text}`);
  if (high > bounds.high) throw new Error(`end of range (${high}) above maximum (${bounds.high}): ${text}`);
  if (low > high) throw new Error(`beginning of range (${low}) beyond end of range (${high}): ${text}`);
  if (step === 0) throw new Error(`step of range should be a positive number: ${text}`);
  const values: number[] = [];
  for (let value = low; value <= high; value += step) values.push(value);
  return { values, star };
}

function parseField(text: string, bounds: Bounds): Field {
  const ranges = text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => parseRange(part, bounds));
  return { values: new Set(ranges.flatMap(({ values }) => values)), star: ranges.some(({ star }) => star) };
}

/** Every so often from the time before, in whole seconds. */
function everySchedule(delayMs: number): Schedule {
  const wholeMs = Math.max(SECOND_MS, Math.floor(delayMs / SECOND_MS) * SECOND_MS);
  return { next: (afterMs) => Math.floor(afterMs / SECOND_MS) * SECOND_MS + wholeMs };
}

/** Reads a schedule; throws an Error with robfig's sentence. The zone may stand before it as `TZ=` or `CRON_TZ=`. */
export function parseSchedule(text: string, zoneName = ''): Schedule {
  if (text === '') throw new Error('empty spec string');
  const zoned = /^(?:CRON_)?TZ=([^ ]*) (.*)$/s.exec(text);
  const name = zoned ? zoned[1]! : zoneName;
  const zone = timeZone(name);
  if (!zone) throw new Error(`provided bad location ${name}: unknown time zone ${name}`);
  const spec = (zoned ? zoned[2]! : text).trim();
  if (spec.startsWith('@every ')) {
    const duration = spec.slice('@every '.length);
    const delayMs = parseDuration(duration);
    if (delayMs === undefined) throw new Error(`failed to parse duration ${spec}: time: invalid duration ${JSON.stringify(duration)}`);
    return everySchedule(delayMs);
  }
  if (spec.startsWith('@') && !DESCRIPTORS[spec]) throw new Error(`unrecognized descriptor: ${spec}`);
  const fields = (DESCRIPTORS[spec] ?? spec).split(/\s+/).filter((field) => field !== '');
  if (fields.length !== BOUNDS.length)
    throw new Error(`expected exactly ${BOUNDS.length} fields, found ${fields.length}: [${fields.join(' ')}]`);
  const [minutes, hours, days, months, weekdays] = fields.map((field, index) => parseField(field, BOUNDS[index]!));
  return fieldSchedule(zone, { minutes: minutes!, hours: hours!, days: days!, months: months!, weekdays: weekdays! });
}

interface Fields {
  minutes: Field;
  hours: Field;
  days: Field;
  months: Field;
  weekdays: Field;
}

function dayMatches({ days, weekdays }: Fields, { day, weekday }: WallTime): boolean {
  const byDay = days.values.has(day);
  const byWeekday = weekdays.values.has(weekday);
  return days.star || weekdays.star ? byDay && byWeekday : byDay || byWeekday;
}

/** Midnight of the day after, also when clocks change just then. */
function nextDay(zone: Zone, wall: WallTime): number {
  const ms = zone.instant(wall.year, wall.month, wall.day + 1);
  const { hour } = zone.wallTime(ms);
  return hour === 0 ? ms : ms + (hour > 12 ? 24 - hour : -hour) * HOUR_MS;
}

/** Walks from month to day to hour to minute; whatever is moved sets the smaller ones to their start. */
function fieldSchedule(zone: Zone, fields: Fields): Schedule {
  const next = (afterMs: number): number | undefined => {
    // The second after, then the first full minute from there: schedules have no seconds.
    let ms = Math.ceil((Math.floor(afterMs / SECOND_MS) * SECOND_MS + SECOND_MS) / MINUTE_MS) * MINUTE_MS;
    const lastYear = zone.wallTime(ms).year + YEARS_MAX;
    for (;;) {
      const wall = zone.wallTime(ms);
      if (wall.year > lastYear) return undefined;
      if (!fields.months.values.has(wall.month)) ms = zone.instant(wall.year, wall.month + 1, 1);
      else if (!dayMatches(fields, wall)) ms = nextDay(zone, wall);
      else if (!fields.hours.values.has(wall.hour)) ms += HOUR_MS - wall.minute * MINUTE_MS;
      else if (!fields.minutes.values.has(wall.minute)) ms += MINUTE_MS;
      else return ms;
    }
  };
  return { next };
}
