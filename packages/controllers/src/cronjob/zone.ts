// Wall time of a time zone. Formatters are costly to make and kept, one per zone.

export interface WallTime {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  /** 0 is Sunday. */
  weekday: number;
}

export interface Zone {
  name: string;
  wallTime(ms: number): WallTime;
  /** The instant at which the zone's clocks show that; days and months beyond their range carry over. */
  instant(year: number, month: number, day: number, hour?: number): number;
  offsetMs(ms: number): number;
}

const MINUTE_MS = 60_000;
const zones = new Map<string, Zone>();

/** undefined for a name that the time zone database does not have. */
export function timeZone(name: string): Zone | undefined {
  const known = zones.get(name);
  if (known) return known;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name === '' ? 'UTC' : name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    return undefined;
  }
  const offsetMs = (ms: number): number => {
    const wholeMs = Math.floor(ms / 1000) * 1000;
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(wholeMs)) parts[type] = Number(value);
    return Date.UTC(parts.year!, parts.month! - 1, parts.day, parts.hour, parts.minute, parts.second) - wholeMs;
  };
  const zone: Zone = {
    name,
    offsetMs,
    wallTime: (ms) => {
      const date = new Date(ms + offsetMs(ms));
      return {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
        second: date.getUTCSeconds(),
        weekday: date.getUTCDay(),
      };
    },
    instant: (year, month, day, hour = 0) => {
      const wall = Date.UTC(year, month - 1, day, hour);
      const first = wall - offsetMs(wall);
      return wall - offsetMs(first);
    },
  };
  zones.set(name, zone);
  return zone;
}

/** RFC 3339 with the zone's offset. */
export function zonedText(zone: Zone, ms: number): string {
  const minutes = Math.round(zone.offsetMs(ms) / MINUTE_MS);
  const text = new Date(ms + minutes * MINUTE_MS).toISOString().slice(0, 19);
  if (minutes === 0) return `${text}Z`;
  const two = (value: number) => String(value).padStart(2, '0');
  return `${text}${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}
