// Two candidates on the real server and a virtual clock.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { coordinationv1, corev1 } from '@tiphys/api';
import { builtinDefinitions } from '@tiphys/registry';
import { type Runtime, seededRandom, silentLogger, virtualClock } from '@tiphys/runtime';
import { createApiServer } from '@tiphys/server';
import { memoryStore } from '@tiphys/storage';
import { inProcessClient } from './api-client.ts';
import { leaderElection } from './leader-election.ts';

/** A server on a clock, and candidates that ask it in ways of their own. */
async function electorate(clock: Runtime['clock']) {
  const runtime: Runtime = { clock, random: seededRandom(7), log: silentLogger };
  const server = createApiServer({ runtime, store: memoryStore(), definitions: builtinDefinitions() });
  await server.ready;
  const clientOf = (identity: string, handle: typeof server.handle) =>
    inProcessClient({ handler: { handle }, runtime, user: { name: identity, groups: ['system:masters'] } });
  const admin = clientOf('admin', (request) => server.handle(request));
  await admin.of(corev1.namespaces).create({ metadata: { name: 'kube-system' } });
  const candidate = (identity: string, handle: typeof server.handle) => {
    const log: string[] = [];
    const leaders: string[] = [];
    const election = leaderElection({
      client: clientOf(identity, handle),
      runtime,
      namespace: 'kube-system',
      name: 'manager',
      identity,
      onStartedLeading: () => void log.push('starts'),
      onStoppedLeading: () => void log.push('stops'),
      onNewLeader: (leader) => void leaders.push(leader),
    });
    return { election, log, leaders };
  };
  return { server, admin, candidate };
}

test('the second leads when the first stops, and when the first falls silent', async () => {
  const clock = virtualClock();
  const { server, admin, candidate: candidateOf } = await electorate(clock);
  let silent = '';
  const candidate = (identity: string) =>
    candidateOf(identity, (request) => (silent === identity ? Promise.reject(new Error('cut off')) : server.handle(request)));
  const a = candidate('a');
  await clock.advance(100);
  const b = candidate('b');
  await clock.advance(30_000);
  assert.deepEqual([a.log, b.log], [['starts'], []]);
  assert.equal(b.election.leader(), 'a');

  await a.election.stop();
  await clock.advance(6_000);
  assert.deepEqual([a.log, b.log], [['starts', 'stops'], ['starts']]);

  const c = candidate('c');
  silent = 'b';
  await clock.advance(30_000);
  assert.deepEqual([b.log, c.log], [['starts', 'stops'], ['starts']]);
  const lease = await admin.of(coordinationv1.leases).get('manager', 'kube-system');
  assert.equal(lease.spec?.holderIdentity, 'c');
  assert.equal(lease.spec?.leaseTransitions, 2);
  assert.deepEqual([a.leaders, b.leaders, c.leaders], [['a'], ['a', 'b'], ['b', 'c']]);
  await Promise.all([b.election.stop(), c.election.stop()]);
  await server.close();
});

test('a lease counts from when it was seen, whatever the wall clock says and however long the look took', async () => {
  const clock = virtualClock();
  let jumpMs = 0;
  const jumping: Runtime['clock'] = Object.create(clock, { now: { value: () => clock.now() + jumpMs } });
  const { server, candidate } = await electorate(jumping);
  let isHeld = false;
  let slowMs = 0;
  const a = candidate('a', (request) => (isHeld ? new Promise(() => {}) : server.handle(request)));
  await clock.advance(100);
  const b = candidate('b', async (request) => {
    const response = await server.handle(request);
    if (slowMs > 0) await clock.sleep(slowMs);
    return response;
  });
  await clock.advance(10_000);
  jumpMs = 3_600_000;
  await clock.advance(10_000);
  assert.deepEqual([a.log, b.log], [['starts'], []], 'an hour that did not pass ends no lease');

  // The answer that says so is old when it comes, and the lease is counted from then on.
  slowMs = 12_000;
  await clock.advance(13_000);
  isHeld = true;
  slowMs = 0;
  await clock.advance(7_000);
  assert.deepEqual([a.log, b.log], [['starts'], []]);
  await clock.advance(4_000);
  assert.deepEqual([a.log, b.log], [['starts', 'stops'], []], 'who is not answered stops before another may start');
  await clock.advance(30_000);
  assert.deepEqual([a.log, b.log], [['starts', 'stops'], ['starts']]);
  await b.election.stop();
  void a.election.stop();
  await server.close();
});
