import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSchedule } from './schedule.ts';

const ms = (text: string) => Date.parse(text);
const next = (schedule: string, from: string, zone?: string) => {
  const at = parseSchedule(schedule, zone).next(ms(from));
  return at === undefined ? 'never' : new Date(at).toISOString().replace(':00.000Z', 'Z');
};

test('the next time of ordinary schedules', () => {
  assert.equal(next('*/15 * * * *', '2026-01-01T10:07:30Z'), '2026-01-01T10:15Z');
  assert.equal(next('0 * * * *', '2026-01-01T10:00:00Z'), '2026-01-01T11:00Z');
  assert.equal(next('30 4 1,15 * *', '2026-01-02T00:00:00Z'), '2026-01-15T04:30Z');
  assert.equal(next('0 0 29 feb *', '2026-01-01T00:00:00Z'), '2028-02-29T00:00Z');
  assert.equal(next('59 23 31 2 *', '2026-01-01T00:00:00Z'), 'never');
  assert.equal(next('10/20 * * * *', '2026-01-01T10:31:00Z'), '2026-01-01T10:50Z');
  assert.equal(next('@daily', '2026-01-01T10:31:00Z'), '2026-01-02T00:00Z');
  assert.equal(next('@every 90m', '2026-01-01T10:00:00Z'), '2026-01-01T11:30Z');
});

test('with both day fields set, either is enough', () => {
  assert.equal(next('0 0 13 * fri', '2026-01-03T00:00:00Z'), '2026-01-09T00:00Z');
  assert.equal(next('0 0 13 * fri', '2026-01-10T00:00:00Z'), '2026-01-13T00:00Z');
  assert.equal(next('0 0 */2 * fri', '2026-01-01T00:00:00Z'), '2026-01-02T00:00Z');
});

test('time zones, and days on which clocks change', () => {
  assert.equal(next('0 9 * * *', '2026-01-01T00:00:00Z', 'Europe/Berlin'), '2026-01-01T08:00Z');
  assert.equal(next('CRON_TZ=Asia/Tokyo 0 9 * * *', '2026-01-01T00:00:00Z'), '2026-01-02T00:00Z');
  // 02:30 does not exist on the 29th of March.
  assert.equal(next('30 2 * * *', '2026-03-28T12:00:00Z', 'Europe/Berlin'), '2026-03-30T00:30Z');
  // 02:30 comes twice on the 25th of October.
  assert.equal(next('30 2 * * *', '2026-10-24T12:00:00Z', 'Europe/Berlin'), '2026-10-25T00:30Z');
  assert.equal(next('30 2 * * *', '2026-10-25T00:30:00Z', 'Europe/Berlin'), '2026-10-25T01:30Z');
});

test('mistakes get the sentences of the upstream parser', () => {
  const why = (schedule: string, zone?: string) => {
    try {
      parseSchedule(schedule, zone);
      return 'no mistake';
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(why(''), 'empty spec string');
  assert.equal(why('* * * *'), 'expected exactly 5 fields, found 4: [* * * *]');
  assert.equal(why('60 * * * *'), 'end of range (60) above maximum (59): 60');
  assert.equal(why('* * 0 * *'), 'beginning of range (0) below minimum (1): 0');
  assert.equal(why('5-3 * * * *'), 'beginning of range (5) beyond end of range (3): 5-3');
  assert.equal(why('*/0 * * * *'), 'step of range should be a positive number: */0');
  assert.equal(why('x * * * *'), 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax');
  assert.equal(why('* * * * 7'), 'end of range (7) above maximum (6): 7');
  assert.equal(why('@often'), 'unrecognized descriptor: @often');
  assert.equal(why('* * * * *', 'Mars/Olympus'), 'provided bad location Mars/Olympus: unknown time zone Mars/Olympus');
});
