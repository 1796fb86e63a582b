import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionError } from '@tiphys/client';
import type { ApiRequest } from '@tiphys/machinery';
import { anyServer, SERVERS_MAX, serversOf } from './any-server.ts';

const [A, B, C] = ['https://a', 'https://b', 'https://c'] as const;
const get: ApiRequest = { method: 'GET', url: '/livez', headers: {} };
const post: ApiRequest = { method: 'POST', url: '/api', headers: {} };

/** Servers of which some are down, and what they were asked. */
function world(...known: string[]) {
  const down = new Map<string, 'refuses' | 'breaks'>();
  const asked: string[] = [];
  const closed: string[] = [];
  const servers = anyServer(A, known, (url) => ({
    handle: async () => {
      asked.push(url);
      const trouble = down.get(url);
      if (trouble) throw new ConnectionError(`${url} ${trouble}`, 'ECONNREFUSED', url, { unsent: trouble === 'refuses' });
      return { status: 200, headers: {}, body: { kind: 'object', object: {} } };
    },
    close: async () => void closed.push(url),
  }));
  const asking = async (request: ApiRequest) => {
    asked.length = 0;
    await servers.handle(request).catch((error) => asked.push(error.message));
    return [...asked];
  };
  return { servers, down, closed, asking };
}

test('the one that answers is asked, and the next when it can’t be reached', async () => {
  const { down, asking } = world(B, C);
  assert.deepEqual(await asking(get), [A]);
  down.set(A, 'refuses');
  assert.deepEqual(await asking(post), [A, B]);
  assert.deepEqual(await asking(post), [B]);
  down.set(B, 'breaks');
  assert.deepEqual(await asking(get), [B, C]);
});

test('what may have been carried out is left to the caller, who finds another server next', async () => {
  const { down, asking } = world(B);
  down.set(A, 'breaks');
  assert.deepEqual(await asking(post), [A, `${A} breaks`]);
  assert.deepEqual(await asking(post), [B]);
});

test('when none is there each is asked once', async () => {
  const { down, asking } = world(B, C);
  for (const url of [A, B, C]) down.set(url, 'refuses');
  assert.deepEqual(await asking(get), [A, B, C, `${C} refuses`]);
});

test('servers come and go; the one that was told stays', async () => {
  const { servers, down, closed, asking } = world(B);
  down.set(A, 'refuses');
  assert.deepEqual(await asking(get), [A, B]);
  servers.learn([C]);
  assert.deepEqual(closed, [B]);
  assert.deepEqual(await asking(get), [A, C]);
  servers.learn(Array.from({ length: 2 * SERVERS_MAX }, (_, i) => `https://${i}`));
  for (let i = 0; i < 2 * SERVERS_MAX; i++) down.set(`https://${i}`, 'refuses');
  assert.equal((await asking(get)).length, SERVERS_MAX + 1);
});

test('an endpoint is a server at its port', () => {
  const endpoints = [{ addresses: ['192.0.2.2'] }, { addresses: ['192.0.2.1'] }];
  const slice = { addressType: 'IPv4', metadata: { name: 'kubernetes' }, endpoints };
  assert.deepEqual(serversOf({ ...slice, ports: [{ name: 'https', port: 6443 }] }), ['https://192.0.2.1:6443', 'https://192.0.2.2:6443']);
  assert.deepEqual(serversOf(slice), []);
});
