// Create, update, patch, delete: results, conflicts, finalizers, dry runs, with upstream's words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { APPLY, configMap, JSON_PATCH, MERGE, STRATEGIC, testServer } from './testing.ts';

const MAPS = '/api/v1/namespaces/a/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/a/deployments';

const deployment = (name: string, replicas = 1) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
});

test('create fills in what the system owns and refuses a name that is taken', async () => {
  await using t = await testServer();
  const created = await t.answer('POST', MAPS, {
    ...configMap('x'),
    metadata: { name: 'x', uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z' },
  });
  assert.equal(created.status, 201);
  const { metadata } = created.object;
  assert.match(metadata.uid, /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  assert.deepEqual([metadata.namespace, metadata.resourceVersion, metadata.creationTimestamp], ['a', '2', '2026-01-01T00:00:00Z']);
  const again = await t.ask('POST', MAPS, configMap('x'));
  assert.deepEqual([again.code, again.reason, again.message], [409, 'AlreadyExists', 'configmaps "x" already exists']);
  const elsewhere = await t.ask('POST', MAPS, { ...configMap('y'), metadata: { name: 'y', namespace: 'b' } });
  assert.equal(elsewhere.message, 'the namespace of the provided object does not match the namespace sent on the request');
  const bad = await t.ask('POST', MAPS, configMap('Not_A_Name'));
  assert.deepEqual([bad.code, bad.details.causes[0].field], [422, 'metadata.name']);
});

test('generateName gives different names', async () => {
  await using t = await testServer();
  const names = new Set<string>();
  for (let i = 0; i < 20; i++) names.add((await t.ask('POST', MAPS, { metadata: { generateName: 'x-' } })).metadata.name);
  assert.equal(names.size, 20);
  for (const name of names) assert.match(name, /^x-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
});

test('a version sent with what is to be created: refused for a create, shown by a dry run, else nothing', async () => {
  await using t = await testServer();
  const of = (name: string, resourceVersion: string) => ({ ...configMap(name), metadata: { name, resourceVersion } });
  const refused = await t.ask('POST', MAPS, of('a', '5'));
  assert.deepEqual([refused.code, refused.message], [500, 'resourceVersion should not be set on objects to be created']);
  assert.equal((await t.ask('POST', MAPS, { metadata: { name: 'Bad_Name', resourceVersion: '5' } })).code, 422);
  assert.equal((await t.ask('POST', `${MAPS}?dryRun=All`, of('a', '5'))).metadata.resourceVersion, '5');
  assert.equal((await t.ask('POST', `${MAPS}?dryRun=All`, of('a', 'x"'))).metadata.resourceVersion, 'x"');
  assert.match((await t.ask('POST', MAPS, of('a', 'x'))).metadata.resourceVersion, /^\d+$/);
  assert.match((await t.ask('POST', MAPS, of('b', '0'))).metadata.resourceVersion, /^[1-9]\d*$/);
});

test('update demands the newest version, and writes nothing when nothing changes', async () => {
  await using t = await testServer();
  const first = await t.ask('POST', MAPS, configMap('x', { a: '1' }));
  const second = await t.ask('PUT', `${MAPS}/x`, { ...first, data: { a: '2' } });
  assert.equal(second.metadata.resourceVersion, '3');
  const stale = await t.ask('PUT', `${MAPS}/x`, { ...first, data: { a: '3' } });
  assert.equal(
    stale.message,
    'Operation cannot be fulfilled on configmaps "x": the object has been modified; please apply your changes to the latest version and try again',
  );
  const same = await t.ask('PUT', `${MAPS}/x`, { ...second });
  assert.equal(same.metadata.resourceVersion, '3');
  const unconditional = await t.ask('PUT', `${MAPS}/x`, configMap('x', { a: '4' }));
  assert.deepEqual([unconditional.metadata.resourceVersion, unconditional.metadata.uid], ['4', first.metadata.uid]);
  assert.equal((await t.ask('PUT', `${MAPS}/y`, configMap('y'))).code, 404);
  const misnamed = await t.ask('PUT', `${MAPS}/x`, configMap('z'));
  assert.equal(misnamed.message, 'the name of the object (z) does not match the name on the URL (x)');
  const otherUid = await t.ask('PUT', `${MAPS}/x`, { ...configMap('x'), metadata: { name: 'x', uid: 'other' } });
  assert.equal(otherUid.code, 409);
});

test('the four kinds of patch', async () => {
  await using t = await testServer();
  await t.ask('POST', DEPLOYMENTS, deployment('d'));
  const merged = await t.ask('PATCH', `${DEPLOYMENTS}/d`, { spec: { replicas: 3 } }, MERGE);
  assert.deepEqual([merged.spec.replicas, merged.metadata.generation], [3, 2]);
  const patched = await t.ask('PATCH', `${DEPLOYMENTS}/d`, [{ op: 'add', path: '/metadata/labels', value: { l: 'v' } }], JSON_PATCH);
  assert.deepEqual([patched.metadata.labels, patched.metadata.generation], [{ l: 'v' }, 2]);
  const containers = [{ name: 'side', image: 's' }];
  const strategic = await t.ask('PATCH', `${DEPLOYMENTS}/d`, { spec: { template: { spec: { containers } } } }, STRATEGIC);
  assert.deepEqual(
    strategic.spec.template.spec.containers.map((c: any) => c.name),
    ['side', 'c'],
  );
  const applied = await t.answer('PATCH', `${DEPLOYMENTS}/e?fieldManager=me`, deployment('e', 2), APPLY);
  assert.deepEqual([applied.status, applied.object.metadata.managedFields[0].operation], [201, 'Apply']);
  const conflict = await t.ask('PATCH', `${DEPLOYMENTS}/e?fieldManager=you`, deployment('e', 5), APPLY);
  assert.deepEqual(
    [conflict.code, conflict.details.causes[0].reason, conflict.details.causes[0].field],
    [409, 'FieldManagerConflict', '.spec.replicas'],
  );
  const forced = await t.ask('PATCH', `${DEPLOYMENTS}/e?fieldManager=you&force=true`, deployment('e', 5), APPLY);
  assert.equal(forced.spec.replicas, 5);
  const unknown = await t.ask('PATCH', `${DEPLOYMENTS}/e`, {}, { 'content-type': 'text/plain' });
  assert.deepEqual([unknown.code, unknown.reason], [415, 'UnsupportedMediaType']);
  assert.equal((await t.ask('PATCH', `${DEPLOYMENTS}/none`, {}, MERGE)).code, 404);
});

test('patches of one object side by side all take effect', async () => {
  await using t = await testServer();
  await t.ask('POST', MAPS, configMap('x'));
  await Promise.all(Array.from({ length: 20 }, (_, i) => t.ask('PATCH', `${MAPS}/x`, { data: { [`k${i}`]: 'v' } }, MERGE)));
  assert.equal(Object.keys((await t.ask('GET', `${MAPS}/x`)).data).length, 20);
});

test('unknown fields: an error, a warning, or nothing', async () => {
  await using t = await testServer();
  const body = { ...configMap('x'), nonsense: 1 };
  const strict = await t.ask('POST', `${MAPS}?fieldValidation=Strict`, body);
  assert.match(strict.message, /strict decoding error: unknown field "nonsense"$/);
  const warned = await t.answer('POST', `${MAPS}?fieldValidation=Warn`, body);
  assert.deepEqual([warned.status, warned.warnings, warned.object.nonsense], [201, ['unknown field "nonsense"'], undefined]);
  assert.equal((await t.answer('PUT', `${MAPS}/x?fieldValidation=Ignore`, body)).warnings, undefined);
});

test('keys that come twice in a configuration: an error, a warning, or nothing', async () => {
  await using t = await testServer();
  const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\ndata:\n  a: b\n  a: c\n';
  const apply = (validation: string, body = text) =>
    t.answer('PATCH', `${MAPS}/x?fieldManager=me&fieldValidation=${validation}`, Buffer.from(body), APPLY);
  const strict = await apply('Strict');
  assert.equal(
    strict.object.message,
    'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 7: key "a" already set in map',
  );
  const warned = await apply('Warn');
  assert.deepEqual([warned.status, warned.warnings, warned.object.data], [201, ['line 7: key "a" already set in map'], { a: 'c' }]);
  assert.equal((await apply('Ignore')).warnings, undefined);
  const json = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"b","a":"c"}}';
  assert.deepEqual((await apply('Warn', json)).warnings, ['line 1: key "a" already set in map']);
});

test('a dry run changes nothing', async () => {
  await using t = await testServer();
  const created = await t.ask('POST', `${MAPS}?dryRun=All`, configMap('x'));
  assert.equal(created.metadata.name, 'x');
  assert.equal((await t.ask('GET', `${MAPS}/x`)).code, 404);
  await t.ask('POST', MAPS, configMap('x', { a: '1' }));
  const revision = t.store.revision;
  assert.deepEqual((await t.ask('PATCH', `${MAPS}/x?dryRun=All`, { data: { a: '2' } }, MERGE)).data, { a: '2' });
  await t.ask('DELETE', `${MAPS}/x?dryRun=All`);
  await t.ask('DELETE', `${MAPS}?dryRun=All`);
  assert.deepEqual([(await t.ask('GET', `${MAPS}/x`)).data, t.store.revision], [{ a: '1' }, revision]);
  assert.match((await t.ask('POST', `${MAPS}?dryRun=Some`, configMap('y'))).message, /Unsupported value: \["Some"\]/);
});

test('finalizers keep an object until the last one goes', async () => {
  await using t = await testServer();
  await t.ask('POST', MAPS, { metadata: { name: 'x', finalizers: ['example.com/hold'] } });
  const marked = await t.ask('DELETE', `${MAPS}/x`);
  assert.deepEqual([marked.metadata.deletionTimestamp, marked.metadata.deletionGracePeriodSeconds], ['2026-01-01T00:00:00Z', 0]);
  const again = await t.ask('DELETE', `${MAPS}/x`, { gracePeriodSeconds: 0 });
  assert.equal(again.metadata.resourceVersion, marked.metadata.resourceVersion);
  const taken = await t.ask('POST', MAPS, configMap('x'));
  assert.equal(taken.message, 'object is being deleted: configmaps "x" already exists');
  const added = await t.ask('PATCH', `${MAPS}/x`, { metadata: { finalizers: ['example.com/hold', 'example.com/more'] } }, MERGE);
  assert.match(added.message, /no new finalizers can be added if the object is being deleted/);
  assert.equal((await t.answer('PATCH', `${MAPS}/x`, { metadata: { finalizers: null } }, MERGE)).status, 200);
  assert.equal((await t.ask('GET', `${MAPS}/x`)).code, 404);
});

test('propagation policies become finalizers; preconditions are kept', async () => {
  await using t = await testServer();
  const { metadata } = await t.ask('POST', DEPLOYMENTS, deployment('d'));
  const other = await t.ask('DELETE', `${DEPLOYMENTS}/d`, { preconditions: { uid: 'other' } });
  assert.equal(other.code, 409);
  const foreground = await t.ask('DELETE', `${DEPLOYMENTS}/d`, { propagationPolicy: 'Foreground', preconditions: { uid: metadata.uid } });
  assert.deepEqual(foreground.metadata.finalizers, ['foregroundDeletion']);
  await t.ask('POST', DEPLOYMENTS, deployment('o'));
  assert.deepEqual((await t.ask('DELETE', `${DEPLOYMENTS}/o?propagationPolicy=Orphan`)).metadata.finalizers, ['orphan']);
  await t.ask('POST', DEPLOYMENTS, deployment('b'));
  const gone = await t.ask('DELETE', `${DEPLOYMENTS}/b`);
  assert.deepEqual([gone.status, gone.details.name, gone.details.kind, gone.details.group], ['Success', 'b', 'deployments', 'apps']);
});

test('deletecollection takes what is selected', async () => {
  await using t = await testServer();
  for (let i = 0; i < 6; i++) await t.ask('POST', MAPS, configMap(`x${i}`, {}, { odd: String(i % 2) }));
  await t.ask('DELETE', `${MAPS}?labelSelector=odd%3D1`);
  assert.deepEqual(
    (await t.ask('GET', MAPS)).items.map((i: any) => i.metadata.name),
    ['x0', 'x2', 'x4'],
  );
});

test('status and the rest are written apart', async () => {
  await using t = await testServer();
  const created = await t.ask('POST', DEPLOYMENTS, { ...deployment('d'), status: { replicas: 9 } });
  assert.equal(created.status?.replicas ?? 0, 0);
  const status = await t.ask('PUT', `${DEPLOYMENTS}/d/status`, {
    ...created,
    spec: { ...created.spec, replicas: 7 },
    status: { replicas: 2 },
  });
  assert.deepEqual([status.spec.replicas, status.status.replicas, status.metadata.generation], [1, 2, 1]);
  const spec = await t.ask('PATCH', `${DEPLOYMENTS}/d`, { spec: { replicas: 4 }, status: { replicas: 5 } }, MERGE);
  assert.deepEqual([spec.spec.replicas, spec.status.replicas, spec.metadata.generation], [4, 2, 2]);
});

test('a JSON patch can add to a status that is not there yet', async () => {
  await using server = await testServer();
  const claims = '/apis/resource.k8s.io/v1/namespaces/default/resourceclaims';
  await server.ask('POST', '/api/v1/namespaces', { metadata: { name: 'default' } });
  await server.ask('POST', claims, { metadata: { name: 'a' }, spec: {} });
  const patch = [{ op: 'add', path: '/status/allocation', value: {} }];
  const patched = await server.ask('PATCH', `${claims}/a/status`, patch, JSON_PATCH);
  assert.deepEqual(patched.status, { allocation: { devices: {} } });
  const labelled = await server.ask('PATCH', `${claims}/a`, [{ op: 'add', path: '/metadata/labels', value: { x: 'y' } }], JSON_PATCH);
  assert.deepEqual(labelled.status, { allocation: { devices: {} } });
});

test('scale reads and writes the replicas', async () => {
  await using t = await testServer();
  await t.ask('POST', DEPLOYMENTS, deployment('d', 2));
  const scale = await t.ask('GET', `${DEPLOYMENTS}/d/scale`);
  assert.deepEqual([scale.kind, scale.spec.replicas, scale.status.selector], ['Scale', 2, 'app=d']);
  const accept = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
  const table = await t.ask('GET', `${DEPLOYMENTS}/d/scale`, undefined, accept);
  assert.deepEqual(
    table.columnDefinitions.map(({ name }: any) => name),
    ['Name', 'Desired', 'Available', 'Age'],
  );
  assert.deepEqual(table.rows[0].cells.slice(0, 3), ['d', 2, 0]);
  await t.ask('PUT', `${DEPLOYMENTS}/d/scale`, { ...scale, spec: { replicas: 5 } });
  await t.ask('PATCH', `${DEPLOYMENTS}/d/scale`, { spec: { replicas: 6 } }, MERGE);
  assert.equal((await t.ask('GET', `${DEPLOYMENTS}/d`)).spec.replicas, 6);
  assert.equal((await t.ask('PUT', `${DEPLOYMENTS}/d/scale`, { ...scale, spec: { replicas: -1 }, metadata: { name: 'd' } })).code, 422);
});

test('an upsert creates what its kind allows', async () => {
  await using t = await testServer();
  const lease = { metadata: { name: 'l' }, spec: { holderIdentity: 'me' } };
  assert.equal((await t.answer('PUT', '/apis/coordination.k8s.io/v1/namespaces/a/leases/l', lease)).status, 201);
});
