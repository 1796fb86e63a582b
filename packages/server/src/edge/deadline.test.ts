import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualClock } from '@tiphys/runtime';
import { deadlineMs, withinDeadline } from './deadline.ts';

test('the timeout is read from the URL', () => {
  assert.equal(deadlineMs('/api/v1/pods?timeoutSeconds=5'), undefined);
  assert.equal(deadlineMs('/api/v1/pods?limit=1&timeout=1.5s'), 1500);
  assert.equal(deadlineMs('/api/v1/pods?timeout=2h'), 60_000);
  assert.equal(deadlineMs('/api/v1/pods?timeout=0s'), undefined);
  assert.equal(deadlineMs('/api/v1/namespaces/a/pods/p/log?timeout=x'), undefined);
  const start = 'invalid timeout specified in the request URL - time: ';
  for (const [text, problem] of [
    ['abc', 'invalid duration "abc"'],
    ['10', 'missing unit in duration "10"'],
    ['10x', 'unknown unit "x" in duration "10x"'],
  ]) {
    assert.throws(() => deadlineMs(`/api?timeout=${text}`), { code: 400, message: start + problem });
  }
});

test('an answer in time is given, a late one is a Timeout', async () => {
  const clock = virtualClock();
  assert.equal(await withinDeadline(clock, '/api?timeout=1s', async () => 'soon'), 'soon');
  const late = withinDeadline(clock, '/api?timeout=1s', () => new Promise(() => {}));
  const refused = assert.rejects(late, { code: 504, reason: 'Timeout' });
  await clock.advance(1000);
  await refused;
});
