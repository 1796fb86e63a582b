// Durations from upstream's own table of cases, and the text form of tables.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { humanDuration } from '@tiphys/api';
import { ageOf, shortHumanDuration, tableText } from './index.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test('durations have two or three significant figures', () => {
  const cases: [number, string][] = [
    [-2 * SECOND, '<invalid>'],
    [-1, '0s'],
    [SECOND, '1s'],
    [70 * SECOND, '70s'],
    [190 * SECOND, '3m10s'],
    [3 * MINUTE, '3m'],
    [70 * MINUTE, '70m'],
    [47 * HOUR, '47h'],
    [3 * HOUR + 5 * MINUTE, '3h5m'],
    [49 * HOUR, '2d1h'],
    [8 * DAY + 2 * HOUR, '8d'],
    [367 * DAY, '367d'],
    [365 * 2 * DAY + 25 * HOUR, '2y1d'],
    [365 * 8 * DAY + 2 * HOUR, '8y'],
  ];
  for (const [ms, text] of cases) assert.equal(humanDuration(ms), text);
  assert.equal(ageOf('2026-01-01T00:00:00Z', Date.UTC(2026, 0, 6, 3)), '5d3h');
  assert.equal(shortHumanDuration(49 * HOUR), '2d');
  assert.equal(ageOf(undefined, 0), '<unknown>');
});

test('columns are three apart and at least six wide; wide columns only on demand', () => {
  const column = (name: string, priority = 0) => ({ name, type: 'string', format: '', description: '', priority });
  const table = {
    columnDefinitions: [column('Name'), column('Ready'), column('Age'), column('IP', 1)],
    rows: [{ cells: ['web-0', '1/1', '5d', '10.0.0.1'] }, { cells: ['a\u001b[31m\nb', 'x', null, '10.0.0.2'] }],
  };
  assert.equal(tableText(table), 'NAME         READY   AGE\nweb-0        1/1     5d\na^[[31m...   x       \n');
  assert.equal(tableText({ ...table, rows: [] }), '');
  assert.equal(tableText({ ...table, rows: table.rows.slice(0, 1) }, { wide: true, noHeaders: true }), 'web-0   1/1   5d    10.0.0.1\n');
});
