import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StatusError } from '@tiphys/machinery';
import { silentLogger } from '@tiphys/runtime';
import { Retryable } from '@tiphys/std';
import { UncertainWrite } from '@tiphys/storage';
import type { Core } from '../request/context.ts';
import { testServer } from './testing.ts';
import { commit } from './write.ts';

const coreOf = (error: Error) => ({ store: { commit: () => Promise.reject(error) }, runtime: { log: silentLogger } }) as unknown as Core;

test('clients are told to try again only where nothing was written', async () => {
  const answer = async (error: Error) => {
    const refused = await commit(coreOf(error), { type: 'delete', key: '/registry/pods/a', expectedRevision: 1 }).catch((thrown) => thrown);
    assert.ok(refused instanceof StatusError);
    return [refused.code, refused.details?.retryAfterSeconds];
  };
  assert.deepEqual(await answer(new Retryable('the disk is full')), [500, 1]);
  assert.deepEqual(await answer(new UncertainWrite('the answer was lost')), [500, undefined]);
});

test('an address is named by its prefix as it is, where others get something drawn behind it', async () => {
  await using server = await testServer();
  const address = (generateName: string) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: { generateName },
    spec: { parentRef: { resource: 'services', name: 'a', namespace: 'default' } },
  });
  const path = '/apis/networking.k8s.io/v1/ipaddresses';
  assert.equal((await server.ask('POST', path, address('10.1.2.3'))).metadata.name, '10.1.2.3');
  assert.match((await server.ask('POST', path, address('10.1.2.3'))).message, /was not able to generate a unique name for the object$/);
  assert.match((await server.ask('POST', path, address('a'))).message, /^IPAddress\.networking\.k8s\.io "a" is invalid/);
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { generateName: 'a' } };
  assert.match((await server.ask('POST', '/api/v1/namespaces', namespace)).metadata.name, /^a[a-z0-9]{5}$/);
});
