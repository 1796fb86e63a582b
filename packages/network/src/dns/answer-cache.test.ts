import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualClock } from '@tiphys/runtime';
import { decode, encode } from 'dns-packet';
import { answerCache } from './answer-cache.ts';
import { CODES } from './wire.ts';

const TRUNCATED = 1 << 9;

function message(ttlsSeconds: number[], flags: number = CODES.NOERROR): Buffer {
  return encode({
    id: 7,
    type: 'response',
    flags,
    questions: [{ type: 'A', name: 'example.com' }],
    answers: ttlsSeconds.map((ttl) => ({ type: 'A' as const, name: 'example.com', ttl, data: '192.0.2.7' })),
  });
}

const ttls = (kept: Buffer | undefined) => kept && decode(kept).answers!.map((answer) => 'ttl' in answer && answer.ttl);

test('an answer ages, and is gone when the shortest of its records is', async () => {
  const clock = virtualClock();
  const cache = answerCache(clock);
  cache.put('key', message([10, 20]));
  await clock.advance(4000);
  assert.deepEqual(ttls(cache.get('key')), [6, 16]);
  await clock.advance(3000);
  assert.deepEqual(ttls(cache.get('key')), [3, 13], 'aged from what was stored, not from what was handed out');
  await clock.advance(3000);
  assert.equal(cache.get('key'), undefined);
});

test('nothing is kept for long, denials even less', async () => {
  const clock = virtualClock();
  const cache = answerCache(clock);
  cache.put('answer', message([86_400]));
  cache.put('denial', message([], CODES.NXDOMAIN));
  await clock.advance(5000);
  assert.equal(cache.get('denial'), undefined);
  assert.deepEqual(ttls(cache.get('answer')), [86_395]);
  await clock.advance(25_000);
  assert.equal(cache.get('answer'), undefined);
});

test('failures and messages cut short are not kept', () => {
  const cache = answerCache(virtualClock());
  cache.put('failed', message([60], CODES.SERVFAIL));
  cache.put('refused', message([60], CODES.REFUSED));
  cache.put('cut', message([60], TRUNCATED));
  for (const key of ['failed', 'refused', 'cut']) assert.equal(cache.get(key), undefined, key);
});

test('the oldest answer makes room', () => {
  const cache = answerCache(virtualClock());
  for (let index = 0; index <= 1000; index++) cache.put(`key ${index}`, message([60]));
  assert.equal(cache.get('key 0'), undefined);
  assert.ok(cache.get('key 1'));
  assert.ok(cache.get('key 1000'));
});
