import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realRandom, silentLogger, virtualClock } from '@tiphys/runtime';
import { clusterKeys, memoryKeyFiles } from './cluster-keys.ts';

const DAY_MS = 86_400_000;

test('keys are made once and renewed only when they must be', async () => {
  const clock = virtualClock();
  const runtime = { clock, random: realRandom(), log: silentLogger };
  const files = memoryKeyFiles();
  const first = clusterKeys(runtime, files, ['127.0.0.1', 'localhost']);
  assert.deepEqual(clusterKeys(runtime, files, ['127.0.0.1', 'localhost']), first);

  const withHost = clusterKeys(runtime, files, ['127.0.0.1', '10.0.0.9']);
  assert.notEqual(withHost.server.certificatePem, first.server.certificatePem, 'a new host needs a new server certificate');
  assert.equal(withHost.administrator.certificatePem, first.administrator.certificatePem);

  await clock.advance(340 * DAY_MS);
  const renewed = clusterKeys(runtime, files, ['127.0.0.1', '10.0.0.9']);
  assert.notEqual(renewed.administrator.certificatePem, first.administrator.certificatePem, 'a certificate about to end is replaced');
  assert.equal(renewed.authority.certificatePem, first.authority.certificatePem);
  assert.equal(renewed.serviceAccountKeyPem, first.serviceAccountKeyPem);
});
