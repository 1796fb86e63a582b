// A short form of the proof.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soaking } from './soak.ts';

const SEED = 20_261_121;
const WRITES = 4000;

test(`a server that is written to holds no more than it should (seed ${SEED})`, async () => {
  const running = await soaking(WRITES);
  try {
    for (const seed of [SEED, SEED + 1]) assert.deepEqual((await running.round(seed)).failures, []);
  } finally {
    await running.close();
  }
});
