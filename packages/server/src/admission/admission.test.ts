import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, startedServer } from '../../test/server.ts';
import type { StandardServer } from '../standard-server.ts';

const PODS = '/api/v1/namespaces/default/pods';
const container = (resources?: object) => ({ name: 'main', image: 'image:1', ...(resources ? { resources } : {}) });
const pod = (name: string, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [container()], ...spec },
});

async function withAccount(): Promise<StandardServer> {
  const server = await startedServer();
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' }, imagePullSecrets: [{ name: 'pull' }] };
  assert.equal((await call(server, 'POST', '/api/v1/namespaces/default/serviceaccounts', account)).code, 201);
  return server;
}

async function created(server: StandardServer, url: string, object: object): Promise<any> {
  const answer = await call(server, 'POST', url, object);
  assert.equal(answer.code, 201, JSON.stringify(answer.object));
  return answer.object;
}

async function refused(server: StandardServer, url: string, object: object, code = 403): Promise<string> {
  const answer = await call(server, 'POST', url, object);
  assert.equal(answer.code, code, JSON.stringify(answer.object));
  return answer.object.message;
}

test('a pod gets its account, token, priority and tolerations', async () => {
  await using server = await withAccount();
  const { spec } = await created(server, PODS, pod('web'));
  assert.equal(spec.serviceAccountName, 'default');
  assert.deepEqual(spec.imagePullSecrets, [{ name: 'pull' }]);
  const [volume] = spec.volumes;
  assert.match(volume.name, /^kube-api-access-[bcdfghjklmnpqrstvwxz2-9]{5}$/);
  assert.deepEqual(volume.projected, {
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
    ],
    defaultMode: 420,
  });
  assert.deepEqual(spec.containers[0].volumeMounts, [
    { name: volume.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
  ]);
  assert.deepEqual([spec.priority, spec.preemptionPolicy, spec.priorityClassName], [0, 'PreemptLowerPriority', undefined]);
  assert.deepEqual(spec.tolerations, [
    { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
  ]);
  const declined = await created(
    server,
    PODS,
    pod('declined', { automountServiceAccountToken: false, priorityClassName: 'system-node-critical' }),
  );
  assert.deepEqual([declined.spec.volumes, declined.spec.priority], [undefined, 2_000_001_000]);
});

test('pods that name what isn’t there are refused', async () => {
  await using server = await withAccount();
  const cases: [object, string][] = [
    [{ serviceAccountName: 'ghost' }, 'error looking up service account default/ghost: serviceaccount "ghost" not found'],
    [{ serviceAccountName: 'a/b' }, `error looking up service account default/a/b: invalid resource name "a/b": [may not contain '/']`],
    [{ priorityClassName: 'ghost' }, 'no PriorityClass with name ghost was found'],
    [
      { priority: 7 },
      'the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name',
    ],
    [{ runtimeClassName: 'ghost' }, 'pod rejected: RuntimeClass "ghost" not found'],
    [{ overhead: {} }, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead'],
    [{ overhead: { cpu: '1' } }, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead'],
  ];
  for (const [spec, why] of cases) assert.equal(await refused(server, PODS, pod('a', spec)), `pods "a" is forbidden: ${why}`);
  assert.equal(await refused(server, PODS, pod('a', { runtimeClassName: '' }), 500), 'resource name may not be empty');
  assert.equal(
    await refused(server, PODS, pod('a', { runtimeClassName: 'a/b' }), 500),
    `invalid resource name "a/b": [may not contain '/']`,
  );
});

test('namespaces: gone, going and immortal ones', async () => {
  await using server = await withAccount();
  const missing = await call(server, 'POST', '/api/v1/namespaces/nowhere/configmaps', { metadata: { name: 'a' } });
  assert.deepEqual([missing.code, missing.object.message], [404, 'namespaces "nowhere" not found']);
  await created(server, '/api/v1/namespaces', { metadata: { name: 'going' } });
  assert.equal((await call(server, 'DELETE', '/api/v1/namespaces/going')).code, 200);
  const late = await call(server, 'POST', '/api/v1/namespaces/going/configmaps', { metadata: { name: 'a' } });
  assert.equal(late.code, 403);
  assert.equal(
    late.object.message,
    'configmaps "a" is forbidden: unable to create new content in namespace going because it is being terminated',
  );
  assert.deepEqual(late.object.details.causes, [
    { reason: 'NamespaceTerminating', message: 'namespace going is being terminated', field: 'metadata.namespace' },
  ]);
  const immortal = await call(server, 'DELETE', '/api/v1/namespaces/kube-system');
  assert.deepEqual(
    [immortal.code, immortal.object.message],
    [403, 'namespaces "kube-system" is forbidden: this namespace may not be deleted'],
  );
});

test('limit ranges fill in and refuse', async () => {
  await using server = await withAccount();
  const limits = [
    { type: 'Container', default: { cpu: '500m' }, defaultRequest: { cpu: '100m' }, max: { cpu: '1' }, min: { cpu: '50m' } },
    { type: 'Pod', max: { memory: '1Gi' } },
  ];
  await created(server, '/api/v1/namespaces/default/limitranges', { metadata: { name: 'range' }, spec: { limits: limits.slice(0, 1) } });
  const filled = await created(server, PODS, pod('filled'));
  assert.deepEqual(filled.spec.containers[0].resources, { limits: { cpu: '500m' }, requests: { cpu: '100m' } });
  assert.equal(
    filled.metadata.annotations['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: cpu request for container main; cpu limit for container main',
  );
  const big = pod('big', { containers: [container({ limits: { cpu: '2' }, requests: { cpu: '10m' } })] });
  assert.equal(
    await refused(server, PODS, big),
    'pods "big" is forbidden: [minimum cpu usage per Container is 50m, but request is 10m, maximum cpu usage per Container is 1, but limit is 2]',
  );
  await created(server, '/api/v1/namespaces/default/limitranges', { metadata: { name: 'pods' }, spec: { limits: limits.slice(1) } });
  assert.equal(
    await refused(server, PODS, pod('any')),
    'pods "any" is forbidden: maximum memory usage per Pod is 1Gi.  No limit is specified',
  );
});

async function withQuota(server: StandardServer, hard: Record<string, string>, spec: object = {}): Promise<() => Promise<object>> {
  const url = '/api/v1/namespaces/default/resourcequotas';
  const quota = await created(server, url, { metadata: { name: 'quota' }, spec: { hard, ...spec } });
  const used = Object.fromEntries(Object.keys(hard).map((name) => [name, '0']));
  assert.equal((await call(server, 'PUT', `${url}/quota/status`, { ...quota, status: { hard, used } })).code, 200);
  return async () => (await call(server, 'GET', `${url}/quota`)).object.status.used;
}

test('quotas are charged and not exceeded, however many ask at once', async () => {
  await using server = await withAccount();
  const used = await withQuota(server, { pods: '3', 'requests.cpu': '1' });
  const small = (name: string, cpu: string) => pod(name, { containers: [container({ requests: { cpu } })] });
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => call(server, 'POST', PODS, small(`p${i}`, '100m'))));
  assert.equal(answers.filter((answer) => answer.code === 201).length, 3);
  assert.deepEqual(await used(), { pods: '3', 'requests.cpu': '300m' });
  const over = answers.find((answer) => answer.code === 403)!.object.message as string;
  assert.match(over, /^pods "p\d" is forbidden: exceeded quota: quota, requested: pods=1, used: pods=3, limited: pods=3$/);
  assert.equal(
    await refused(server, PODS, pod('silent')),
    'pods "silent" is forbidden: failed quota: quota: must specify requests.cpu for: main',
  );
});

test('quotas with scopes count what is in scope; dry runs cost nothing', async () => {
  await using server = await withAccount();
  const used = await withQuota(server, { pods: '1' }, { scopes: ['NotBestEffort'] });
  await created(server, PODS, pod('best-effort'));
  assert.deepEqual(await used(), { pods: '0' });
  const burstable = (name: string) => pod(name, { containers: [container({ requests: { cpu: '1' } })] });
  assert.equal((await call(server, 'POST', `${PODS}?dryRun=All`, burstable('dry'))).code, 201);
  assert.deepEqual(await used(), { pods: '0' });
  await created(server, PODS, burstable('one'));
  assert.match(await refused(server, PODS, burstable('two')), /exceeded quota: quota, requested: pods=1, used: pods=1, limited: pods=1/);
});

test('object counts and services by type', async () => {
  await using server = await withAccount();
  const used = await withQuota(server, { 'count/configmaps': '1', services: '5', 'services.nodeports': '1' });
  const configMaps = '/api/v1/namespaces/default/configmaps';
  await created(server, configMaps, { metadata: { name: 'a' } });
  assert.match(await refused(server, configMaps, { metadata: { name: 'b' } }), /exceeded quota: quota, requested: count\/configmaps=1/);
  const service = (name: string, ports: number[]) => ({
    metadata: { name },
    spec: { type: 'NodePort', ports: ports.map((port) => ({ name: `p${port}`, port })) },
  });
  await created(server, '/api/v1/namespaces/default/services', service('one', [80]));
  assert.deepEqual(await used(), { 'count/configmaps': '1', services: '1', 'services.nodeports': '1' });
  assert.match(await refused(server, '/api/v1/namespaces/default/services', service('two', [80])), /requested: services.nodeports=1/);
});
