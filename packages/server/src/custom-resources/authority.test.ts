// Definitions whose conversion webhook is believed by certificates that can't be read (apiextensions controller/establish).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, startedServer } from '../../test/server.ts';
import { until } from '../../test/until.ts';
import { LOOPBACK_USER } from '../bootstrap/loopback.ts';
import type { StandardServer } from '../standard-server.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const NAME = 'gears.example.com';
const GEARS = '/apis/example.com/v1/gears';
const NONSENSE = Buffer.from('nonsense').toString('base64');

const gears = (caBundle?: string) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: NAME },
  spec: {
    group: 'example.com',
    scope: 'Cluster',
    names: { plural: 'gears', kind: 'Gear' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    conversion: {
      strategy: 'Webhook',
      webhook: { conversionReviewVersions: ['v1'], clientConfig: { url: 'https://x.example', ...(caBundle ? { caBundle } : {}) } },
    },
  },
});

/** The condition Established once it has this reason. */
const established = (server: StandardServer, reason: string) =>
  until(async () => {
    const { object } = await call(server, 'GET', `${CRDS}/${NAME}`);
    return object.status.conditions?.find((each: any) => each.type === 'Established' && each.reason === reason);
  });

const withBundle = async (server: StandardServer, caBundle: string | null) => {
  const body = { spec: { conversion: { webhook: { clientConfig: { caBundle } } } } };
  const headers = { 'content-type': 'application/merge-patch+json' };
  const response = await server.handle({ method: 'PATCH', url: `${CRDS}/${NAME}`, headers, body, user: LOOPBACK_USER });
  return { code: response.status, message: (response.body as any).object?.message };
};

/** What discovery and OpenAPI answer. */
const told = async (server: StandardServer) => {
  const ask = (url: string, headers: Record<string, string> = {}) => server.handle({ method: 'GET', url, headers, user: LOOPBACK_USER });
  const codes = await Promise.all(['/apis/example.com/v1', '/openapi/v3/apis/example.com/v1'].map(async (url) => (await ask(url)).status));
  const { body } = await ask('/apis', { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' });
  return [...codes, Buffer.from((body as any).bytes).includes('"example.com"')];
};

test('a definition waits until the certificates of its webhook can be read', async () => {
  await using server = await startedServer();
  assert.equal((await call(server, 'POST', CRDS, gears(NONSENSE))).code, 201);
  const condition = await established(server, 'InvalidCABundle');
  assert.deepEqual([condition.status, condition.message], ['False', 'The conversion webhook CABundle is invalid']);
  assert.deepEqual(await told(server), [404, 404, false]);
  const asked = await call(server, 'GET', GEARS);
  assert.deepEqual([asked.code, asked.object.message], [500, 'Internal error occurred: error resolving resource']);
  assert.equal((await withBundle(server, Buffer.from('other').toString('base64'))).code, 200, 'it may be changed at will');
  assert.equal((await withBundle(server, null)).code, 200);
  await established(server, 'InitialNamesAccepted');
  assert.deepEqual(await told(server), [200, 200, true]);
  assert.equal((await call(server, 'GET', GEARS)).code, 200);
});

test('once it is established, they stay readable', async () => {
  await using server = await startedServer();
  assert.equal((await call(server, 'POST', CRDS, gears())).code, 201);
  await established(server, 'InitialNamesAccepted');
  const { code, message } = await withBundle(server, NONSENSE);
  assert.equal(code, 422);
  assert.match(message, /webhookClientConfig\.caBundle: Invalid value: "bm9uc2Vuc2U=": unable to load root certificates: unable to parse/);
});
