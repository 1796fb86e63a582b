import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realClock, type VirtualClock, virtualClock } from './clock.ts';

test('a virtual clock runs timers when they are due, in order', async () => {
  const clock = virtualClock(1_000_000);
  const seen: string[] = [];
  clock.after(20, () => seen.push(`late at ${clock.now()}`));
  clock.after(10, () => seen.push(`early at ${clock.now()}`));
  clock.after(10, () => seen.push('early too'));
  clock.after(10, () => seen.push('never')).cancel();
  await clock.advance(9);
  assert.deepEqual(seen, []);
  await clock.advance(1);
  assert.deepEqual(seen, ['early at 1000010', 'early too']);
  await clock.advance(100);
  assert.deepEqual(seen.slice(2), ['late at 1000020']);
  assert.equal(clock.now(), 1_000_110);
  assert.equal(clock.monotonicMs(), 110);
  assert.equal(clock.pending(), 0);
});

test('what a timer sets off is run in the same advance when it falls due', async () => {
  const clock = virtualClock();
  const seen: number[] = [];
  const beat = () => {
    seen.push(clock.monotonicMs());
    clock.after(10, beat);
  };
  clock.after(10, beat);
  await clock.advance(35);
  assert.deepEqual(seen, [10, 20, 30]);
});

test('promises settle between two timers', async () => {
  const clock = virtualClock();
  const seen: string[] = [];
  void clock.sleep(1).then(() => seen.push('slept'));
  clock.after(2, () => seen.push('timer'));
  await clock.advance(2);
  assert.deepEqual(seen, ['slept', 'timer']);
});

for (const [name, make] of [
  ['virtual', () => virtualClock()],
  ['real', () => realClock()],
] as const) {
  test(`sleep ends early with the signal's reason (${name} clock)`, async () => {
    const clock = make();
    const stop = new AbortController();
    const sleeping = clock.sleep(1_000_000, stop.signal);
    stop.abort(new Error('enough'));
    await assert.rejects(sleeping, /enough/);
    await assert.rejects(clock.sleep(1, stop.signal), /enough/);
    if ('pending' in clock) assert.equal((clock as VirtualClock).pending(), 0);
  });
}

test('a real clock waits for times longer than the machine has timers for', async () => {
  const clock = realClock();
  const early = await Promise.race([
    new Promise((resolve) => clock.after(2 ** 40, () => resolve('too early'))),
    new Promise((resolve) => setImmediate(() => resolve('still waiting'))),
  ]);
  assert.equal(early, 'still waiting');
});

test('a virtual clock runs until something has come, and says when it never will', async () => {
  const clock = virtualClock();
  const slept = clock.sleep(3_600_000).then(() => 'awake');
  assert.equal(await clock.runUntil(slept), 'awake');
  assert.equal(clock.monotonicMs(), 3_600_000);
  await assert.rejects(clock.runUntil(new Promise(() => {})), /no timer left/);
});

test('a virtual clock says when a loop keeps time from passing', async () => {
  const clock = virtualClock(0, 100);
  const again = () => void clock.after(0, again);
  for (let each = 0; each < 90; each++) clock.after(1, () => {});
  await clock.advance(1);
  for (let each = 0; each < 90; each++) clock.after(1, () => {});
  await clock.advance(1);
  again();
  await assert.rejects(clock.advance(1), /busy without end: 100 timers/);
});

test('a jump moves the wall clock and no timer', async () => {
  const clock = virtualClock(0);
  let ran = false;
  clock.after(1000, () => {
    ran = true;
  });
  clock.jump(-5000);
  await clock.advance(999);
  assert.deepEqual([clock.now(), ran], [-4001, false]);
  await clock.advance(1);
  assert.ok(ran);
});
