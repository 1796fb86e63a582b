// What can be told without a server behind; the whole way is tried with real certificates in the package cluster.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@tiphys/api';
import { readerOf } from '../../test/reader-of.ts';
import { call, startedServer } from '../../test/server.ts';
import { until } from '../../test/until.ts';
import { judgeService, withAvailable } from './availability.ts';
import type { ApiService } from './backend.ts';
import { identityHeaders } from './identity.ts';

const apiService = {
  metadata: { name: 'v1.g' },
  spec: { group: 'g', version: 'v1', service: { namespace: 'ns', name: 'api', port: 443 }, groupPriorityMinimum: 1, versionPriority: 1 },
} as ApiService;
const service = (ports: object[]) => ({ kind: 'Service', metadata: { name: 'api', namespace: 'ns' }, spec: { ports } }) as KubeObject;
const slice = (ready: boolean, name = '') =>
  ({
    kind: 'EndpointSlice',
    metadata: { name: 'api-1', namespace: 'ns', labels: { 'kubernetes.io/service-name': 'api' } },
    endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready } }],
    ports: [{ name, port: 8443 }],
  }) as KubeObject;

test('the reasons why a service can’t be used are upstream’s', () => {
  const reader = readerOf();
  const judge = () => judgeService(reader, apiService);
  assert.deepEqual(judge(), { status: 'False', reason: 'ServiceNotFound', message: 'service/api in "ns" is not present' });
  reader.put(service([{ port: 80 }]));
  assert.deepEqual(judge(), {
    status: 'False',
    reason: 'ServicePortError',
    message: 'service/api in "ns" is not listening on port 443',
  });
  reader.put(service([{ port: 443, name: 'https' }]));
  assert.deepEqual(judge(), {
    status: 'False',
    reason: 'EndpointsNotFound',
    message: 'cannot find endpointslices for service/api in "ns"',
  });
  reader.put(slice(false, 'https'));
  assert.deepEqual(judge(), {
    status: 'False',
    reason: 'MissingEndpoints',
    message: 'endpointslices for service/api in "ns" have no addresses with port name "https"',
  });
  reader.put(slice(true, 'https'));
  assert.equal(judge(), undefined, 'the server behind has to be asked');
  assert.equal(judgeService(reader, { ...apiService, spec: { ...apiService.spec!, service: undefined as never } })?.reason, 'Local');
});

test('the condition’s time moves with its status alone, and other conditions stay', () => {
  const judgement = { status: 'True', reason: 'Passed', message: 'all checks passed' };
  const other = { type: 'Other', status: 'True' };
  const old = { type: 'Available', status: 'True', reason: 'Local', message: '', lastTransitionTime: 'before' };
  const status = withAvailable({ ...apiService, status: { conditions: [old, other] } }, judgement, 'now');
  assert.deepEqual(status?.conditions, [{ type: 'Available', ...judgement, lastTransitionTime: 'before' }, other]);
  assert.equal(withAvailable({ ...apiService, status: status! }, judgement, 'later'), undefined);
  const untimed = { ...old, lastTransitionTime: null as never };
  const kept = withAvailable({ ...apiService, status: { conditions: [untimed] } }, judgement, 'now');
  assert.equal(kept?.conditions?.[0]?.lastTransitionTime, null);
});

test('users are told in headers, with keys escaped', () => {
  const user = { name: 'ann', uid: '1', groups: ['dev', 'ops'], extra: { 'Example.com/Scopes': ['a', 'b'] } };
  assert.deepEqual(identityHeaders(user), {
    'x-remote-user': 'ann',
    'x-remote-uid': '1',
    'x-remote-group': ['dev', 'ops'],
    'x-remote-extra-example.com%2Fscopes': ['a', 'b'],
  });
});

test('definitions of custom resources get APIServices, which go with them', async () => {
  await using server = await startedServer();
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const services = '/apis/apiregistration.k8s.io/v1/apiservices';
  const schema = { openAPIV3Schema: { type: 'object' } };
  const version = (name: string, served: boolean) => ({ name, served, storage: name === 'v1', schema });
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Cluster',
      names: { plural: 'things', kind: 'Thing' },
      versions: [version('v1', true), version('v2', false)],
    },
  };
  assert.equal((await call(server, 'POST', crds, crd)).code, 201);
  const local = await until(async () => {
    const { code, object } = await call(server, 'GET', `${services}/v1.example.com`);
    return code === 200 ? object : undefined;
  });
  assert.deepEqual(local.metadata.labels, { 'kube-aggregator.kubernetes.io/automanaged': 'true' });
  assert.deepEqual(local.spec, { group: 'example.com', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 100 });
  const [{ lastTransitionTime, ...condition }] = local.status.conditions;
  assert.ok(lastTransitionTime);
  assert.deepEqual(condition, {
    type: 'Available',
    status: 'True',
    reason: 'Local',
    message: 'Local APIServices are always available',
  });
  assert.equal((await call(server, 'GET', `${services}/v2.example.com`)).code, 404, 'a version that isn’t served has none');

  await call(server, 'DELETE', `${services}/v1.example.com`);
  const again = await until(async () => {
    const { code, object } = await call(server, 'GET', `${services}/v1.example.com`);
    return code === 200 && object.metadata.uid !== local.metadata.uid ? object : undefined;
  });
  assert.ok(again, 'it comes back');
  await call(server, 'DELETE', `${crds}/things.example.com`);
  await until(async () => ((await call(server, 'GET', `${services}/v1.example.com`)).code === 404 ? true : undefined));
});
