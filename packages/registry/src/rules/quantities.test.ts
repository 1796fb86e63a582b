import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quantityInt64 } from './quantities.ts';

test('whole units as upstream’s int64 has them', () => {
  const cases: [string, bigint][] = [
    ['1500m', 2n],
    ['-1', -1n],
    ['9223372036854775807', 9_223_372_036_854_775_807n],
    ['9999999999999999999', -8_446_744_073_709_551_617n],
    ['100E', 0n],
  ];
  for (const [text, units] of cases) assert.equal(quantityInt64(text), units, text);
});
