import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realClock, silentLogger } from '@tiphys/runtime';
import { endpointProblem } from './endpoint.ts';
import { Code, EtcdError, isCompacted, isMembersTrouble, isTokensTrouble } from './errors.ts';
import { openEtcdStore } from './etcd-store.ts';
import { keySpace } from './key-space.ts';

const error = (code: number, detail: string) => new EtcdError(code, detail, 'https://a:2379');

test('errors say what to do, and whether a write may have happened', () => {
  const space = error(Code.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded');
  assert.match(space.message, /out of space \(alarm NOSPACE\).*compact, defragment and disarm/);
  assert.equal(space.uncertain, false);
  const refused = error(Code.UNAVAILABLE, 'No connection established. Last error: connect ECONNREFUSED 127.0.0.1:1');
  assert.match(refused.message, /^etcd at https:\/\/a:2379 can't be reached: No connection established/);
  assert.deepEqual([refused.uncertain, isMembersTrouble(refused)], [false, true]);
  assert.equal(error(Code.UNAVAILABLE, 'Connection dropped').uncertain, true);
  assert.equal(error(Code.DEADLINE_EXCEEDED, 'Deadline exceeded').uncertain, true);
  assert.equal(error(Code.UNAVAILABLE, 'etcdserver: no leader').uncertain, false);
  assert.ok(isCompacted(error(Code.OUT_OF_RANGE, 'etcdserver: mvcc: required revision has been compacted')));
  assert.ok(isTokensTrouble(error(Code.UNAUTHENTICATED, 'etcdserver: invalid auth token')));
});

test('an etcd that nobody answers for is told, and waited for by nothing else', async () => {
  const clock = realClock();
  const opening = openEtcdStore({ runtime: { clock, log: silentLogger }, endpoints: ['http://127.0.0.1:1'], patienceMs: 200 });
  await assert.rejects(opening, {
    name: 'EtcdError',
    message: /^etcd at http:\/\/127\.0\.0\.1:1 can't be reached: .*ECONNREFUSED 127\.0\.0\.1:1$/,
  });
});

test('keys lie under the prefix, and nothing else does', () => {
  const other = keySpace('/tiphys/one/');
  assert.equal(Buffer.from(other.toEtcd('/registry/pods/a')).toString(), '/tiphys/one/pods/a');
  assert.equal(other.fromEtcd(Buffer.from('/tiphys/one/pods/a')), '/registry/pods/a');
  assert.deepEqual([Buffer.from(other.first).toString(), Buffer.from(other.end).toString()], ['/tiphys/one/', '/tiphys/one0']);
  assert.equal(Buffer.from(keySpace().toEtcd('/registry/x')).toString(), '/registry/x');
  assert.throws(() => other.toEtcd('/elsewhere'), { name: 'InvariantError' });
});

test('an endpoint is a URL with a port', () => {
  assert.equal(endpointProblem('https://10.0.0.1:2379'), undefined);
  for (const wrong of ['10.0.0.1:2379', 'https://10.0.0.1', 'https://a:1/path', ''])
    assert.match(endpointProblem(wrong)!, /is no etcd endpoint; they look like/);
});
