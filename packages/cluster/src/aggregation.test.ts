// A group served by another program through this cluster's API server, with real certificates on both sides.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { apiregistrationv1, corev1, resourceType } from '@tiphys/api';
import { realRuntime } from '@tiphys/runtime';
import { parse } from 'yaml';
import { createAuthority, issueCertificate } from './certificates/x509.ts';
import { type Cluster, startCluster } from './start-cluster.ts';

const DAY_MS = 86_400_000;
const FLUNDERS = resourceType('wardle.example.com', 'v1', 'flunders', 'Flunder', true);
const DISCOVERY = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: 'wardle.example.com/v1',
  resources: [{ name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: ['get', 'list', 'watch'] }],
};
const OPENAPI = {
  swagger: '2.0',
  paths: {
    '/apis/wardle.example.com/v1/flunders': { get: { responses: { 200: { schema: { $ref: '#/definitions/com.example.Flunder' } } } } },
    '/healthz': {},
  },
  definitions: { 'com.example.Flunder': { type: 'object' }, unused: {} },
};
const V3_URL = '/openapi/v3/apis/wardle.example.com/v1?hash=ABC';
const V3_INDEX = { paths: { 'apis/wardle.example.com/v1': { serverRelativeURL: V3_URL }, 'apis/other/v1': { serverRelativeURL: '/x' } } };
const flunder = { kind: 'Flunder', apiVersion: 'wardle.example.com/v1', metadata: { name: 'one', resourceVersion: '1' } };

const SERVICE = {
  metadata: { name: 'api', namespace: 'default' },
  spec: { type: 'ExternalName', externalName: '127.0.0.1' },
} as corev1.Service;

const apiService = (port: number, caBundle: string): apiregistrationv1.APIService => ({
  metadata: { name: 'v1.wardle.example.com' },
  spec: {
    group: 'wardle.example.com',
    version: 'v1',
    service: { namespace: 'default', name: 'api', port },
    caBundle,
    groupPriorityMinimum: 2000,
    versionPriority: 200,
  },
});

interface Seen {
  url: string;
  proxy: string;
  headers: IncomingMessage['headers'];
}

function answerOf(request: IncomingMessage, response: ServerResponse, seen: Seen[]): void {
  const url = request.url!;
  const certificate = (request.socket as TLSSocket).getPeerCertificate();
  seen.push({ url, proxy: String(certificate.subject?.CN ?? ''), headers: request.headers });
  response.setHeader('content-type', 'application/json');
  if (url === '/apis/wardle.example.com/v1') response.end(JSON.stringify(DISCOVERY));
  else if (url === '/openapi/v2') response.end(JSON.stringify(OPENAPI));
  else if (url === '/openapi/v3') response.end(JSON.stringify(V3_INDEX));
  else if (url === V3_URL) response.end(JSON.stringify({ openapi: '3.0.0' }));
  else if (url.includes('watch=')) response.write(`${JSON.stringify({ type: 'ADDED', object: flunder })}\n`);
  else if (url.includes('/flunders'))
    response.end(JSON.stringify({ kind: 'FlunderList', apiVersion: flunder.apiVersion, items: [flunder] }));
  else {
    response.statusCode = 404;
    response.end('{}');
  }
}

async function backend(seen: Seen[]): Promise<{ server: Server; port: number; caBundle: string }> {
  const runtime = realRuntime();
  const authority = createAuthority(runtime, 'other', DAY_MS);
  const { certificatePem, privateKeyPem } = issueCertificate(runtime, authority, 'other', {
    commonName: 'api',
    hosts: ['api.default.svc'],
    usages: ['server'],
    validForMs: DAY_MS,
  });
  const tls = { cert: certificatePem, key: privateKeyPem, requestCert: true, rejectUnauthorized: false };
  const server = createServer(tls, (request, response) => answerOf(request, response, seen));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port, caBundle: Buffer.from(authority.certificatePem).toString('base64') };
}

/** Waits for the Available condition to have a reason. */
async function reason(cluster: Cluster, wanted: string): Promise<apiregistrationv1.APIServiceCondition> {
  for await (const events of cluster.client.of(apiregistrationv1.apiservices).watch()) {
    for (const { object } of events) {
      const condition = object.status?.conditions?.find(({ type }) => type === 'Available');
      if (object.metadata?.name === 'v1.wardle.example.com' && condition?.reason === wanted) return condition;
    }
  }
  throw new Error('the watch ended');
}

function administratorTls(cluster: Cluster) {
  const { users } = parse(readFileSync(cluster.kubeconfig, 'utf8'));
  const pem = (field: string) => Buffer.from(users[0].user[field], 'base64');
  return { cert: pem('client-certificate-data'), key: pem('client-key-data'), rejectUnauthorized: false };
}

/** As kubectl would, over the wire. */
async function get(cluster: Cluster, path: string): Promise<{ status: number; text: string }> {
  const tls = administratorTls(cluster);
  return new Promise((resolve, reject) => {
    httpsRequest(new URL(path, cluster.url), { ...tls, headers: { 'x-remote-user': 'eve' } }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode!, text });
    })
      .on('error', reject)
      .end();
  });
}

test('requests for an aggregated group go to its server, which learns who asks', async (t) => {
  const seen: Seen[] = [];
  const { server, port, caBundle } = await backend(seen);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await using cluster = await startCluster();
  const { client } = cluster;
  await client.of(apiregistrationv1.apiservices).create(apiService(port, caBundle));
  const absent = await reason(cluster, 'ServiceNotFound');
  assert.equal(absent.message, 'service/api in "default" is not present');
  assert.deepEqual(await get(cluster, '/apis/wardle.example.com/v1'), { status: 503, text: 'service unavailable\n' });

  await client.of(corev1.services).create(SERVICE);
  assert.equal((await reason(cluster, 'Passed')).message, 'all checks passed');

  const answer = await get(cluster, '/apis/wardle.example.com/v1/namespaces/default/flunders?limit=5');
  assert.equal(JSON.parse(answer.text).items[0].metadata.name, 'one');
  const { proxy, headers } = seen.find(({ url }) => url === '/apis/wardle.example.com/v1/namespaces/default/flunders?limit=5')!;
  assert.equal(proxy, 'front-proxy-client');
  assert.equal(headers['x-remote-user'], 'kubernetes-admin', 'never what the caller says');
  assert.equal(headers['x-remote-group'], 'system:masters, system:authenticated');
  assert.equal(headers.authorization, undefined);

  for await (const events of client.of(FLUNDERS).watch()) {
    assert.equal(events[0]!.object.metadata!.name, 'one');
    break;
  }
  const groups = JSON.parse((await get(cluster, '/apis')).text).groups.map(({ name }: { name: string }) => name);
  assert.ok(groups.includes('wardle.example.com'));
  const aggregated = { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' };
  const { items } = (await client.raw('GET', '/apis', undefined, aggregated)).body as { items: any[] };
  const [version] = items.find(({ metadata }) => metadata.name === 'wardle.example.com').versions;
  assert.deepEqual([version.freshness, version.resources[0].resource], ['Current', 'flunders']);
});

test('OpenAPI tells of aggregated groups and their types', async (t) => {
  const { server, port, caBundle } = await backend([]);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await using cluster = await startCluster();
  const { client } = cluster;
  await client.of(corev1.services).create(SERVICE);
  await client.of(apiregistrationv1.apiservices).create(apiService(port, caBundle));
  await reason(cluster, 'Passed');
  let document: any;
  // The document is read after the condition is written.
  do document = JSON.parse((await get(cluster, '/openapi/v2')).text);
  while (!document.paths['/apis/wardle.example.com/v1/flunders']);
  assert.ok(document.definitions['com.example.Flunder']);
  assert.equal(document.definitions.unused, undefined);
  assert.ok(document.paths['/api/v1/pods']);
  const { paths } = JSON.parse((await get(cluster, '/openapi/v3')).text);
  assert.equal(paths['apis/wardle.example.com/v1'].serverRelativeURL, V3_URL);
  assert.equal(paths['apis/other/v1'], undefined);
  assert.equal(JSON.parse((await get(cluster, V3_URL)).text).openapi, '3.0.0');
});

test('upgraded connections and failures of the server behind pass through', async (t) => {
  const { server, port, caBundle } = await backend([]);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  let user: unknown;
  server.on('upgrade', (request, socket) => {
    user = request.headers['x-remote-user'];
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  await using cluster = await startCluster();
  const { client } = cluster;
  await client.of(corev1.services).create(SERVICE);
  await client.of(apiregistrationv1.apiservices).create(apiService(port, caBundle));
  await reason(cluster, 'Passed');
  const echoed = await new Promise<string>((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: 'echo', authorization: 'secret' };
    const url = new URL('/apis/wardle.example.com/v1/namespaces/default/flunders/one/shell', cluster.url);
    httpsRequest(url, { ...administratorTls(cluster), headers })
      .on('upgrade', (_response, socket) => {
        socket.once('data', (data: Buffer) => {
          resolve(data.toString());
          socket.destroy();
        });
        socket.write('hello');
      })
      .on('error', reject)
      .end();
  });
  assert.deepEqual([echoed, user], ['hello', 'kubernetes-admin']);

  await client.of(apiregistrationv1.apiservices).patch('v1.wardle.example.com', undefined, 'merge', { spec: { caBundle: null } });
  const failed = await reason(cluster, 'FailedDiscoveryCheck');
  const url = `https://api.default.svc:${port}/apis/wardle.example.com/v1`;
  assert.equal(
    failed.message,
    `failing or missing response from ${url}: Get "${url}": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
  );
});
