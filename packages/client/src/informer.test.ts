// The cache and its reflector against a scripted server: what each answer does to the cache, and what is asked next.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { corev1, type WatchEvent } from '@tiphys/api';
import type { ApiHandler, ApiRequest, ApiResponse, WatchSubscription } from '@tiphys/machinery';
import { type Runtime, seededRandom, silentLogger, virtualClock } from '@tiphys/runtime';
import { inProcessClient } from './api-client.ts';

const map = (name: string, revision: number, value = ''): corev1.ConfigMap => ({
  metadata: { name, namespace: 'default', resourceVersion: String(revision), uid: `uid-${name}` },
  data: { value },
});

type Answer = ApiResponse | ((request: ApiRequest) => ApiResponse);

const ok = (object: object): ApiResponse => ({ status: 200, headers: {}, body: { kind: 'object', object } });
const list = (revision: number, ...items: corev1.ConfigMap[]) => ok({ metadata: { resourceVersion: String(revision) }, items });
const failed = (code: number, reason: string): ApiResponse => ({
  status: code,
  headers: {},
  body: {
    kind: 'object',
    object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, code, message: reason } as object,
  },
});

interface Stream {
  send(...events: WatchEvent<corev1.ConfigMap>[]): void;
  end(): void;
  answer: ApiResponse;
}

function stream(): Stream {
  let deliver: ((events: readonly WatchEvent[]) => void) | undefined;
  let finish: (() => void) | undefined;
  const early: WatchEvent[] = [];
  const watch: WatchSubscription = {
    subscribe: (onEvents, onEnd) => {
      deliver = onEvents;
      finish = onEnd;
      if (early.length > 0) onEvents(early);
      return () => undefined;
    },
  };
  return {
    send: (...events) => (deliver ? deliver(events) : early.push(...events)),
    end: () => finish?.(),
    answer: { status: 200, headers: {}, body: { kind: 'watch', watch } },
  };
}

function scripted(...answers: Answer[]) {
  const asked: string[] = [];
  const clock = virtualClock();
  const runtime: Runtime = { clock, random: seededRandom(1), log: silentLogger };
  const handler: ApiHandler = {
    handle: async (request) => {
      const url = new URL(request.url, 'http://server');
      url.searchParams.delete('timeoutSeconds');
      asked.push(`${url.searchParams.get('watch') ? 'watch' : 'list'} ${url.searchParams.get('resourceVersion') ?? ''}`.trim());
      const answer = answers.shift() ?? stream().answer;
      return typeof answer === 'function' ? answer(request) : answer;
    },
  };
  const client = inProcessClient({ handler, runtime, user: { name: 'test', groups: [] } });
  const informer = client.informer(corev1.configmaps);
  const seen: string[] = [];
  informer.subscribe({
    added: (object) => void seen.push(`+${object.metadata?.name}@${object.metadata?.resourceVersion}`),
    updated: (object) => void seen.push(`~${object.metadata?.name}@${object.metadata?.resourceVersion}`),
    deleted: (object) => void seen.push(`-${object.metadata?.name}@${object.metadata?.resourceVersion}`),
  });
  return { asked, seen, clock, client, informer };
}

test('lists, then watches from the revision of the list', async () => {
  const watch = stream();
  const { asked, seen, clock, client, informer } = scripted(list(5, map('a', 3)), watch.answer);
  await clock.advance(1);
  await informer.synced();
  watch.send({ type: 'ADDED', object: map('b', 6) }, { type: 'MODIFIED', object: map('a', 7) }, { type: 'DELETED', object: map('b', 8) });
  await clock.advance(1);
  assert.deepEqual(asked, ['list', 'watch 5']);
  assert.deepEqual(seen, ['+a@3', '+b@6', '~a@7', '-b@8']);
  assert.deepEqual(
    informer.list('default').map((object) => object.metadata?.name),
    ['a'],
  );
  await client.close();
});

test('goes on from the last bookmark when the server ends the watch', async () => {
  const [first, second] = [stream(), stream()];
  const { asked, clock, client, informer } = scripted(list(5), first.answer, second.answer);
  await clock.advance(1);
  first.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '40' } } });
  await informer.reached('40');
  first.end();
  await clock.advance(1);
  assert.deepEqual(asked, ['list', 'watch 5', 'watch 40']);
  await client.close();
});

test('lists again when the revision is too old, and tells what changed meanwhile', async () => {
  const watch = stream();
  const { asked, seen, clock, client } = scripted(list(5, map('a', 3), map('b', 4)), watch.answer, list(90, map('a', 80), map('c', 81)));
  await clock.advance(1);
  watch.send({ type: 'ERROR', object: { kind: 'Status', status: 'Failure', code: 410, reason: 'Expired' } as object });
  await clock.advance(1);
  assert.deepEqual(asked, ['list', 'watch 5', 'list', 'watch 90']);
  assert.deepEqual(seen, ['+a@3', '+b@4', '-b@4', '~a@80', '+c@81']);
  await client.close();
});

test('an object that was replaced while nobody watched is seen to go and come', async () => {
  const watch = stream();
  const replacement = { ...map('a', 80), metadata: { ...map('a', 80).metadata, uid: 'other' } };
  const { seen, clock, client } = scripted(list(5, map('a', 3)), watch.answer, list(90, replacement));
  await clock.advance(1);
  watch.send({ type: 'ERROR', object: { kind: 'Status', status: 'Failure', code: 410, reason: 'Gone' } as object });
  await clock.advance(1);
  assert.deepEqual(seen, ['+a@3', '-a@3', '+a@80']);
  await client.close();
});

test('backs off while the server fails, and waits longer each time', async () => {
  const { asked, clock, client } = scripted(
    failed(500, 'InternalError'),
    failed(500, 'InternalError'),
    failed(500, 'InternalError'),
    list(5),
  );
  await clock.advance(199);
  assert.equal(asked.length, 1);
  await clock.advance(201);
  assert.equal(asked.length, 2);
  await clock.advance(399);
  assert.equal(asked.length, 2);
  await clock.advance(3000);
  assert.deepEqual(asked.slice(0, 5), ['list', 'list', 'list', 'list', 'watch 5']);
  await client.close();
});

test('indices follow the objects', async () => {
  const watch = stream();
  const { clock, client, informer } = scripted(list(5, map('a', 3, 'x'), map('b', 4, 'y')), watch.answer);
  informer.index('value', (object) => [object.data?.value ?? '']);
  await clock.advance(1);
  const names = (key: string) => informer.byIndex('value', key).map((object) => object.metadata?.name);
  assert.deepEqual([names('x'), names('y')], [['a'], ['b']]);
  watch.send({ type: 'MODIFIED', object: map('a', 6, 'y') });
  await clock.advance(1);
  assert.deepEqual([names('x'), names('y').sort()], [[], ['a', 'b']]);
  await client.close();
});

test('a request that the server asks to repeat is repeated after that time', async () => {
  const busy: ApiResponse = { ...failed(429, 'TooManyRequests'), headers: { 'retry-after': '3' } };
  const { asked, clock, client } = scripted(busy, list(5));
  await clock.advance(2999);
  assert.deepEqual(asked, ['list']);
  await clock.advance(2);
  assert.deepEqual(asked, ['list', 'list', 'watch 5']);
  await client.close();
});
