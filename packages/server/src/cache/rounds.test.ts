import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualClock } from '@tiphys/runtime';
import { BOOKMARK_INTERVAL_MS, Rounds } from './rounds.ts';

test('each is called within a minute and once a minute after, by one timer for all', async () => {
  const clock = virtualClock();
  const rounds = new Rounds(clock);
  const calls = new Map<string, number[]>();
  const ends = new Map<string, () => void>();
  for (const [name, waitMs] of [
    ['first', 0],
    ['beside', 3_000],
    ['later', 24_000],
  ] as const) {
    await clock.advance(waitMs);
    const times: number[] = [];
    calls.set(name, times);
    ends.set(
      name,
      rounds.add(() => times.push(clock.monotonicMs())),
    );
    assert.equal(clock.pending(), 1);
  }
  await clock.advance(2 * BOOKMARK_INTERVAL_MS);
  assert.deepEqual(calls.get('first'), [60_000, 120_000]);
  assert.deepEqual(calls.get('beside'), [60_000, 120_000]);
  assert.deepEqual(calls.get('later'), [80_000, 140_000]);
  ends.get('later')!();
  ends.get('first')!();
  await clock.advance(BOOKMARK_INTERVAL_MS);
  assert.deepEqual(calls.get('beside'), [60_000, 120_000, 180_000]);
  assert.equal(calls.get('later')!.length + calls.get('first')!.length, 4);
  ends.get('beside')!();
  assert.equal(clock.pending(), 0);
});

test('whoever ends another or joins in its turn disturbs nobody', async () => {
  const clock = virtualClock();
  const rounds = new Rounds(clock);
  const seen: string[] = [];
  rounds.add(() => {
    seen.push('one');
    endOther();
    if (seen.length === 1) rounds.add(() => seen.push('new'));
  });
  const endOther = rounds.add(() => seen.push('other'));
  await clock.advance(BOOKMARK_INTERVAL_MS);
  assert.deepEqual(seen, ['one']);
  await clock.advance(BOOKMARK_INTERVAL_MS);
  assert.deepEqual(seen, ['one', 'one', 'new']);
});
