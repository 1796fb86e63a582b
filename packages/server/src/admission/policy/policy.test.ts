import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, startedServer } from '../../../test/server.ts';
import type { StandardServer } from '../../standard-server.ts';

const API = '/apis/admissionregistration.k8s.io/v1';
const MAPS = '/api/v1/namespaces/default/configmaps';
const RULE = { apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE'] };

async function put(server: StandardServer, resource: string, kind: string, name: string, spec: object): Promise<any> {
  const body = { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name }, spec };
  const answer = await call(server, 'POST', `${API}/${resource}`, body);
  assert.equal(answer.code, 201, JSON.stringify(answer.object));
  return answer.object;
}

async function validating(server: StandardServer, spec: object, binding: object = {}): Promise<void> {
  const matchConstraints = { resourceRules: [RULE] };
  await put(server, 'validatingadmissionpolicies', 'ValidatingAdmissionPolicy', 'rule', { matchConstraints, ...spec });
  const bound = { policyName: 'rule', validationActions: ['Deny'], ...binding };
  await put(server, 'validatingadmissionpolicybindings', 'ValidatingAdmissionPolicyBinding', 'bound', bound);
}

async function mutating(server: StandardServer, name: string, spec: object): Promise<void> {
  const matchConstraints = { resourceRules: [RULE] };
  const whole = { matchConstraints, reinvocationPolicy: 'Never', ...spec };
  await put(server, 'mutatingadmissionpolicies', 'MutatingAdmissionPolicy', name, whole);
  await put(server, 'mutatingadmissionpolicybindings', 'MutatingAdmissionPolicyBinding', name, { policyName: name });
}

const map = (name: string, data: object = {}, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...more },
  data,
});
const create = (server: StandardServer, ...args: Parameters<typeof map>) => call(server, 'POST', MAPS, map(...args));

test('a policy denies with its message and reason', async () => {
  await using server = await startedServer();
  await validating(server, {
    variables: [{ name: 'mode', expression: "object.?data.mode.orValue('none')" }],
    validations: [
      { expression: "variables.mode != 'bad'", messageExpression: "'mode is ' + variables.mode", reason: 'Forbidden' },
      { expression: 'request.name != "nope" && request.userInfo.username != ""' },
    ],
  });
  assert.equal((await create(server, 'fine')).code, 201);
  const bad = await create(server, 'bad', { mode: 'bad' });
  assert.equal(bad.code, 403);
  const message = `ValidatingAdmissionPolicy 'rule' with binding 'bound' denied request: mode is bad`;
  assert.equal(bad.object.message, `configmaps "bad" is forbidden: ${message}`);
  assert.deepEqual(bad.object.details.causes, [{ message }]);
  const nope = await create(server, 'nope');
  assert.equal(nope.code, 422);
  assert.equal(nope.object.reason, 'Invalid');
  assert.match(nope.object.message, /denied request: failed expression: request.name != "nope"/);
});

test('conditions, selectors, warnings, and errors under the failure policy', async () => {
  await using server = await startedServer();
  await validating(
    server,
    {
      failurePolicy: 'Ignore',
      matchConditions: [{ name: 'not-skipped', expression: "!has(object.metadata.labels) || !('skip' in object.metadata.labels)" }],
      validations: [{ expression: "object.data.mode != 'bad'", message: 'bad mode' }],
    },
    { validationActions: ['Warn'] },
  );
  const warned = await create(server, 'a', { mode: 'bad' });
  assert.equal(warned.code, 201);
  assert.deepEqual(warned.warnings, ["Validation failed for ValidatingAdmissionPolicy 'rule' with binding 'bound': bad mode"]);
  assert.deepEqual((await create(server, 'b', { mode: 'bad' }, { labels: { skip: '' } })).warnings, []);
  // data.mode is missing: an error, which this policy ignores.
  assert.deepEqual((await create(server, 'c')).warnings, []);
});

test('parameters come from the objects that a binding names', async () => {
  await using server = await startedServer();
  assert.equal((await create(server, 'limits', { max: '2' })).code, 201);
  await validating(
    server,
    {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      validations: [{ expression: 'object.data.size() <= int(params.data.max)' }],
    },
    { paramRef: { name: 'limits', namespace: 'default', parameterNotFoundAction: 'Deny' } },
  );
  assert.equal((await create(server, 'few', { a: '', b: '' })).code, 201);
  assert.equal((await create(server, 'many', { a: '', b: '', c: '' })).code, 422);
});

test('expressions may ask the authorizer', async () => {
  await using server = await startedServer();
  await validating(server, {
    validations: [{ expression: "authorizer.group('').resource('secrets').namespace('default').check('get').allowed()" }],
  });
  const user = { name: 'ann', groups: ['system:authenticated'] };
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'maps' },
    rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['*'] }],
  };
  const roles = '/apis/rbac.authorization.k8s.io/v1';
  await call(server, 'POST', `${roles}/clusterroles`, role);
  const subjects = [{ kind: 'User', name: 'ann', apiGroup: 'rbac.authorization.k8s.io' }];
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'maps' };
  await call(server, 'POST', `${roles}/clusterrolebindings`, {
    apiVersion: role.apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'maps' },
    subjects,
    roleRef,
  });
  assert.equal((await call(server, 'POST', MAPS, map('mine'), user)).code, 422);
  assert.equal((await call(server, 'POST', MAPS, map('ours'))).code, 201);
});

test('a mutating policy merges a configuration or patches', async () => {
  await using server = await startedServer();
  const expression = 'Object{metadata: Object.metadata{annotations: {"by": "policy"}, labels: {"n": string(object.data.size())}}}';
  await mutating(server, 'a-apply', {
    mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
    reinvocationPolicy: 'IfNeeded',
  });
  const patch = '[JSONPatch{op: "add", path: "/data/" + jsonpatch.escapeKey("x/y").replace("~1", "-"), value: "1"}]';
  await mutating(server, 'b-patch', { mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: patch } }] });
  const { code, object } = await create(server, 'one', { a: '' });
  assert.equal(code, 201);
  assert.deepEqual(object.data, { a: '', 'x-y': '1' });
  assert.deepEqual(object.metadata.annotations, { by: 'policy' });
  assert.deepEqual(object.metadata.labels, { n: '2' });
});

test('a mutation that cannot be made denies', async () => {
  await using server = await startedServer();
  const expression = 'Object{metadata: Object.metadata{nope: "x"}}';
  await mutating(server, 'bad', { mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }] });
  const { code, object } = await create(server, 'one');
  assert.equal(code, 403);
  assert.match(object.message, /^policy 'bad' with binding 'bad' denied request: error applying patch: .*nope/);
});
