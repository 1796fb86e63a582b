// A short form of the proof: each attack, small.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ATTACKS } from './attacks.ts';
import { overloadRounds } from './overload.ts';

const DURATION_MS = 700;

test('nodes are heard while clients attack', async () => {
  const running = await overloadRounds('short', DURATION_MS);
  try {
    for (const index of Object.keys(ATTACKS).keys()) assert.deepEqual((await running.round(0, index)).failures, []);
  } finally {
    await running.close();
  }
});
