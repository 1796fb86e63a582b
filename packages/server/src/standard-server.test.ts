import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADVERTISED, call, startedServer as started } from '../test/server.ts';

test('a new cluster holds what upstream’s holds', async () => {
  await using server = await started();
  const names = async (url: string) => (await call(server, 'GET', url)).object.items.map((each: any) => each.metadata.name);
  assert.deepEqual(await names('/api/v1/namespaces'), ['default', 'kube-node-lease', 'kube-public', 'kube-system']);
  assert.equal((await names('/apis/rbac.authorization.k8s.io/v1/clusterroles')).length, 69);
  assert.deepEqual(await names('/apis/scheduling.k8s.io/v1/priorityclasses'), ['system-cluster-critical', 'system-node-critical']);
  assert.equal((await names('/apis/apiregistration.k8s.io/v1/apiservices')).length, 21);
  assert.equal((await names('/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas')).length, 11);
  const { object: service } = await call(server, 'GET', '/api/v1/namespaces/default/services/kubernetes');
  assert.equal(service.spec.clusterIP, '10.96.0.1');
  assert.deepEqual(service.spec.ports, [{ name: 'https', protocol: 'TCP', port: 443, targetPort: 6443 }]);
  const { object: slice } = await call(server, 'GET', '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes');
  assert.deepEqual(slice.endpoints, [{ addresses: ['192.0.2.1'], conditions: { ready: true } }]);
});

test('bootstrapping again writes nothing, and repairs what was changed', async () => {
  await using server = await started();
  const revision = async () => (await call(server, 'GET', '/api/v1/namespaces')).object.metadata.resourceVersion;
  const before = await revision();
  await server.bootstrap(ADVERTISED);
  assert.equal(await revision(), before);
  const url = '/apis/rbac.authorization.k8s.io/v1/clusterroles/system:kube-dns';
  const { object: role } = await call(server, 'GET', url);
  assert.equal((await call(server, 'PUT', url, { ...role, rules: [{ verbs: ['get'], apiGroups: ['x'], resources: ['y'] }] })).code, 200);
  await server.bootstrap(ADVERTISED);
  const { object: repaired } = await call(server, 'GET', url);
  assert.equal(repaired.rules[0].apiGroups[0], 'x', 'nothing is taken away');
  assert.ok(repaired.rules.length > 1, 'what was missing is back');
});

test('a service account’s token gives its rights and no more', async () => {
  await using server = await started();
  const account = await call(server, 'POST', '/api/v1/namespaces/default/serviceaccounts', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'robot' },
  });
  assert.equal(account.code, 201);
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const issued = await call(server, 'POST', '/api/v1/namespaces/default/serviceaccounts/robot/token', request);
  assert.equal(issued.code, 201, JSON.stringify(issued.object));
  const { token } = issued.object.status;
  const refused = await call(server, 'GET', '/api/v1/namespaces/default/pods', undefined, token);
  assert.equal(refused.code, 403);
  assert.equal(
    refused.object.message,
    'pods is forbidden: User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" in the namespace "default"',
  );
  const binding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'robots' },
    subjects: [{ kind: 'ServiceAccount', name: 'robot', namespace: 'default' }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
  };
  assert.equal((await call(server, 'POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings', binding)).code, 201);
  assert.equal((await call(server, 'GET', '/api/v1/namespaces/default/pods', undefined, token)).code, 200);
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { verb: 'delete', resource: 'pods', namespace: 'default' } },
  };
  const answer = await call(server, 'POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review, token);
  assert.equal(answer.code, 201, JSON.stringify(answer.object));
  assert.equal(answer.object.status.allowed, true);
  const escalation = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'more' },
    rules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
  };
  assert.equal((await call(server, 'POST', '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles', escalation, token)).code, 403);
});

test('the keys of tokens are published', async () => {
  await using server = await started();
  const { object } = await call(server, 'GET', '/openid/v1/jwks');
  assert.deepEqual(Object.keys(object.keys[0]).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  assert.equal((await call(server, 'GET', '/.well-known/openid-configuration')).object.issuer, 'https://kubernetes.default.svc');
});
