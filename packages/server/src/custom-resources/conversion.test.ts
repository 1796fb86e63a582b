import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@tiphys/api';
import type { ResourceReader } from '@tiphys/registry';
import { seededRandom } from '@tiphys/runtime';
import { testServer } from '../verbs/testing.ts';
import type { Definition } from './conditions.ts';
import { webhookConverter } from './conversion-webhook.ts';
import { servedVersion } from './served-version.ts';

const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
const version = (name: string, storage: boolean, fields: string[]) => ({
  name,
  served: true,
  storage,
  schema,
  selectableFields: fields.map((jsonPath) => ({ jsonPath })),
});
const crd = {
  metadata: { name: 'foos.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'foos', kind: 'Foo' },
    versions: [version('v1', true, ['.host']), version('v2', false, ['.first', '.last'])],
    conversion: { strategy: 'Webhook', webhook: { clientConfig: { url: 'https://x/' }, conversionReviewVersions: ['v1'] } },
  },
  status: { storedVersions: ['v1'] },
} as unknown as Definition;
const V2 = { group: 'example.com', version: 'v2', resource: 'foos', kind: 'Foo', namespaced: true };
const foo = (apiVersion: string, more: object = {}): KubeObject =>
  ({ kind: 'Foo', apiVersion, metadata: { name: 'a', namespace: 'ns', uid: 'u' }, ...more }) as KubeObject;

type Answer = (request: { uid: string; desiredAPIVersion: string; objects: any[] }) => object;

function converter(answer: Answer) {
  const calls: number[] = [];
  const convert = webhookConverter(crd, {
    caller: {
      call: async (_config, body) => {
        const { request } = body as { request: Parameters<Answer>[0] };
        calls.push(request.objects.length);
        return { kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1', response: { uid: request.uid, ...answer(request) } };
      },
      close: () => {},
    },
    reader: {} as ResourceReader,
    random: seededRandom(1),
  });
  return { convert, calls };
}

const success = { result: { status: 'Success' } };
/** v2 has the name in two parts. */
const split: Answer = ({ objects, desiredAPIVersion }) => ({
  ...success,
  convertedObjects: objects.map(({ host, first, last, ...rest }) =>
    desiredAPIVersion.endsWith('v2')
      ? { ...rest, apiVersion: desiredAPIVersion, first: host.split(':')[0], last: host.split(':')[1] }
      : { ...rest, apiVersion: desiredAPIVersion, host: `${first}:${last}` },
  ),
});

test('a webhook converts, and may change labels but nothing else of the metadata', async () => {
  const { convert } = converter(({ objects, desiredAPIVersion }) => ({
    ...success,
    convertedObjects: objects.map((object) => ({
      ...object,
      apiVersion: desiredAPIVersion,
      metadata: { ...object.metadata, labels: { new: 'yes' }, generation: 99 },
    })),
  }));
  const [converted] = await convert([foo('example.com/v1')], V2);
  assert.deepEqual(converted, {
    ...foo('example.com/v2'),
    metadata: { name: 'a', namespace: 'ns', uid: 'u', labels: { new: 'yes' } },
  });
});

test('answers that are wrong are told in upstream’s words', async () => {
  const prefix = 'conversion webhook for example.com/v1, Kind=Foo';
  const cases: [Answer, string][] = [
    [() => ({ result: { status: 'Failed', message: 'no way' } }), `${prefix} failed: no way`],
    [() => ({ result: {} }), `${prefix} failed: response.result.status was '', not 'Success'`],
    [() => ({ ...success, uid: 'other' }), `${prefix} failed: expected response.uid="UID", got "other"`],
    [() => ({ ...success, convertedObjects: [] }), `${prefix} returned 0 objects, expected 1`],
    [
      ({ objects }) => ({ ...success, convertedObjects: objects }),
      `${prefix} returned invalid object at index 0: invalid groupVersion (expected example.com/v2, received example.com/v1)`,
    ],
    [
      () => ({ ...success, convertedObjects: [foo('example.com/v2', { metadata: { name: 'b', namespace: 'ns', uid: 'u' } })] }),
      `${prefix} returned invalid object: must have the same name: a != b`,
    ],
  ];
  for (const [answer, message] of cases) {
    let uid = '';
    const { convert } = converter((request) => {
      uid = request.uid;
      return answer(request);
    });
    await assert.rejects(convert([foo('example.com/v1')], V2), (error: any) => {
      assert.equal(error.message, message.replace('UID', uid));
      assert.equal(error.code, 500);
      return true;
    });
  }
});

test('each stored object is converted once, however many read and watch it', async () => {
  const { convert, calls } = converter(split);
  await using world = await testServer();
  for (const each of crd.spec.versions) {
    const { definition, codec } = servedVersion(crd, each, convert);
    await world.server.addDefinition(definition, codec);
  }
  const url = (version: string) => `/apis/example.com/${version}/namespaces/ns/foos`;
  const watched = [await world.watch(`${url('v2')}?watch=1`), await world.watch(`${url('v2')}?watch=1`)];
  const body = { kind: 'Foo', apiVersion: 'example.com/v1', metadata: { name: 'a' }, host: 'x:y' };
  assert.equal((await world.answer('POST', url('v1'), body)).status, 201);
  assert.deepEqual(calls, [1], 'for the watches');
  const list = await world.ask('GET', url('v2'));
  const { apiVersion, first, last, host } = list.items[0];
  assert.deepEqual([apiVersion, first, last, host], ['example.com/v2', 'x', 'y', undefined]);
  for (const { events } of watched) assert.equal((events[0]!.object as any).first, 'x');
  assert.deepEqual(calls, [1]);

  const created = await world.ask('POST', url('v2'), {
    ...body,
    apiVersion: 'example.com/v2',
    metadata: { name: 'b' },
    first: 'p',
    last: 'q',
  });
  assert.deepEqual([created.first, created.last], ['p', 'q']);
  assert.equal((await world.ask('GET', `${url('v1')}/b`)).host, 'p:q');
  const merge = { 'content-type': 'application/merge-patch+json' };
  assert.equal((await world.ask('PATCH', `${url('v2')}/a`, { last: 'z' }, merge)).last, 'z');
  assert.equal((await world.ask('GET', `${url('v1')}/a`)).host, 'x:z');
  assert.equal((await world.answer('DELETE', `${url('v2')}/a`)).status, 200);
  for (const watch of watched) {
    assert.deepEqual(
      watch.events.map(({ type, object }) => `${type} ${object.metadata!.name} ${(object as any).last}`),
      ['ADDED a y', 'ADDED b q', 'MODIFIED a z', 'DELETED a z'],
    );
    watch.stop();
  }
});

test('a webhook that fails fails reads and ends watches, and the other version goes on', async () => {
  let broken = false;
  const { convert } = converter((request) => (broken ? { result: { status: 'Failed', message: 'down' } } : split(request)));
  await using world = await testServer();
  for (const each of crd.spec.versions) {
    const { definition, codec } = servedVersion(crd, each, convert);
    await world.server.addDefinition(definition, codec);
  }
  const url = (version: string) => `/apis/example.com/${version}/namespaces/ns/foos`;
  const watched = await world.watch(`${url('v2')}?watch=1`);
  broken = true;
  const body = { kind: 'Foo', apiVersion: 'example.com/v1', metadata: { name: 'a' }, host: 'x:y' };
  assert.equal((await world.answer('POST', url('v1'), body)).status, 201);
  const { status, object } = await world.answer('GET', `${url('v2')}/a`);
  assert.deepEqual([status, object.message], [500, 'conversion webhook for example.com/v1, Kind=Foo failed: down']);
  assert.deepEqual(watched.lines, ['ERROR conversion webhook for example.com/v1, Kind=Foo failed: down']);
  assert.ok(watched.ended());
  assert.equal((await world.answer('GET', `${url('v1')}/a`)).status, 200);
});

test('fields select by what objects are in the version that is asked for', async () => {
  const { convert } = converter(split);
  await using world = await testServer();
  for (const each of crd.spec.versions) {
    const { definition, codec } = servedVersion(crd, each, convert);
    await world.server.addDefinition(definition, codec);
  }
  const url = (of: string, query = '') => `/apis/example.com/${of}/namespaces/ns/foos${query}`;
  const selector = '?fieldSelector=first%3Dx';
  const create = (name: string, host: string) =>
    world.answer('POST', url('v1'), { kind: 'Foo', apiVersion: 'example.com/v1', metadata: { name }, host });
  const followed = await world.watch(url('v2', `${selector}&watch=1`));
  await create('a', 'x:1');
  await create('b', 'x:2');
  await create('c', 'y:1');
  const names = async (query: string) => (await world.ask('GET', url('v2', query))).items.map((each: any) => each.metadata.name);
  assert.deepEqual(await names(selector), ['a', 'b']);
  assert.deepEqual(await names(`${selector}&limit=1`), ['a']);
  assert.deepEqual(await names('?fieldSelector=first%3Dx,last%3D2'), ['b']);
  const { metadata } = await world.ask('GET', url('v2'));
  const later = await world.watch(url('v2', `${selector}&watch=1&resourceVersion=${metadata.resourceVersion}`));
  const initial = await world.watch(
    url('v2', `${selector}&watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`),
  );

  const merge = { 'content-type': 'application/merge-patch+json' };
  await world.ask('PATCH', url('v2', '/a'), { first: 'y' }, merge);
  await world.ask('PATCH', url('v2', '/b'), { last: '3' }, merge);
  await world.ask('PATCH', url('v2', '/c'), { first: 'x' }, merge);
  assert.equal((await world.answer('DELETE', url('v2', selector))).status, 200);
  assert.deepEqual(await names(''), ['a']);
  const told = ({ events }: typeof followed) =>
    events.map(({ type, object }) => `${type} ${object.metadata?.name ?? '-'} ${(object as any).first ?? ''}${(object as any).last ?? ''}`);
  const changes = ['DELETED a x1', 'MODIFIED b x3', 'ADDED c x1', 'DELETED b x3', 'DELETED c x1'];
  assert.deepEqual(told(followed), ['ADDED a x1', 'ADDED b x2', ...changes]);
  assert.deepEqual(told(later), changes);
  assert.deepEqual(told(initial), ['ADDED a x1', 'ADDED b x2', 'BOOKMARK - ', ...changes]);
  for (const each of [followed, later, initial]) each.stop();
});
