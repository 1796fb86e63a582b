// Webhooks against a whole server: other forms of a resource, connections, custom resources.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime, seededRandom } from '@tiphys/runtime';
import { memoryStore } from '@tiphys/storage';
import type { SubresourceHandler } from '../../interfaces.ts';
import { testServer } from '../../verbs/testing.ts';
import type { WebhookCaller } from './call.ts';
import { mutatingWebhooks } from './mutating.ts';
import { validatingWebhooks } from './validating.ts';

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1';

async function world(answer: (request: any) => object) {
  const requests: any[] = [];
  const caller: WebhookCaller = {
    async call(_config, body) {
      const { request } = body as any;
      requests.push(request);
      return { kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', response: { uid: request.uid, ...answer(request) } };
    },
    close: () => {},
  };
  const options = { caller, random: seededRandom(1) };
  const attached: SubresourceHandler = {
    group: '',
    resource: 'pods',
    subresource: 'attach',
    handle: async () => ({ status: 200, headers: {}, body: { kind: 'empty' } }),
  };
  const server = await testServer({
    runtime: realRuntime(),
    store: memoryStore(),
    definitions: builtinDefinitions(),
    admission: [mutatingWebhooks(options, []), validatingWebhooks(options)],
    subresourceHandlers: [attached],
  });
  return Object.assign(server, { requests });
}

const configuration = (kind: 'Mutating' | 'Validating', rule: object, more: object = {}) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: `${kind}WebhookConfiguration`,
  metadata: { name: 'all' },
  webhooks: [
    {
      name: 'a.example.com',
      rules: [{ operations: ['*'], ...rule }],
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      clientConfig: { url: 'https://x/' },
      ...more,
    },
  ],
});
const AUTOSCALING_V1 = { apiGroups: ['autoscaling'], apiVersions: ['v1'], resources: ['horizontalpodautoscalers'] };
const SCALERS_V2 = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers';
const scaler = (name: string) => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name },
  spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' } },
});

test('a webhook whose rules name another version sees and changes that form', async () => {
  await using server = await world(() => ({
    allowed: true,
    patchType: 'JSONPatch',
    patch: Buffer.from('[{"op":"replace","path":"/spec/maxReplicas","value":7}]').toString('base64'),
  }));
  await server.answer('POST', `${CONFIGURATIONS}/mutatingwebhookconfigurations`, configuration('Mutating', AUTOSCALING_V1));
  const created = await server.answer('POST', `${SCALERS_V2}?fieldManager=me`, scaler('a'));
  assert.equal(created.status, 201, JSON.stringify(created.object));
  assert.deepEqual([created.object.apiVersion, created.object.spec.maxReplicas], ['autoscaling/v2', 7]);
  const [request] = server.requests;
  assert.deepEqual(request.kind, { group: 'autoscaling', version: 'v1', kind: 'HorizontalPodAutoscaler' });
  assert.deepEqual(request.resource, { group: 'autoscaling', version: 'v1', resource: 'horizontalpodautoscalers' });
  assert.deepEqual(request.requestResource, { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' });
  assert.equal(request.object.apiVersion, 'autoscaling/v1');
  assert.deepEqual(request.options, { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me' });
});

test('matchPolicy Exact asks for exactly what the rules name', async () => {
  await using server = await world(() => ({ allowed: false }));
  const exact = configuration('Validating', AUTOSCALING_V1, { matchPolicy: 'Exact' });
  await server.answer('POST', `${CONFIGURATIONS}/validatingwebhookconfigurations`, exact);
  assert.equal((await server.answer('POST', SCALERS_V2, scaler('a'))).status, 201);
  assert.equal(server.requests.length, 0);
});

test('connections are admitted with their options', async () => {
  await using server = await world(() => ({ allowed: false, status: { message: 'not allowed' } }));
  const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['pods/attach'] };
  const hooks = configuration('Validating', { ...rule, operations: ['CONNECT'] });
  await server.answer('POST', `${CONFIGURATIONS}/validatingwebhookconfigurations`, hooks);
  const refused = await server.answer('POST', '/api/v1/namespaces/default/pods/web/attach?stdin=true&container=c');
  assert.equal(refused.object.message, 'admission webhook "a.example.com" denied the request: not allowed');
  const [request] = server.requests;
  assert.deepEqual(request.kind, { group: '', version: 'v1', kind: 'PodAttachOptions' });
  assert.deepEqual([request.operation, request.name, request.subResource, request.options], ['CONNECT', 'web', 'attach', null]);
  assert.deepEqual(request.object, { kind: 'PodAttachOptions', apiVersion: 'v1', stdin: true, container: 'c' });
});

test('a patch for something that is deleted, or that can’t be applied, is an error', async () => {
  let patch = '[{"op":"add","path":"/metadata/labels","value":{}}]';
  await using server = await world(({ operation }) =>
    operation === 'CREATE' ? { allowed: true } : { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(patch).toString('base64') },
  );
  const rule = { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] };
  const hooks = configuration('Mutating', rule, { failurePolicy: 'Ignore' });
  await server.answer('POST', `${CONFIGURATIONS}/mutatingwebhookconfigurations`, hooks);
  const maps = '/api/v1/namespaces/default/configmaps';
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
  await server.answer('POST', maps, map);
  const { object } = await server.answer('DELETE', `${maps}/a`);
  assert.equal(
    object.message,
    'Internal error occurred: admission webhook "a.example.com" attempted to modify the object, which is not supported for this operation',
  );
  patch = '[{"op":"remove","path":"/data/none"}]';
  assert.equal((await server.answer('PUT', `${maps}/a`, { ...map, data: { x: 'y' } })).status, 500);
  patch = 'no JSON';
  assert.equal((await server.answer('PUT', `${maps}/a`, { ...map, data: { x: 'y' } })).status, 200, 'a webhook that fails is ignored');
});

test('of a scale subresource a webhook sees and changes the Scale', async () => {
  await using server = await world(({ subResource }) =>
    subResource === 'scale'
      ? {
          allowed: true,
          patchType: 'JSONPatch',
          patch: Buffer.from('[{"op":"replace","path":"/spec/replicas","value":5}]').toString('base64'),
        }
      : { allowed: true },
  );
  const rule = { apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments/scale'] };
  await server.answer('POST', `${CONFIGURATIONS}/mutatingwebhookconfigurations`, configuration('Mutating', rule));
  const deployments = '/apis/apps/v1/namespaces/default/deployments';
  const labels = { app: 'web' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: { selector: { matchLabels: labels }, template },
  };
  assert.equal((await server.answer('POST', deployments, deployment)).status, 201);
  const merge = { 'content-type': 'application/merge-patch+json' };
  const scaled = await server.answer('PATCH', `${deployments}/web/scale`, { spec: { replicas: 3 } }, merge);
  assert.equal(scaled.object.spec?.replicas, 5, JSON.stringify(scaled.object));
  const [request] = server.requests;
  assert.deepEqual(request.kind, { group: 'autoscaling', version: 'v1', kind: 'Scale' });
  assert.deepEqual([request.object.spec.replicas, request.oldObject.spec.replicas], [3, 1]);
  assert.equal((await server.ask('GET', `${deployments}/web`)).spec.replicas, 5);
});
