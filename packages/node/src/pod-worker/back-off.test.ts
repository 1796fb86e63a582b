import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backOff } from './back-off.ts';

test('the first restart is at once, then delays double up to the most', () => {
  const delays = backOff();
  let nowMs = 1_000_000;
  const seen: number[] = [];
  for (let i = 0; i < 8; i++) {
    assert.equal(delays.waitsSince('k', nowMs, nowMs), i > 0);
    nowMs += delays.delayMs('k');
    assert.equal(delays.waitsSince('k', nowMs - delays.delayMs('k'), nowMs), false);
    delays.failed('k', nowMs, nowMs);
    seen.push(delays.delayMs('k') / 1000);
  }
  assert.deepEqual(seen, [10, 20, 40, 80, 160, 300, 300, 300]);
});

test('a long run forgets', () => {
  const delays = backOff();
  delays.failed('k', 0, 0);
  delays.failed('k', 0, 0);
  assert.equal(delays.waitsSince('k', 700_000, 700_000), false);
  delays.failed('k', 700_000, 700_000);
  assert.equal(delays.delayMs('k'), 10_000);
});
