// Carries out a plan on a store file and says in a system call of its own when a turn begins and when it is acknowledged, so that the
// recorder sees both in their place among the store's file operations: node writer.ts FILE SEED SIZE
import { openSync, writeSync } from 'node:fs';
import { sqliteStore } from '@tiphys/storage';
import { type PlanSize, planOf } from './plan.ts';

const [path, seed, size] = process.argv.slice(2) as [string, string, string];
const marks = openSync('/dev/null', 'w');
const mark = (what: 'begin' | 'done', turn: number) => writeSync(marks, `mark ${what} ${turn}`);

let store = sqliteStore(path);
for (const [index, turn] of planOf(Number(seed), JSON.parse(size) as PlanSize).entries()) {
  mark('begin', index);
  if (turn.type === 'reopen') {
    await store[Symbol.asyncDispose]();
    store = sqliteStore(path);
  } else if (turn.type === 'commitAll') await store.commitAll(turn.operations);
  else await Promise.all(turn.operations.map((operation) => store.commit(operation)));
  mark('done', index);
}
await store[Symbol.asyncDispose]();
