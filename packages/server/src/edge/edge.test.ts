// The port as clients see it: HTTP/2 and HTTP/1.1 over TLS, encodings, streams, upgrades, limits, and its end.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { after, before, test } from 'node:test';
import { connect as tlsConnect } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { decodeProtobuf, encodeProtobuf } from '@tiphys/api';
import { statusError } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime } from '@tiphys/runtime';
import { memoryStore } from '@tiphys/storage';
import { type ApiServer, createApiServer } from '../api-server.ts';
import type { AdmissionPlugin, Authenticator, UpgradeHandler } from '../interfaces.ts';
import type { Listening } from './listen.ts';
import { REQUEST_BYTES_MAX } from './read-body.ts';

const pem = (name: string) => readFileSync(new URL(`../testdata/${name}.pem`, import.meta.url));
const MAPS = '/api/v1/namespaces/a/configmaps';

/** Knows the token `good`, refuses every other, and calls those with a certificate by it. */
const authenticator: Authenticator = {
  authenticate: async ({ headers, peer }) => {
    if (peer?.certificateChain) return { name: `certificate of ${peer.certificateChain[0]!.length} bytes`, groups: [] };
    if (!headers.authorization) return undefined;
    if (headers.authorization !== 'Bearer good') throw statusError.unauthorized();
    return { name: 'good', groups: [] };
  },
};

const echo: UpgradeHandler = {
  matches: (info) => info.subresource === 'exec',
  upgrade: async (_request, info, user, socket, head) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    socket.write(`${user.name} on ${info.name}: ${Buffer.from(head)}`);
    socket.end();
  },
};

let server: ApiServer;
let listening: Listening;
let session: ClientHttp2Session;

before(async () => {
  server = createApiServer({
    runtime: realRuntime(),
    store: memoryStore(),
    definitions: builtinDefinitions(),
    authenticators: [authenticator],
    authorizer: {
      authorize: ({ user }) =>
        user.name === 'system:anonymous' ? { decision: 'noOpinion', reason: '' } : { decision: 'allow', reason: '' },
    },
    upgradeHandlers: [echo],
  });
  listening = await server.listen({ port: 0, tls: { key: pem('server.key'), cert: pem('server.cert'), clientCa: pem('client.cert') } });
  session = connect(`https://127.0.0.1:${listening.port}`, { ca: pem('server.cert') });
});

after(async () => {
  session.destroy();
  await server.close();
});

interface Answer {
  status: number;
  headers: Record<string, string>;
  bytes: Buffer;
  json(): any;
}

async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: string | Uint8Array): Promise<Answer> {
  const stream = session.request({ ':method': method, ':path': path, authorization: 'Bearer good', ...headers });
  stream.end(body);
  const [response] = (await once(stream, 'response')) as [Record<string, string>];
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return { status: Number(response[':status']), headers: response, bytes, json: () => JSON.parse(bytes.toString()) };
}

const json = { 'content-type': 'application/json' };

test('objects come and go over HTTP/2 in JSON, YAML and protobuf', async () => {
  const created = await ask('POST', MAPS, json, JSON.stringify({ metadata: { name: 'one' }, data: { a: 'ü' } }));
  assert.deepEqual([created.status, created.headers['content-type']], [201, 'application/json']);
  const body = encodeProtobuf({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'two' } } as object);
  const type = 'application/vnd.kubernetes.protobuf';
  const second = await ask('POST', MAPS, { 'content-type': type, accept: type }, body);
  assert.deepEqual([second.status, second.headers['content-type']], [201, type]);
  assert.equal(decodeProtobuf(second.bytes).metadata!.name, 'two');
  const yaml = await ask('GET', `${MAPS}/one`, { accept: 'application/yaml' });
  assert.match(yaml.bytes.toString(), /^kind: ConfigMap\napiVersion: v1\n/);
  const list = await ask('GET', MAPS, { accept: `${type},application/json` });
  assert.equal((decodeProtobuf(list.bytes) as unknown as { items: unknown[] }).items.length, 2);
  const table = await ask('GET', MAPS, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
  assert.deepEqual([table.json().kind, table.json().rows.length, table.json().rows[0].object.kind], ['Table', 2, 'PartialObjectMetadata']);
  const metadata = await ask('GET', MAPS, { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' });
  assert.deepEqual(Object.keys(metadata.json().items[0]).sort(), ['apiVersion', 'kind', 'metadata']);
});

test('what nobody can serve is 406 and 415, and what is too large 413', async () => {
  assert.equal((await ask('GET', MAPS, { accept: 'text/html' })).status, 406);
  const type = await ask('POST', MAPS, { 'content-type': 'text/plain' }, 'x');
  assert.deepEqual([type.status, type.json().reason], [415, 'UnsupportedMediaType']);
  assert.equal((await ask('POST', MAPS, json, Buffer.alloc(REQUEST_BYTES_MAX + 1, 32))).status, 413);
  assert.equal((await ask('POST', MAPS, json, '{"metadata":')).status, 400);
});

test('large answers are compressed for those who ask', async () => {
  const data = { text: 'abc '.repeat(100_000) };
  await ask('POST', MAPS, json, JSON.stringify({ metadata: { name: 'large' }, data }));
  const answer = await ask('GET', `${MAPS}/large`, { 'accept-encoding': 'gzip' });
  assert.equal(answer.headers['content-encoding'], 'gzip');
  assert.deepEqual(JSON.parse(gunzipSync(answer.bytes).toString()).data, data);
  await ask('DELETE', `${MAPS}/large`);
});

test('a long list is sent in blocks, compressed or not, and follows changes', async () => {
  const data = { text: 'x'.repeat(100_000) };
  const path = '/api/v1/namespaces/long/configmaps';
  for (const name of ['a', 'b', 'c', 'd']) await ask('POST', path, json, JSON.stringify({ metadata: { name }, data }));
  const plain = await ask('GET', path);
  assert.equal(Number(plain.headers['content-length']), plain.bytes.length);
  assert.deepEqual(
    plain.json().items.map((item: any) => [item.metadata.name, item.data.text.length]),
    ['a', 'b', 'c', 'd'].map((name) => [name, 100_000]),
  );
  const zipped = () => ask('GET', path, { 'accept-encoding': 'gzip' });
  for (const answer of [await zipped(), await zipped()]) {
    assert.equal(answer.headers['content-encoding'], 'gzip');
    assert.deepEqual(JSON.parse(gunzipSync(answer.bytes).toString()).items, plain.json().items);
  }
  await ask('DELETE', `${path}/b`);
  const later = JSON.parse(gunzipSync((await zipped()).bytes).toString());
  assert.deepEqual(
    later.items.map((item: any) => item.metadata.name),
    ['a', 'c', 'd'],
  );
  assert.equal((await ask('HEAD', path)).bytes.length, 0);
});

test('a watch streams one event per line until the client goes', async () => {
  const stream = session.request({ ':path': `${MAPS}?watch=1&resourceVersion=${await revision()}`, authorization: 'Bearer good' });
  stream.end();
  await once(stream, 'response');
  await ask('POST', MAPS, json, JSON.stringify({ metadata: { name: 'seen' } }));
  const [line] = (await once(stream, 'data')) as [Buffer];
  const event = JSON.parse(line.toString());
  assert.deepEqual([event.type, event.object.metadata.name, line.at(-1)], ['ADDED', 'seen', 10]);
  stream.close();
});

const revision = async () => (await ask('GET', MAPS)).json().metadata.resourceVersion;

test('who has no credentials is forbidden, who has wrong ones is unauthorized, who has a certificate is known by it', async () => {
  const anonymous = await ask('GET', MAPS, { authorization: '' });
  assert.equal(
    anonymous.json().message,
    'configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" in the namespace "a"',
  );
  assert.equal((await ask('GET', MAPS, { authorization: 'Bearer bad' })).status, 401);
  const secured = connect(`https://127.0.0.1:${listening.port}`, {
    ca: pem('server.cert'),
    cert: pem('client.cert'),
    key: pem('client.key'),
  });
  const stream = secured.request({ ':path': MAPS });
  stream.end();
  const [response] = await once(stream, 'response');
  assert.equal(response[':status'], 200);
  secured.destroy();
});

test('HTTP/1.1 on the same port', async () => {
  const request = httpsRequest({
    port: listening.port,
    host: '127.0.0.1',
    path: `${MAPS}/one`,
    ca: pem('server.cert'),
    headers: { authorization: 'Bearer good' },
  });
  request.end();
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  assert.deepEqual(
    [response.statusCode, response.httpVersion, JSON.parse(Buffer.concat(chunks).toString()).data],
    [200, '1.1', { a: 'ü' }],
  );
});

async function raw(text: string): Promise<string> {
  const socket = tlsConnect({ port: listening.port, host: '127.0.0.1', ca: pem('server.cert'), ALPNProtocols: ['http/1.1'] });
  await once(socket, 'secureConnect');
  socket.write(text);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer;
}

const upgradeOf = (path: string, token = 'good') =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`;

test('upgrades are authenticated, authorized and handed over with the socket', async () => {
  assert.match(await raw(upgradeOf('/api/v1/namespaces/a/pods/p/exec')), /^HTTP\/1.1 101 .*good on p: $/s);
  assert.match(await raw(upgradeOf('/api/v1/namespaces/a/pods/p/exec', 'bad')), /^HTTP\/1.1 401 /);
  assert.match(await raw(upgradeOf('/api/v1/namespaces/a/pods/p/other')), /^HTTP\/1.1 400 /);
});

test('rubbish on the port harms nobody', async () => {
  await raw('\u0000\u0001 rubbish\r\n\r\n').catch(() => {});
  assert.equal((await ask('GET', '/healthz')).bytes.toString(), 'ok');
});

test('documents: version, discovery old and new, health, OpenAPI', async () => {
  assert.equal((await ask('GET', '/version')).json().minor, '36');
  const aggregated = { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' };
  const groups = await ask('GET', '/apis', aggregated);
  assert.equal(groups.json().items[0].metadata.name, 'apiregistration.k8s.io');
  const again = await ask('GET', '/apis', { ...aggregated, 'if-none-match': groups.headers.etag! });
  assert.deepEqual([again.status, again.bytes.length], [304, 0]);
  assert.equal((await ask('GET', '/api', { accept: 'application/json' })).json().kind, 'APIVersions');
  const list = (await ask('GET', '/apis/apps/v1')).json();
  assert.ok(list.resources.some((row: any) => row.name === 'deployments/scale' && row.kind === 'Scale'));
  assert.match(
    (await ask('GET', '/statusz')).bytes.toString(),
    /^\nkube-apiserver statusz\nWarning: .*\nBinary version: 1\.36\.3\n.*\/statusz/s,
  );
  const statusz = await ask('GET', '/statusz', { accept: 'application/json;as=Statusz;g=config.k8s.io;v=v1beta1' });
  assert.deepEqual([statusz.json().kind, statusz.json().apiVersion], ['Statusz', 'config.k8s.io/v1beta1']);
  assert.equal((await ask('GET', '/statusz', { accept: 'application/json' })).status, 406);
  assert.match((await ask('GET', '/readyz?verbose')).bytes.toString(), /^\[\+\]ping ok\n.*readyz check passed\n$/s);
  const index = (await ask('GET', '/openapi/v3')).json();
  const apps = await ask('GET', index.paths['apis/apps/v1'].serverRelativeURL);
  assert.ok(apps.json().components.schemas['io.k8s.api.apps.v1.Deployment']);
  assert.equal((await ask('GET', '/apis/none')).status, 404);
});

test('closing ends watches, lets requests under way finish and takes no more', async () => {
  const begun = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  const slow: AdmissionPlugin = {
    name: 'Slow',
    admit: async () => {
      begun.resolve();
      await going.promise;
    },
  };
  const other = createApiServer({ runtime: realRuntime(), store: memoryStore(), definitions: builtinDefinitions(), admission: [slow] });
  const port = await other.listen({ port: 0, tls: { key: pem('server.key'), cert: pem('server.cert') } });
  const client = connect(`https://127.0.0.1:${port.port}`, { ca: pem('server.cert') });
  client.on('error', () => {});
  const watching = client.request({ ':path': `${MAPS}?watch=1` });
  watching.resume().end();
  await once(watching, 'response');
  const writing = client.request({ ':path': MAPS, ':method': 'POST', 'content-type': 'application/json' });
  writing.resume().end(JSON.stringify({ metadata: { name: 'x' } }));
  await begun.promise;
  const readiness = () => other.handle({ method: 'GET', url: '/readyz', headers: {} });
  assert.equal((await readiness()).status, 200);
  other.drain();
  const notReady = await readiness();
  assert.ok(
    notReady.status === 500 && notReady.body.kind === 'bytes' && /\[-\]shutdown failed/.test(Buffer.from(notReady.body.bytes).toString()),
  );
  const told = Promise.all([once(watching, 'end'), once(client, 'goaway')]);
  const closed = other.close();
  await told;
  const written = once(writing, 'response');
  going.resolve();
  assert.equal((await written)[0][':status'], 201);
  await closed;
  client.destroy();
});

test('every answer has a name for the audit log, the caller’s when there is one', async () => {
  const own = await ask('GET', '/version', { 'audit-id': 'mine' });
  assert.equal(own.headers['audit-id'], 'mine');
  assert.match(String((await ask('GET', '/version')).headers['audit-id']), /^[0-9a-f-]{36}$/);
  assert.equal((await ask('GET', '/version?timeout=soon')).status, 400);
});
