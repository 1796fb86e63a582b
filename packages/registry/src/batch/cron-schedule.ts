// What is wrong with a cron schedule, in the words of the parser that upstream uses (robfig/cron ParseStandard).
import { parseDuration } from '@tiphys/api';

interface Field {
  min: number;
  max: number;
  names?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const FIELDS: readonly Field[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 6, names: DAYS },
];
const DESCRIPTORS = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];
const EVERY = '@every ';
const quoted = JSON.stringify;

function parseNumber(text: string, field: Field): number | string {
  const named = field.names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + field.min;
  if (!/^[+-]?\d+$/.test(text)) return `failed to parse int from ${text}: strconv.Atoi: parsing ${quoted(text)}: invalid syntax`;
  const number = Number(text);
  return number < 0 ? `negative number (${number}) not allowed: ${text}` : number;
}

function rangeFault(text: string, field: Field): string | undefined {
  const [range = '', step, ...more] = text.split('/');
  const ends = range.split('-');
  const isAny = ends[0] === '*' || ends[0] === '?';
  let [low, high] = [field.min, field.max];
  if (!isAny) {
    const first = parseNumber(ends[0]!, field);
    if (typeof first === 'string') return first;
    if (ends.length > 2) return `too many hyphens: ${text}`;
    const last = ends.length === 2 ? parseNumber(ends[1]!, field) : first;
    if (typeof last === 'string') return last;
    [low, high] = [first, last];
  }
  if (more.length) return `too many slashes: ${text}`;
  if (step !== undefined) {
    const size = parseNumber(step, { min: 0, max: 0 });
    if (typeof size === 'string') return size;
    if (ends.length === 1) high = field.max;
    if (size === 0 && low >= field.min && high <= field.max && low <= high) return `step of range should be a positive number: ${text}`;
  }
  if (low < field.min) return `beginning of range (${low}) below minimum (${field.min}): ${text}`;
  if (high > field.max) return `end of range (${high}) above maximum (${field.max}): ${text}`;
  return low > high ? `beginning of range (${low}) beyond end of range (${high}): ${text}` : undefined;
}

/** undefined when the schedule is fine. */
export function scheduleFault(schedule: string): string | undefined {
  if (schedule === '') return 'empty spec string';
  let spec = schedule;
  const zone = /^(?:TZ|CRON_TZ)=(\S*)\s*/.exec(spec);
  if (zone) spec = spec.slice(zone[0].length);
  if (spec.startsWith('@')) {
    if (DESCRIPTORS.includes(spec)) return undefined;
    if (!spec.startsWith(EVERY)) return `unrecognized descriptor: ${spec}`;
    const text = spec.slice(EVERY.length);
    if (parseDuration(text) !== undefined) return undefined;
    return `failed to parse duration ${spec}: time: invalid duration ${quoted(text)}`;
  }
  const fields = spec.split(/\s+/).filter(Boolean);
  if (fields.length !== FIELDS.length) return `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`;
  for (const [i, text] of fields.entries()) {
    for (const part of text.split(',').filter(Boolean)) {
      const fault = rangeFault(part, FIELDS[i]!);
      if (fault) return fault;
    }
  }
  return undefined;
}

/** What is wrong with a time zone's name, or undefined. */
export function timeZoneFault(zone: string): string | undefined {
  if (zone === '') return 'timeZone must be nil or non-empty string';
  const parts = zone.split('/');
  const odd = (part: string) => part === '.' || part === '..' || part.startsWith('-') || !/^[A-Za-z._0-9+-]{1,14}$/.test(part);
  if (parts.some(odd)) return `unknown time zone ${zone}`;
  if (zone.toLowerCase() === 'local') {
    return 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
  }
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return undefined;
  } catch {
    return `unknown time zone ${zone}`;
  }
}
