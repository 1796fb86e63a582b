// An API server with writers that never stop, until it is killed. What is asked and what is acknowledged goes to a journal, which the
// kernel keeps when the process dies: node program.ts FILE JOURNAL SEED
import { generateKeyPairSync } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import type { ApiHandler, HttpMethod } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime, seededRandom } from '@tiphys/runtime';
import { createStandardServer, createTokenSigner, LOOPBACK_USER } from '@tiphys/server';
import { sqliteStore } from '@tiphys/storage';
import type { Started } from './kill.ts';

const WRITERS = 128;
const NAMES_PER_WRITER = 8;
const DELETED_SHARE = 0.2;
const MAPS = '/api/v1/namespaces/default/configmaps';
const SERVICE_CIDR = '10.96.0.0/16';

const [path, journalPath, seed] = process.argv.slice(2) as [string, string, string];
const journal = openSync(journalPath, 'a');
const random = seededRandom(Number(seed));

async function ask(server: ApiHandler, method: HttpMethod, url: string, body?: object): Promise<{ code: number; object: any }> {
  const headers = { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json', accept: 'application/json' };
  const response = await server.handle({ method, url, headers, user: LOOPBACK_USER, ...(body ? { body } : {}) });
  return { code: response.status, object: response.body.kind === 'object' ? response.body.object : undefined };
}

const ofWriters = (items: any[]) => items.filter(({ metadata }) => metadata.name.startsWith('writer-'));

async function write(server: ApiHandler, writer: number, values: Map<string, string>): Promise<void> {
  for (let i = 0; ; i++) {
    const name = `writer-${writer}-${i % NAMES_PER_WRITER}`;
    const isThere = values.has(name);
    const value = isThere && random.number() < DELETED_SHARE ? '' : random.suffix(10);
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } };
    writeSync(journal, `? ${name} ${value}\n`);
    const { code, object } =
      value === ''
        ? await ask(server, 'DELETE', `${MAPS}/${name}`)
        : isThere
          ? await ask(server, 'PATCH', `${MAPS}/${name}`, body)
          : await ask(server, 'POST', MAPS, body);
    if (code >= 300) throw new Error(`${name} was answered with ${code}: ${object?.message}`);
    writeSync(journal, `! ${name} ${value} ${value === '' ? '' : object.metadata.resourceVersion}\n`);
    if (value === '') values.delete(name);
    else values.set(name, value);
  }
}

const { privateKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const server = createStandardServer({
  runtime: realRuntime(),
  store: sqliteStore(path),
  definitions: builtinDefinitions({ serviceCidr: SERVICE_CIDR }),
  signer: createTokenSigner({ privateKeyPem: privateKey, issuer: 'https://kubernetes.default.svc' }),
  serviceCidrs: [SERVICE_CIDR],
});
// It is not to outlive who kills it.
process.stdin.once('end', () => process.exit()).resume();
await server.bootstrap();
const { object: list } = await ask(server, 'GET', MAPS);
const found = ofWriters(list.items).map(({ metadata, data }): Started['found'][number] => [
  metadata.name,
  data.value,
  metadata.resourceVersion,
]);
const { user, system } = process.cpuUsage();
const processorMs = (user + system) / 1000;
writeSync(1, `${JSON.stringify({ revision: Number(list.metadata.resourceVersion), processorMs, found } satisfies Started)}\n`);
const values = new Map(found.map(([name, value]) => [name, value]));
await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(server, writer, values)));
