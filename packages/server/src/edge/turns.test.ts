import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BEGUN_PER_TURN_MAX, turnFor } from './turns.ts';

const turn = () => new Promise(setImmediate);

test('a connection begins some requests at a time, in order, and none that is taken back', async () => {
  const connection = {};
  const begun: number[] = [];
  const ask = (i: number) => {
    const stream = { isClosed: false };
    const taken = turnFor(connection, stream);
    if (!taken) begun.push(i);
    else void taken.then((wanted) => wanted && begun.push(i));
    return stream;
  };
  const COUNT = BEGUN_PER_TURN_MAX * 4;
  const streams = Array.from({ length: COUNT }, (_, i) => ask(i));
  assert.equal(begun.length, BEGUN_PER_TURN_MAX, 'the first at once');
  for (const stream of streams.slice(BEGUN_PER_TURN_MAX, 2 * BEGUN_PER_TURN_MAX)) stream.isClosed = true;
  assert.equal(turnFor({}, { isClosed: false }), undefined, 'another connection does not wait for it');
  const later = turn().then(() => begun.length);
  ask(COUNT);
  for (let i = 0; begun.length <= 3 * BEGUN_PER_TURN_MAX; i++) {
    assert.ok(i < 10, 'everybody’s turn comes');
    await turn();
  }
  assert.deepEqual(begun.slice(BEGUN_PER_TURN_MAX), [
    ...Array.from({ length: 2 * BEGUN_PER_TURN_MAX }, (_, i) => 2 * BEGUN_PER_TURN_MAX + i),
    COUNT,
  ]);
  assert.ok((await later) <= 2 * BEGUN_PER_TURN_MAX, 'no more in the next turn');
  await turn();
  assert.equal(ask(0) && begun.at(-1), 0, 'and afterwards none waits');
});
