// A short form of the proof: the server that leads is killed, a member of etcd is paused, a server is cut off, and all are restarted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KINDS, PARTS, ROUNDS_OF_A_TURN } from './rounds.ts';
import { servers, skipWithoutServers } from './servers.ts';

const SEED = 20_261_121;
const FIRST_MEMBER = 3;
const ROUNDS = [
  PARTS * KINDS.indexOf('killed'),
  PARTS * KINDS.indexOf('paused') + FIRST_MEMBER,
  PARTS * KINDS.indexOf('cut off') + 1,
  ROUNDS_OF_A_TURN - 1,
];

test(`three servers on three members of etcd, of which one fails (seed ${SEED})`, { skip: skipWithoutServers() }, async () => {
  const running = await servers.open(SEED);
  try {
    for (const index of ROUNDS) assert.deepEqual((await running.round(SEED + index, index)).failures, []);
  } finally {
    await running.close!();
  }
});
