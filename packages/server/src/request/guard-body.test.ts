// Which bodies are taken: as large as people's and programs' are, and what is larger is refused before anything else looks at it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeProtobuf } from '@tiphys/api';
import { VALUES_MAX } from '@tiphys/registry';
import { call, startedServer } from '../../test/server.ts';
import { CUSTOM_VALUES_MAX } from '../custom-resources/definition-rules.ts';
import { JSON_PATCH_VALUES_MAX } from './guard-body.ts';

const USER = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };
const MAPS = '/api/v1/namespaces/default/configmaps';
const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const keys = <T>(count: number, make: (i: number) => T) => Object.fromEntries(many(count, (i) => [`key-${i}`, make(i)]));
const configMap = (name: string, data: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });

const endpoint = (i: number) => ({
  addresses: [`10.0.${i >> 8}.${i & 255}`],
  conditions: { ready: true, serving: true, terminating: false },
  hostname: `h${i}`,
  nodeName: `node-${i}`,
  targetRef: { kind: 'Pod', namespace: 'default', name: `pod-${i}`, uid: `uid-${i}` },
  zone: 'a',
  hints: { forZones: [{ name: 'a' }] },
});
const slice = (count: number) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'large' },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
  endpoints: many(count, endpoint),
});

const description = 'Tells what this field is for, and when it counts. '.repeat(3);
const text = (about: string) => ({ description: about, type: 'string' });
const field = { description, type: 'object', properties: { name: text('The name.'), value: text('The value.') }, required: ['name'] };
/** As long as the largest of prometheus-operator. */
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'larges.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'larges', kind: 'Large' },
    versions: [
      { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: keys(2200, () => field) } } },
    ],
  },
};

async function asker() {
  const server = await startedServer();
  await call(server, 'POST', '/api/v1/namespaces', { metadata: { name: 'default' } }, USER);
  const send = async (method: 'POST' | 'PATCH' | 'DELETE', url: string, body: object | string | Uint8Array, type = 'application/json') => {
    const bytes = body instanceof Uint8Array ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const answer = await server.handle({ method, url, user: USER, headers: { 'content-type': type }, body: bytes });
    const { message = '' } = answer.body.kind === 'object' ? (answer.body.object as { message?: string }) : {};
    return { code: answer.status, message };
  };
  return { send, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

test('the largest objects that people and programs write are taken', async () => {
  await using server = await asker();
  const bytes = 1024 * 1024;
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'file' }, data: { a: Buffer.alloc(bytes, 'x').toString('base64') } };
  assert.ok(Buffer.byteLength(JSON.stringify(definition)) > 700_000);
  const taken: [url: string, body: object | Uint8Array, type?: string][] = [
    [MAPS, configMap('file', { a: 'x'.repeat(bytes) })],
    [
      MAPS,
      configMap(
        'keys',
        keys(9_000, () => 'v'),
      ),
    ],
    [
      MAPS,
      encodeProtobuf(
        configMap(
          'keys-by-protobuf',
          keys(6_000, () => 'v'),
        ),
      ),
      'application/vnd.kubernetes.protobuf',
    ],
    [
      MAPS,
      Buffer.from(
        `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  file: |\n${'    some: text, as in - files\n'.repeat(15_000)}`,
      ),
      'application/yaml',
    ],
    ['/api/v1/namespaces/default/secrets', secret],
    ['/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', slice(1000)],
    ['/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition],
  ];
  for (const [url, body, type] of taken) assert.deepEqual(await server.send('POST', url, body, type), { code: 201, message: '' }, url);
});

test('more values are refused, in every encoding and whatever is asked for', async () => {
  await using server = await asker();
  const refusal = { code: 413, message: `Request entity too large: limit is ${VALUES_MAX} values` };
  const wide = configMap(
    'wide',
    keys(30_000, () => 'v'),
  );
  const yaml = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: wide}\ndata:\n${many(15_000, (i) => `  k${i}: v\n`).join('')}`;
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec: { user: 'a', groups: many(30_000, String) } };
  const options = { apiVersion: 'v1', kind: 'DeleteOptions', dryRun: many(30_000, () => 'All') };
  const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(JSON.stringify(wide))]);
  await server.send('POST', MAPS, configMap('x', {}));
  const before = await server.send('PATCH', `${MAPS}/x`, { metadata: { labels: { a: 'b' } } }, 'application/merge-patch+json');
  assert.equal(before.code, 200);
  const sent: [method: 'POST' | 'PATCH' | 'DELETE', url: string, body: object | string | Uint8Array, type?: string][] = [
    ['POST', MAPS, wide],
    ['POST', MAPS, marked],
    ['POST', MAPS, yaml, 'application/yaml'],
    ['POST', MAPS, encodeProtobuf(wide), 'application/vnd.kubernetes.protobuf'],
    ['POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review],
    ['DELETE', `${MAPS}/x`, options],
    ['DELETE', `${MAPS}/x`, encodeProtobuf(options), 'application/vnd.kubernetes.protobuf'],
    ['PATCH', `${MAPS}/x`, wide, 'application/merge-patch+json'],
    ['PATCH', `${MAPS}/x`, wide, 'application/strategic-merge-patch+json'],
    ['PATCH', `${MAPS}/x?fieldManager=m`, wide, 'application/apply-patch+yaml'],
    ['PATCH', `${MAPS}/x?fieldManager=m`, yaml, 'application/apply-patch+yaml'],
  ];
  for (const [method, url, body, type] of sent) assert.deepEqual(await server.send(method, url, body, type), refusal, `${method} ${type}`);
  const patch = [{ op: 'add', path: '/data/list', value: many(60_000, () => 1) }];
  const patched = await server.send('PATCH', `${MAPS}/x`, patch, 'application/json-patch+json');
  assert.deepEqual(patched, { code: 413, message: `Request entity too large: limit is ${JSON_PATCH_VALUES_MAX} values` });
});

test('no object grows by patches beyond what may be sent', async () => {
  await using server = await asker();
  assert.equal(
    (
      await server.send(
        'POST',
        MAPS,
        configMap(
          'grows',
          keys(6_000, () => 'v'),
        ),
      )
    ).code,
    201,
  );
  const more = { data: Object.fromEntries(many(6_000, (i) => [`more-${i}`, 'v'])) };
  const answer = await server.send('PATCH', `${MAPS}/grows`, more, 'application/merge-patch+json');
  assert.equal(answer.code, 413);
  assert.equal((await server.send('PATCH', `${MAPS}/grows`, { data: { one: 'v' } }, 'application/merge-patch+json')).code, 200);
});

test('of very many faults the first are told', async () => {
  await using server = await asker();
  const owner = (i: number) => ({ apiVersion: 'v1', kind: 'Pod', name: `p${i}`, uid: `u${i}`, controller: true });
  const owned = await server.send('POST', MAPS, {
    ...configMap('owned', {}),
    metadata: { name: 'owned', ownerReferences: many(1000, owner) },
  });
  assert.equal(owned.code, 422);
  assert.equal(owned.message.match(/found "true" in references for/gi)?.length, 10);
  const bad = await server.send('POST', MAPS, configMap('bad', Object.fromEntries(many(5000, (i) => [`key ${i}`, 'v']))));
  assert.deepEqual([bad.code, bad.message.match(/Invalid value/g)?.length], [422, 1000]);
});

test('custom resources and their definitions may be larger', () => assert.ok(CUSTOM_VALUES_MAX > VALUES_MAX));
