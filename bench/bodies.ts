// CPU of the API server, in process, for bodies of up to 3 MB that somebody makes to keep it busy: npm run bench -- bodies
// What follows the name is a pattern: only bodies whose name it meets are sent, and nothing is recorded.
import { generateKeyPairSync } from 'node:crypto';
import type { HttpMethod } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime } from '@tiphys/runtime';
import { createStandardServer, createTokenSigner } from '@tiphys/server';
import { memoryStore } from '@tiphys/storage';
import { type Body, JSON_TYPE } from './bodies/body.ts';
import { customBodies, DEFINITIONS, definition, TYPED_SCHEMA } from './bodies/custom.ts';
import { encodingBodies } from './bodies/encodings.ts';
import { MAPS, map, objectBodies, PODS, pod } from './bodies/objects.ts';
import { patchBodies } from './bodies/patches.ts';
import { figures, report, shown } from './measure.ts';

const RUNS = 7;
const WARM_RUNS = 2;
const only = process.argv[3] ? new RegExp(process.argv[3]) : undefined;

const PEM = { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } } as const;
const privateKeyPem = generateKeyPairSync('ec', { namedCurve: 'P-256', ...PEM }).privateKey;
const serviceCidr = '10.96.0.0/16';
const server = createStandardServer({
  runtime: realRuntime(),
  store: memoryStore(),
  definitions: builtinDefinitions({ serviceCidr }),
  signer: createTokenSigner({ privateKeyPem, issuer: 'https://kubernetes.default.svc' }),
  serviceCidrs: [serviceCidr],
});
await server.bootstrap({ addresses: ['192.0.2.1'], port: 6443, clusterIP: '10.96.0.1' });

const user = { name: 'bench', groups: ['system:masters', 'system:authenticated'] };
const ask = (method: HttpMethod, url: string, type: string, body?: Uint8Array) =>
  server.handle({ method, url, user, headers: { 'content-type': type, 'user-agent': 'bench/1' }, ...(body ? { body } : {}) });

async function must(url: string, body: string): Promise<void> {
  const { status } = await ask('POST', url, JSON_TYPE, Buffer.from(body));
  if (status !== 201 && status !== 409) throw new Error(`${url}: ${status}`);
}

const BIG = map(`"data":{${Array.from({ length: 6000 }, (_, i) => `"k${i}":"v"`).join(',')}}`);
const renamed = (body: string, name: string) => body.replace('"wide"', `"${name}"`);

async function prepare(): Promise<void> {
  await must('/api/v1/namespaces', '{"metadata":{"name":"default"}}');
  await must('/api/v1/namespaces/default/serviceaccounts', '{"metadata":{"name":"default"}}');
  await must(DEFINITIONS, definition('typeds', 'Typed', TYPED_SCHEMA));
  await must(PODS, renamed(pod('"containers":[{"name":"a","image":"b"}]'), 'p'));
  const custom = '/apis/example.com/v1/namespaces/default/typeds';
  while ((await ask('GET', custom, JSON_TYPE)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Patches begin with the same objects each time, and nothing that was made stays. */
async function reset({ method, url }: Body): Promise<void> {
  const [path = ''] = url.split('?');
  const at =
    method === 'POST' ? [`${path}/wide`, `${path}/wides.example.com`, `${path}/larges.example.com`] : [`${MAPS}/x`, `${MAPS}/big`, path];
  for (const one of at) {
    if (one === `${PODS}/p`) continue;
    await ask('PATCH', one, 'application/merge-patch+json', Buffer.from('{"metadata":{"finalizers":null}}'));
    await ask('DELETE', `${one}?gracePeriodSeconds=0`, JSON_TYPE);
  }
  await must(MAPS, renamed(map('"data":{"a":"b"}'), 'x'));
  await must(MAPS, renamed(BIG, 'big'));
  // Controllers of the server, such as that of definitions, do their part now.
  await new Promise((resolve) => setTimeout(resolve, 20));
}

async function measured(one: Body): Promise<{ status: number; text: string }> {
  const bytes = Buffer.from(one.body as string);
  const milliseconds: number[] = [];
  let status = 0;
  for (let run = 0; run < WARM_RUNS + RUNS; run++) {
    await reset(one);
    const before = process.cpuUsage();
    const answer = await ask(one.method, one.url, one.type, bytes);
    if (answer.body.kind === 'object') JSON.stringify(answer.body.object);
    const { user: inUser, system } = process.cpuUsage(before);
    status = answer.status;
    if (run >= WARM_RUNS) milliseconds.push((inUser + system) / 1000);
  }
  return { status, text: shown(figures(milliseconds), 'ms', 1) };
}

await prepare();
const lines = ['| body | bytes | answer | CPU | goal |', '|---|---|---|---|---|'];
const groups: [bodies: Body[], goal: string][] = [
  [[...objectBodies, ...patchBodies, ...encodingBodies], '≤ 50 ms'],
  [customBodies, 'none: up to 50,000 values'],
];
for (const [bodies, goal] of groups) {
  for (const one of bodies) {
    if (only && !only.test(one.name)) continue;
    const { status, text } = await measured(one);
    const line = `| ${one.name} | ${one.body.length.toLocaleString('en')} | ${status} | ${text} | ${goal} |`;
    lines.push(line);
    console.log(line);
  }
}
if (!only) report('bodies', 'Bodies that somebody makes to keep the server busy', lines);
process.exit(0);
