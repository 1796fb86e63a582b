// A short form of the proof, and the proof's own proof: every planted fault is found.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ANSWER_FAULTS } from './answer-faults.ts';
import { check } from './check.ts';
import { linearizabilityRound } from './linearizability.ts';
import { KINDS, type Running, removeEtcd } from './servers.ts';
import { STORE_FAULTS } from './store-faults.ts';
import { historyOf } from './workload.ts';

const SEED = 20_261_121;
const SIZE = { operations: 1200, clients: 25, watchers: 20, patienceMs: 60_000 };
/** Of a faulty server; a watch that is silent is only waited for so long. */
const FAULTY_SIZE = { operations: 500, clients: 10, watchers: 12, patienceMs: 300 };
/** A fault may find nothing to spoil; it shows in one of so many histories. */
const HISTORIES_MAX = 40;

after(removeEtcd);

for (const kind of KINDS) {
  test(`histories on ${kind.name} are linearizable, and watches are told the truth (seed ${SEED})`, {
    skip: kind.skip?.() ?? false,
  }, async () => {
    const { failures, done } = await linearizabilityRound(kind, SEED, SIZE);
    assert.deepEqual(failures, []);
    assert.ok(done > SIZE.operations / 2);
  });
}

const memory = KINDS.find(({ name }) => name === 'memory')!;

async function isFound(start: () => Promise<Running>): Promise<boolean> {
  for (let i = 0; i < HISTORIES_MAX; i++) {
    const running = await start();
    try {
      if (check(await historyOf(running, SEED + i, FAULTY_SIZE)).length > 0) return true;
    } finally {
      await running.close();
    }
  }
  return false;
}

test('planted faults of a store are found', async (context) => {
  for (const [name, plant] of Object.entries(STORE_FAULTS)) {
    await context.test(name, async () => assert.ok(await isFound(() => memory.start(plant))));
  }
});

test('planted faults of a cache are found', async (context) => {
  const faulty = async (plant: (typeof ANSWER_FAULTS)[string]): Promise<Running> => {
    const running = await memory.start();
    const alter = plant();
    return { ...running, handlers: running.handlers.map(alter) };
  };
  for (const [name, plant] of Object.entries(ANSWER_FAULTS)) {
    await context.test(name, async () => assert.ok(await isFound(() => faulty(plant))));
  }
});
