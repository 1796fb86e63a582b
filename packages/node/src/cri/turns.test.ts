import assert from 'node:assert/strict';
import { test } from 'node:test';
import { virtualClock } from '@tiphys/runtime';
import { TURN_MS_MAX, turns } from './turns.ts';

function lab(atOnceMax: number) {
  const clock = virtualClock();
  const { take } = turns(clock, atOnceMax);
  const begun: string[] = [];
  const ends = new Map<string, (value: string) => void>();
  const start = (name: string, ahead = false) =>
    take(() => {
      begun.push(name);
      return new Promise<string>((resolve) => ends.set(name, resolve));
    }, ahead);
  const end = async (name: string) => {
    ends.get(name)!(name);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, begun, start, end, take };
}

test('no more than the limit work at once, and containers go before sandboxes', async () => {
  const { begun, start, end } = lab(2);
  const all = [start('a'), start('b'), start('c'), start('container', true)];
  assert.deepEqual(begun, ['a', 'b']);
  await end('b');
  assert.deepEqual(begun, ['a', 'b', 'container']);
  await end('a');
  assert.deepEqual(begun, ['a', 'b', 'container', 'c']);
  await end('container');
  await end('c');
  assert.deepEqual(await Promise.all(all), ['a', 'b', 'c', 'container']);
});

test('one that is stuck holds nobody up for long, and its end frees no second turn', async () => {
  const { clock, begun, start, end } = lab(1);
  void start('stuck');
  void start('b');
  void start('c');
  assert.deepEqual(begun, ['stuck']);
  await clock.advance(TURN_MS_MAX);
  assert.deepEqual(begun, ['stuck', 'b']);
  await end('stuck');
  assert.deepEqual(begun, ['stuck', 'b']);
  await end('b');
  assert.deepEqual(begun, ['stuck', 'b', 'c']);
  await end('c');
});

test('a failure is the caller’s and frees the turn', async () => {
  const { take, start, begun, end } = lab(1);
  await assert.rejects(
    take(() => Promise.reject(new Error('no')), false),
    /no/,
  );
  void start('next');
  assert.deepEqual(begun, ['next']);
  await end('next');
});
