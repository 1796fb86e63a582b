// A short form of the proof, and the proof's own proof: stores that break their word are found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planOf, statesOf } from './plan.ts';
import { cutEverywhere } from './power-cut.ts';
import { type FileOperation, record, skipWithoutStrace } from './record.ts';

const SEED = 20_261_121;
const SIZE = { turns: 25, keys: 20, filled: false };
const skip = skipWithoutStrace();

/** What a careless store would have done, made out of what the real one did. */
const CARELESS: Record<string, (operations: readonly FileOperation[]) => FileOperation[]> = {
  'the log is never synced': (operations) => operations.filter((each) => !(each.type === 'sync' && each.name.endsWith('-wal'))),
  'every second sync of the log is left out': (operations) => {
    let syncs = 0;
    return operations.filter((each) => !(each.type === 'sync' && each.name.endsWith('-wal') && ++syncs % 2 === 0));
  },
  'the folder is never synced': (operations) => operations.filter(({ type }) => type !== 'syncFolder'),
  'writes are acknowledged before they are synced': (operations) => {
    const begun: FileOperation[] = [];
    for (const each of operations) {
      if (each.type === 'done') continue;
      begun.push(each);
      if (each.type === 'begin') begun.push({ type: 'done', turn: each.turn });
    }
    return begun;
  },
  'the log is removed before it was carried over': (operations) => {
    const first = operations.findIndex((each) => each.type === 'write' && each.name === 'state.db' && each.offset > 0);
    return operations.filter((each, at) => at < first || each.type !== 'write' || each.name !== 'state.db');
  },
};

test(`power cuts leave every acknowledged write and nothing else (seed ${SEED})`, { skip }, async () => {
  const operations = await record(SEED, SIZE);
  const states = statesOf(planOf(SEED, SIZE), 1);
  const { done, failures } = await cutEverywhere(operations, states, SEED);
  assert.deepEqual(failures, []);
  assert.ok(done > SIZE.turns);
  for (const [fault, commit] of Object.entries(CARELESS)) {
    assert.notDeepEqual((await cutEverywhere(commit(operations), states, SEED)).failures, [], `not found: ${fault}`);
  }
});
