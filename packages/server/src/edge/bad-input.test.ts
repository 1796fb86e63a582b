// What nobody sends by accident: each gets a proper Status, and nothing changes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest, Status } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime } from '@tiphys/runtime';
import { memoryStore } from '@tiphys/storage';
import { createApiServer } from '../api-server.ts';

const JSON_TYPE = 'application/json';
const YAML = 'application/yaml';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const MAPS = '/api/v1/namespaces/d/configmaps';
const PODS = '/api/v1/namespaces/d/pods';
const BYTES = 3 * 1024 * 1024;
const full = (text: string, bytes = BYTES) => text.repeat(Math.floor(bytes / text.length));
const deep = (open: string, close: string, count: number) => open.repeat(count) + close.repeat(count);
const copies = Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '/data', path: `/data/k${i}` }));
const container = (_: unknown, i: number) => `{"name":"c${i}","image":"i"}`;

const BODIES: [string, ApiRequest['method'], string, string, string | Uint8Array, number, RegExp][] = [
  ['lists that never close', 'POST', MAPS, JSON_TYPE, full('['), 400, /exceeded max depth/],
  ['objects that never close', 'POST', MAPS, JSON_TYPE, full('{"a":'), 400, /exceeded max depth/],
  ['a deep list', 'POST', MAPS, JSON_TYPE, `{"data":${deep('[', ']', 9000)}}`, 400, /cannot unmarshal array|exceeded max depth/],
  ['a number without end', 'POST', PODS, JSON_TYPE, `{"metadata":{"name":"n","generation":${full('9')}}}`, 400, /cannot unmarshal number/],
  [
    'no UTF-8',
    'POST',
    MAPS,
    JSON_TYPE,
    Buffer.concat([Buffer.from('{"metadata":{"name":"'), Buffer.alloc(BYTES - 100, 0xff), Buffer.from('"}}')]),
    422,
    /^ConfigMap/,
  ],
  [
    'keys without end',
    'POST',
    MAPS,
    JSON_TYPE,
    `{"metadata":{"name":"n"},"data":{${full('"k":"v",')}"k":"v"}}`,
    413,
    /limit is 20000 values/,
  ],
  ['containers of nothing', 'POST', PODS, JSON_TYPE, `{"spec":{"containers":[${full('{},')}{}]}}`, 413, /limit is 20000 values/],
  ['half an object', 'POST', MAPS, JSON_TYPE, '{"metadata":{"name":"n"', 400, /unexpected end of JSON input/],
  [
    'an alias bomb',
    'POST',
    MAPS,
    YAML,
    [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefghijkl'.split('').map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefghijkl'[i]}`).join(',')}]`),
    ].join('\n'),
    400,
    /excessive aliasing/,
  ],
  ['brackets in YAML', 'POST', MAPS, YAML, full('[', 400_000), 400, /exceeded max depth/],
  ['braces in YAML', 'POST', MAPS, YAML, full('a: {', 400_000), 400, /exceeded max depth/],
  ['keys of keys in YAML', 'POST', MAPS, YAML, '? '.repeat(2000), 400, /YAML|max depth/],
  ['YAML without end', 'POST', MAPS, YAML, full('a\n'), 413, /limit is/],
  ['bytes that are no protobuf', 'POST', MAPS, PROTOBUF, Buffer.alloc(BYTES, 0xff), 400, /does not appear to be a protobuf message/],
  [
    'broken protobuf',
    'POST',
    MAPS,
    PROTOBUF,
    Buffer.concat([Buffer.from('k8s\0'), Buffer.alloc(BYTES - 4, 0x0a)]),
    400,
    /cannot be handled as a ConfigMap/,
  ],
  ['CBOR, which is off', 'POST', MAPS, 'application/cbor', Buffer.from('d9d9f7a0', 'hex'), 415, /accepted media types/],
  [
    'a deep merge patch',
    'PATCH',
    `${MAPS}/x`,
    'application/merge-patch+json',
    `${'{"data":'.repeat(9000)}1${'}'.repeat(9000)}`,
    400,
    /max depth|cannot unmarshal|patch/,
  ],
  ['copies of copies', 'PATCH', `${MAPS}/x`, 'application/json-patch+json', JSON.stringify(copies), 422, /rejected our request/],
  [
    'too many operations',
    'PATCH',
    `${MAPS}/x`,
    'application/json-patch+json',
    JSON.stringify(Array(10_001).fill({ op: 'test', path: '/kind', value: '' })),
    413,
    /allowed maximum operations/,
  ],
  [
    'a path of a thousand steps',
    'PATCH',
    `${MAPS}/x`,
    'application/json-patch+json',
    JSON.stringify([{ op: 'add', path: '/a'.repeat(1000), value: 1 }]),
    422,
    /rejected our request/,
  ],
  [
    'the prototype',
    'PATCH',
    `${MAPS}/x`,
    'application/json-patch+json',
    '[{"op":"add","path":"/constructor/prototype/polluted","value":1}]',
    422,
    /rejected our request/,
  ],
  [
    'a long list in a strategic patch',
    'PATCH',
    `${PODS}/p`,
    'application/strategic-merge-patch+json',
    `{"spec":{"containers":[${Array.from({ length: 2_000 }, container).join(',')}]}}`,
    422,
    /may not add or remove containers/,
  ],
  [
    'a deep configuration',
    'PATCH',
    `${MAPS}/x?fieldManager=m`,
    'application/apply-patch+yaml',
    `{"apiVersion":"v1","kind":"ConfigMap","data":${'{"a":'.repeat(9000)}1${'}'.repeat(9000)}}`,
    400,
    /max depth/,
  ],
  ['a name that leads up', 'POST', MAPS, JSON_TYPE, '{"metadata":{"name":"../../secrets/x"}}', 422, /Invalid value: "..\/..\/secrets\/x"/],
  [
    'a namespace that leads up',
    'POST',
    '/api/v1/namespaces/..%2f..%2fx/configmaps',
    JSON_TYPE,
    '{"metadata":{"name":"n"}}',
    422,
    /Invalid value: "..\/..\/x"/,
  ],
  [
    'a long quantity',
    'POST',
    PODS,
    JSON_TYPE,
    `{"metadata":{"name":"n"},"spec":{"containers":[{"name":"a","image":"b","resources":{"requests":{"cpu":"${full('9', 1_000_000)}"}}}]}}`,
    400,
    /quantities must match/,
  ],
];

const QUERIES: [string, string, number][] = [
  ['selector that opens only', `${MAPS}?labelSelector=${'('.repeat(50_000)}`, 400],
  ['selector of nothing', `${MAPS}?labelSelector=${'a,,'.repeat(1000)}`, 400],
  ['field that leads out', `${MAPS}?fieldSelector=data.password%3Dx`, 400],
  [
    'token that leads up',
    `${MAPS}?limit=1&continue=${Buffer.from('{"v":"meta.k8s.io/v1","rv":5,"start":"../../secrets/x"}').toString('base64url')}`,
    400,
  ],
  ['token of another kind', `${MAPS}?limit=1&continue=%00%ff`, 400],
  ['version that is no number', `${MAPS}?resourceVersion=1e9`, 400],
  ['half an escape', `${MAPS}/%zz`, 400],
  ['name of zero bytes', `${MAPS}/%00`, 404],
  ['name that leads up', `${MAPS}/..%2f..%2fx`, 404],
  ['path that leads up', '/api/v1/namespaces/../../secrets', 404],
];

test('hostile bodies, queries and paths', async (t) => {
  const store = memoryStore();
  await using server = createApiServer({ runtime: realRuntime(), store, definitions: builtinDefinitions() });
  await server.ready;
  const user = { name: 'admin', groups: ['system:masters'] };
  const ask = (method: ApiRequest['method'], url: string, type?: string, body?: string | Uint8Array) =>
    server.handle({
      method,
      url,
      user,
      headers: type ? { 'content-type': type } : {},
      ...(body === undefined ? {} : { body: typeof body === 'string' ? Buffer.from(body) : body }),
    });
  assert.equal((await ask('POST', MAPS, JSON_TYPE, '{"metadata":{"name":"x"},"data":{"a":"b"}}')).status, 201);
  assert.equal(
    (await ask('POST', PODS, JSON_TYPE, '{"metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"b"}]}}')).status,
    201,
  );
  const before = store.revision;
  for (const [name, method, url, type, body, code, message] of BODIES) {
    await t.test(name, async () => {
      const answer = await ask(method, url, type, body);
      assert.ok(answer.body.kind === 'object');
      const status = answer.body.object as unknown as Required<Status>;
      assert.deepEqual([status.kind, answer.status], ['Status', code], status.message.slice(0, 300));
      assert.match(status.message.slice(0, 5000), message);
    });
  }
  for (const [name, url, code] of QUERIES) await t.test(name, async () => assert.equal((await ask('GET', url)).status, code));
  assert.equal(store.revision, before, 'nothing was written');
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});
