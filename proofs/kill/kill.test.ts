// A short form of the proof, and the proof's own proof.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Acknowledged, kill } from './kill.ts';

const SEED = 20_261_121;
const CYCLES = 3;

test(`acknowledged writes survive kill -9 (seed ${SEED})`, async () => {
  const running = await kill.open(SEED);
  try {
    for (let i = 0; i < CYCLES; i++) assert.deepEqual((await running.round(SEED, i)).failures, []);
  } finally {
    await running.close!();
  }
});

test('what is lost, invented or gone back is found', () => {
  const JOURNAL = '? a 1\n! a 1 5\n? b 2\n! b 2 6\n? b \n! b  \n? c 3\n? d 4\n! d 4 9';
  const after = (revision: number, ...found: [string, string, string][]) => {
    const acknowledged = new Acknowledged();
    assert.equal(acknowledged.read(JOURNAL), 3);
    return acknowledged.compare({ revision, found });
  };
  assert.deepEqual(after(9, ['a', '1', '5']), []);
  assert.deepEqual(after(9, ['a', '1', '5'], ['c', '3', '8'], ['d', '4', '9']), [], 'what was not answered may have happened');
  assert.match(after(5, ['a', '1', '5'])[0]!, /went back from 6 to 5/);
  assert.match(after(9)[0]!, /^a is undefined/);
  assert.match(after(9, ['a', '0', '4'])[0]!, /^a is/);
  assert.match(after(9, ['a', '1', '7'])[0]!, /^a is/);
  assert.match(after(9, ['a', '1', '5'], ['b', '2', '6'])[0]!, /^b is/);
  assert.match(after(9, ['a', '1', '5'], ['e', '2', '6'])[0]!, /^e is/);
});
