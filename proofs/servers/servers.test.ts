// A short form of the proof: the server that leads is killed, a member of etcd is paused, a server is cut off, and all are restarted. And the
// proof's own proof: what must not happen is found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check } from '../linearizability/check.ts';
import { type History, type Told, UNANSWERED, type WriteOperation } from '../linearizability/history.ts';
import { tenureOf } from './election.ts';
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

const version = (revision: number, a: string) => ({ key: 'n/x', revision, uid: 'u', value: { a, b: '', on: false } });
const told = (revision: number, a: string, type: Told['type']): Told => ({ ...version(revision, a), type });
const create = (a: string, answer: Partial<WriteOperation>): WriteOperation => ({
  kind: 'create',
  key: 'n/x',
  set: { a, b: '', on: false },
  invoked: 1,
  answered: 2,
  code: 201,
  compacted: 0,
  ...answer,
});
const historyOf = (operations: WriteOperation[], ...all: Told[]): History => {
  const recorder = { selector: { namespace: '' }, from: 1, initial: [], told: all, bookmarks: [], problems: [] };
  return { operations, watches: [recorder], start: 1 };
};

test('a write that nobody answered may have happened once, after it was asked for; nothing else may', () => {
  const unanswered = create('v', { code: UNANSWERED });
  assert.deepEqual(check(historyOf([unanswered], told(2, 'v', 'ADDED'))), []);
  assert.deepEqual(check(historyOf([unanswered])), []);
  assert.match(check(historyOf([unanswered], told(2, 'w', 'ADDED')))[0]!, /^nobody wrote n\/x at revision 2/);
  assert.match(check(historyOf([unanswered], told(2, 'v', 'ADDED'), told(3, 'v', 'MODIFIED')))[0]!, /^nobody wrote n\/x at revision 3/);
  assert.match(check(historyOf([create('v', { seen: version(2, 'v') })]))[0]!, /acknowledged \(2\) and nobody was told/);
  const late = { ...unanswered, invoked: 5, answered: 6, key: 'n/y' };
  const known = create('v', { seen: version(3, 'v') });
  const early: Told = { ...told(2, 'v', 'ADDED'), key: 'n/y' };
  assert.match(check(historyOf([known, late], early, told(3, 'v', 'ADDED')))[0]!, /^happened at revision 2, and 3 was known before/);
});

test('a lease that is taken before it ended is found', () => {
  const lease = (revision: number, holderIdentity: string, second: number, leaseDurationSeconds = 15) => {
    const renewTime = `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000Z`;
    const value = JSON.stringify({ spec: { holderIdentity, leaseDurationSeconds, renewTime } });
    return { type: 'put' as const, key: 'lease', revision, created: false, value };
  };
  assert.deepEqual(tenureOf('x', [lease(1, 'a', 0), lease(2, 'a', 2), lease(3, 'b', 17)]), { changes: 1, failures: [] });
  assert.deepEqual(
    tenureOf('x', [lease(1, 'a', 0), lease(2, '', 2, 1), lease(3, 'b', 3)]),
    { changes: 1, failures: [] },
    'it was given up',
  );
  assert.match(
    tenureOf('x', [lease(1, 'a', 0), lease(2, 'a', 4), lease(3, 'b', 18)]).failures[0]!,
    /taken by b 14000 ms after a renewed it/,
  );
});
