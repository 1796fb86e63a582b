// CPU of the API server, in process, for bodies of 3 MB that somebody makes to keep it busy: npm run bench -- bodies
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime } from '@tiphys/runtime';
import { createApiServer } from '@tiphys/server';
import { memoryStore } from '@tiphys/storage';
import { figures, report, shown } from './measure.ts';

const BYTES = 3 * 1024 * 1024;
const RUNS = 7;
const MAPS = '/api/v1/namespaces/default/configmaps';
const PODS = '/api/v1/namespaces/default/pods';
const JSON_TYPE = 'application/json';

const full = (piece: (i: number) => string, separator: string, bytes = BYTES) => {
  const pieces: string[] = [];
  for (let length = 0; length < bytes - 200; length += pieces.at(-1)!.length + separator.length) pieces.push(piece(pieces.length));
  return pieces.join(separator);
};
const map = (fields: string) => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"wide"},${fields}}`;
const pod = (spec: string) => `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"wide"},"spec":{${spec}}}`;

const bodies: [name: string, url: string, type: string, body: string | Uint8Array][] = [
  ['brackets that never close', MAPS, JSON_TYPE, '['.repeat(BYTES)],
  ['a number without end', PODS, JSON_TYPE, `{"metadata":{"name":"n","generation":${'9'.repeat(BYTES - 60)}}}`],
  ['one long string', MAPS, JSON_TYPE, map(`"data":{"a":"${'x'.repeat(BYTES - 200)}"}`)],
  ['a map of very many keys', MAPS, JSON_TYPE, map(`"data":{${full((i) => `"key-${i}":"v"`, ',')}}`)],
  ['a map of very many keys that may not be', MAPS, JSON_TYPE, map(`"data":{${full((i) => `"key ${i}":"v"`, ',')}}`)],
  [
    'very many labels',
    MAPS,
    JSON_TYPE,
    `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"wide","labels":{${full((i) => `"key-${i}":"v"`, ',')}}}}`,
  ],
  ['very many fields that nobody knows', MAPS, JSON_TYPE, map(full((i) => `"field${i}":1`, ','))],
  ['very many of one field', MAPS, JSON_TYPE, map(full(() => '"data":{}', ','))],
  ['very many containers', PODS, JSON_TYPE, pod(`"containers":[${full((i) => `{"name":"c${i}","image":"i"}`, ',')}]`)],
  ['very many containers of one name', PODS, JSON_TYPE, pod(`"containers":[${full(() => '{"name":"c","image":"i"}', ',')}]`)],
  ['very many empty containers', PODS, JSON_TYPE, pod(`"containers":[${full(() => '{}', ',')}]`)],
  ['bytes that are no protobuf', MAPS, 'application/vnd.kubernetes.protobuf', Buffer.alloc(BYTES, 0xff)],
];

await using server = createApiServer({ runtime: realRuntime(), store: memoryStore(), definitions: builtinDefinitions() });
await server.ready;
const user = { name: 'bench', groups: ['system:masters'] };

const lines = ['| body | answer | CPU | goal |', '|---|---|---|---|'];
for (const [name, url, type, body] of bodies) {
  const bytes = Buffer.from(body);
  let status = 0;
  const milliseconds: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const before = process.cpuUsage();
    const answer = await server.handle({
      method: 'POST',
      url,
      user,
      headers: { 'content-type': type, 'user-agent': 'bench/1' },
      body: bytes,
    });
    const { user: inUser, system } = process.cpuUsage(before);
    status = answer.status;
    milliseconds.push((inUser + system) / 1000);
  }
  lines.push(`| ${name} | ${status} | ${shown(figures(milliseconds), 'ms', 1)} | ≤ 50 ms |`);
}
report('bodies', 'Bodies of 3 MB', lines);
