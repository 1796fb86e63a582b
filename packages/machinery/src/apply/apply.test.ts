// Field ownership and server-side apply, against upstream's documented behaviour (KEP-555 and structured-merge-diff's rules).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyDefaults, type KubeObject, normalize, type SchemaTable, schemaTable } from '@tiphys/api';
import fc from 'fast-check';
import { tableWithCustomType } from '../schema/convert.ts';
import { mergeTypeOf } from '../schema/merge-type.ts';
import type { StatusError } from '../status-error.ts';
import { compareTyped, fieldsOf } from './compare.ts';
import { difference, type FieldTree, intersection, pathsOf, recursiveDifference, sameTree, union } from './field-tree.ts';
import { serverSideApply } from './server-side-apply.ts';
import { trackUpdate, withTimesKept } from './track-update.ts';

const table: SchemaTable = {
  Deployment: {
    fields: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { ref: 'ObjectMeta' },
      spec: { ref: 'DeploymentSpec' },
      status: { ref: 'DeploymentStatus' },
    },
  },
  ObjectMeta: {
    fields: {
      name: { type: 'string' },
      uid: { type: 'string' },
      labels: { type: 'object', values: { type: 'string' } },
      annotations: { type: 'object', values: { type: 'string' } },
      finalizers: { type: 'array', items: { type: 'string' }, listType: 'set' },
    },
  },
  DeploymentSpec: {
    fields: {
      replicas: { type: 'integer' },
      selector: { ref: 'LabelSelector' },
      ports: { type: 'array', items: { ref: 'Port' }, listType: 'map', listMapKeys: ['port', 'protocol'] },
      containers: { type: 'array', items: { ref: 'Container' }, listType: 'map', listMapKeys: ['name'], required: true },
      args: { type: 'array', items: { type: 'string' }, listType: 'atomic' },
    },
  },
  DeploymentStatus: { fields: { replicas: { type: 'integer' } } },
  LabelSelector: { mapType: 'atomic', fields: { matchLabels: { type: 'object', values: { type: 'string' } } } },
  Port: { fields: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' }, name: { type: 'string' } } },
  Container: { fields: { name: { type: 'string' }, image: { type: 'string' }, args: { type: 'array', items: { type: 'string' } } } },
};
const type = mergeTypeOf(table, 'Deployment');
const tracked = { type, empty: { metadata: {}, spec: { containers: null }, status: {} }, resetFields: { 'f:status': {} } };
const by = (name: string, time = '2026-01-01T00:00:00Z') => ({ name, apiVersion: 'apps/v1', time });

interface Deployment extends KubeObject {
  spec?: Record<string, any>;
  status?: Record<string, any>;
}
const deployment = (spec: Record<string, any>, metadata: object = {}): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', ...metadata },
  spec,
});
const fieldsBy = (object: KubeObject, manager: string) => object.metadata?.managedFields?.find((e) => e.manager === manager)?.fieldsV1;
const stored = (object: Deployment, managedFields: any): Deployment => ({
  ...object,
  metadata: { ...object.metadata, uid: 'u', ...(managedFields ? { managedFields } : {}) },
});

test('a create records leaves, list items by key, and parents that were not there before', () => {
  const object = deployment(
    { replicas: 1, containers: [{ name: 'a', image: 'x' }], ports: [{ port: 80 }], selector: { matchLabels: { a: 'b' } } },
    { labels: { app: 'web' } },
  );
  assert.deepEqual(trackUpdate(undefined, object, by('kubectl-create'), tracked), [
    {
      manager: 'kubectl-create',
      operation: 'Update',
      apiVersion: 'apps/v1',
      time: '2026-01-01T00:00:00Z',
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
        'f:spec': {
          'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {}, 'f:name': {} } },
          'f:ports': { '.': {}, 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } },
          'f:replicas': {},
          'f:selector': {},
        },
      },
    },
  ]);
});

test('an update takes changed fields over, drops removed ones, and leaves an unchanged object alone', () => {
  const first = deployment({ replicas: 1, containers: [{ name: 'a', image: 'x' }] }, { labels: { app: 'web', old: '1' } });
  const live = stored(first, trackUpdate(undefined, first, by('creator'), tracked));
  const changed = stored(deployment({ replicas: 2, containers: [{ name: 'a', image: 'x' }] }, { labels: { app: 'web' } }), undefined);
  const after = { ...changed, metadata: { ...changed.metadata, managedFields: trackUpdate(live, changed, by('scaler'), tracked)! } };
  assert.deepEqual(fieldsBy(after, 'scaler'), { 'f:spec': { 'f:replicas': {} } });
  assert.deepEqual(pathsOf(fieldsBy(after, 'creator') as FieldTree), [
    '.metadata.labels',
    '.metadata.labels.app',
    '.spec.containers[name="a"]',
    '.spec.containers[name="a"].image',
    '.spec.containers[name="a"].name',
  ]);
  assert.deepEqual(trackUpdate(after, after, by('reader', '2027-01-01T00:00:00Z'), tracked), after.metadata.managedFields);
});

test('a list that came empty within a list is a change, though it is stored as absent', () => {
  const role = (rule: object) =>
    normalize<KubeObject>({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'r' },
      rules: [{ verbs: ['get'], ...rule }],
    }).object;
  const roles = { type: mergeTypeOf(schemaTable, 'io.k8s.api.rbac.v1.Role'), empty: { metadata: {} } };
  const created = { ...role({}), metadata: { name: 'r', managedFields: trackUpdate(undefined, role({}), by('one'), roles)! } };
  const updatedBy = (rule: object) => trackUpdate(created, role(rule), by('two'), roles)!.map(({ manager }) => manager);
  assert.deepEqual(updatedBy({ apiGroups: [] }), ['two']);
  assert.deepEqual(updatedBy({}), ['one']);
});

test('an item that is empty in all it says has another shape than one that says something', () => {
  const scaler = (name: string) =>
    ({ kind: 'HorizontalPodAutoscaler', metadata: {}, spec: { scaleTargetRef: { kind: '', name } } }) as KubeObject;
  const scalers = {
    type: mergeTypeOf(schemaTable, 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler'),
    empty: { metadata: {}, spec: { scaleTargetRef: { kind: '', name: '' }, maxReplicas: 0 } },
  };
  const owned = (name: string) =>
    JSON.stringify(trackUpdate(undefined, scaler(name), by('one'), scalers)?.map(({ fieldsV1 }) => fieldsV1) ?? []);
  assert.doesNotMatch(owned(''), /scaleTargetRef/);
  assert.match(owned('d'), /scaleTargetRef/);
});

test('a map that an apply empties stays with its other owner', () => {
  const owners = (object: Deployment) =>
    object.metadata!.managedFields!.map(({ manager, fieldsV1 }) => [manager, JSON.stringify(fieldsV1)]);
  const created = deployment({ selector: { matchLabels: { a: 'b' } } }, { labels: { a: 'one' } });
  created.metadata!.managedFields = trackUpdate(undefined, created, by('creator'), tracked)!;
  const { object: taken } = serverSideApply(created, deployment({}, { labels: { a: 'two' } }), by('one'), tracked, true);
  const { object: left } = serverSideApply(taken, deployment({}), by('one'), tracked);
  assert.equal(left.metadata!.labels, undefined);
  assert.deepEqual(owners(left).slice(1), [['creator', '{"f:metadata":{"f:labels":{}},"f:spec":{"f:selector":{}}}']]);
});

test('an amount in other words within a list is a change, though it is stored in the same', () => {
  const range = (cpu: unknown) => {
    const item = { type: 'Container', default: { cpu } };
    const object = { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'r' }, spec: { limits: [item] } };
    return applyDefaults(normalize<KubeObject>(object).object);
  };
  const ranges = { type: mergeTypeOf(schemaTable, 'io.k8s.api.core.v1.LimitRange'), empty: { metadata: {}, spec: { limits: null } } };
  const managedFields = trackUpdate(undefined, range('500m'), by('one'), ranges)!;
  const updatedBy = (cpu: unknown) =>
    trackUpdate({ ...range('500m'), metadata: { name: 'r', managedFields } }, range(cpu), by('two'), ranges)!.map(({ manager }) => manager);
  assert.deepEqual(updatedBy('500m'), ['one']);
  assert.deepEqual(updatedBy('0.5'), ['two']);
  assert.deepEqual(updatedBy(0.5), ['two']);
});

test('what a manager no longer names leaves the place to those who have it', () => {
  const first = deployment({}, { annotations: { a: '1' } });
  const live = stored(first, trackUpdate(undefined, first, by('creator'), tracked));
  const forced = serverSideApply(live, deployment({}, { annotations: { a: '2' } }), by('applier'), tracked, true);
  const after = serverSideApply(stored(forced.object, forced.object.metadata!.managedFields), deployment({}), by('applier'), tracked);
  assert.deepEqual(after.object.metadata!.annotations, undefined);
  assert.deepEqual(fieldsBy(after.object, 'creator'), { 'f:metadata': { 'f:annotations': {} } });
});

test('a null that is applied unsets a field and empties a key', () => {
  const { object } = serverSideApply(undefined, deployment({ replicas: null }, { labels: { a: null } }), by('one'), tracked);
  assert.deepEqual(object.spec, {});
  assert.deepEqual(object.metadata!.labels, { a: null }, 'left to the form of the type, which has a text there');
});

test('managers: reset, absent, status subresource, cap', () => {
  const object = stored(deployment({ replicas: 1 }), undefined);
  assert.equal(trackUpdate(object, stored(deployment({ replicas: 2 }), undefined), by('x'), tracked), undefined);
  const managedFields = trackUpdate(undefined, deployment({ replicas: 1 }), by('x'), tracked);
  const reset = stored(deployment({ replicas: 2 }), []);
  assert.equal(trackUpdate(stored(deployment({ replicas: 1 }), managedFields), reset, by('x'), tracked), undefined);

  const live = stored(deployment({ replicas: 1 }), managedFields);
  const status = { ...live, status: { replicas: 1 } };
  const entries = trackUpdate(live, status, { ...by('controller'), subresource: 'status' }, { ...tracked, resetFields: { 'f:spec': {} } });
  assert.deepEqual(
    entries?.map((e) => [e.manager, e.subresource, e.fieldsV1]),
    [
      ['controller', 'status', { 'f:status': { 'f:replicas': {} } }],
      ['x', undefined, { 'f:spec': { 'f:replicas': {} } }],
    ],
  );

  let current = live;
  for (let i = 0; i < 14; i++) {
    const next = stored(deployment({ replicas: 1 }, { labels: { ...current.metadata?.labels, [`l${i}`]: 'v' } }), undefined);
    const time = `2026-02-01T00:00:${String(i).padStart(2, '0')}Z`;
    current = stored(next, trackUpdate(current, next, by(`m${i}`, time), tracked));
  }
  assert.equal(current.metadata?.managedFields?.length, 10);
  assert.equal(current.metadata?.managedFields?.filter((e) => e.manager === 'ancient-changes').length, 1);
});

test('a write that changes nothing but times keeps the old ones', () => {
  const object = deployment({ replicas: 1 });
  const old = stored(object, trackUpdate(undefined, object, by('x'), tracked));
  const again = stored(object, trackUpdate(undefined, object, by('x', '2027-01-01T00:00:00Z'), tracked));
  assert.deepEqual(withTimesKept(old, again), old.metadata?.managedFields);
});

test('apply creates, changes, removes what it no longer names and keeps what others own', () => {
  const one = serverSideApply(
    undefined,
    deployment({
      replicas: 3,
      containers: [
        { name: 'a', image: '1' },
        { name: 'b', image: '1' },
      ],
    }),
    by('me'),
    tracked,
  );
  assert.equal(one.changed, true);
  const live = stored(one.object, one.object.metadata?.managedFields);
  const labelled = stored({ ...live, metadata: { ...live.metadata, labels: { theirs: '1' } } }, undefined);
  const current = stored(labelled, trackUpdate(live, labelled, by('other'), tracked));
  const two = serverSideApply(current, deployment({ containers: [{ name: 'a', image: '2' }] }), by('me', '2026-05-05T00:00:00Z'), tracked);
  assert.deepEqual(two.object.spec, { containers: [{ name: 'a', image: '2' }] });
  assert.deepEqual(two.object.metadata?.labels, { theirs: '1' });
  assert.deepEqual(fieldsBy(two.object, 'me'), {
    'f:spec': { 'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {}, 'f:name': {} } } },
  });
  const again = serverSideApply(
    two.object,
    deployment({ containers: [{ name: 'a', image: '2' }] }),
    by('me', '2029-05-05T00:00:00Z'),
    tracked,
  );
  assert.equal(again.changed, false);
  assert.deepEqual(again.object, two.object);
});

test('apply names every conflict and its owner, and force takes over', () => {
  const object = deployment({ replicas: 1, containers: [{ name: 'a', image: '1' }] });
  const live = stored(object, trackUpdate(undefined, object, by('kubectl-edit'), tracked));
  assert.throws(
    () => serverSideApply(live, deployment({ replicas: 2 }), by('me'), tracked),
    (error: StatusError) => {
      assert.equal(error.message, 'Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.replicas');
      assert.deepEqual(error.details?.causes, [
        { reason: 'FieldManagerConflict', message: 'conflict with "kubectl-edit" using apps/v1', field: '.spec.replicas' },
      ]);
      return error.code === 409 && error.reason === 'Conflict';
    },
  );
  assert.throws(() => serverSideApply(live, deployment({ replicas: 2, containers: [{ name: 'a', image: '2' }] }), by('me'), tracked), {
    message:
      'Apply failed with 2 conflicts: conflicts with "kubectl-edit" using apps/v1:\n- .spec.replicas\n- .spec.containers[name="a"].image',
  });
  const forced = serverSideApply(live, deployment({ replicas: 2 }), by('me'), tracked, true).object;
  assert.equal(forced.spec?.replicas, 2);
  assert.deepEqual(fieldsBy(forced, 'me'), { 'f:spec': { 'f:replicas': {} } });
  assert.equal(pathsOf(fieldsBy(forced, 'kubectl-edit') as FieldTree).includes('.spec.replicas'), false);
  // The same value is shared, not fought over.
  const shared = serverSideApply(live, deployment({ replicas: 1 }), by('me'), tracked).object;
  assert.deepEqual(pathsOf(fieldsBy(shared, 'me') as FieldTree), ['.spec.replicas']);
});

test('apply on an object without managers remembers what was there; kubectl takes over its last applied fields', () => {
  const bare = stored(deployment({ replicas: 1 }), undefined);
  assert.throws(() => serverSideApply(bare, deployment({ replicas: 2 }), by('me'), tracked), {
    message: 'Apply failed with 1 conflict: conflict with "before-first-apply" using apps/v1: .spec.replicas',
  });
  const config = deployment({ replicas: 1 });
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(config) };
  const clientSide = deployment({ replicas: 1 }, { annotations });
  const live = stored(clientSide, trackUpdate(undefined, clientSide, by('kubectl-client-side-apply'), tracked));
  const applied = serverSideApply(live, deployment({ replicas: 5 }), by('kubectl'), tracked).object;
  assert.equal(applied.spec?.replicas, 5);
  assert.match(applied.metadata?.annotations?.['kubectl.kubernetes.io/last-applied-configuration'] ?? '', /"replicas":5/);
});

test('apply refuses what the type does not know, another version and managedFields', () => {
  assert.throws(() => serverSideApply(undefined, deployment({ replica: 1 }), by('me'), tracked), {
    code: 500,
    message: 'failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema',
  });
  assert.throws(() => serverSideApply(undefined, { ...deployment({}), apiVersion: 'apps/v1beta1' }, by('me'), tracked), { code: 400 });
  assert.throws(() => serverSideApply(undefined, deployment({}, { managedFields: [{}] }), by('me'), tracked), {
    message: 'metadata.managedFields must be nil',
  });
});

test('lists merge by key in the applied order, others keep their place', () => {
  const live = stored(deployment({ containers: [{ name: 'x' }, { name: 'a' }, { name: 'y' }, { name: 'b' }] }), [
    { manager: 'o', operation: 'Update', apiVersion: 'apps/v1', fieldsType: 'FieldsV1', fieldsV1: {} },
  ]);
  const names = (object: Deployment) => object.spec?.containers.map((c: { name: string }) => c.name);
  const ordered = serverSideApply(
    live,
    deployment({ containers: [{ name: 'b' }, { name: 'a' }, { name: 'n' }] }),
    by('me'),
    tracked,
  ).object;
  assert.deepEqual(names(ordered), ['x', 'y', 'b', 'a', 'n']);
});

const trees = fc.letrec<{ node: FieldTree; tree: FieldTree }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    fc.constant({}),
    fc.tuple(fc.boolean(), tie('tree')).map(([dot, t]) => (dot && Object.keys(t).length ? { '.': {}, ...t } : t)),
  ),
  tree: fc.dictionary(fc.constantFrom('f:a', 'f:b', 'k:{"n":1}', 'v:"x"'), tie('node'), { maxKeys: 3, noNullPrototype: true }),
})).tree;
const asSet = (tree: FieldTree) => new Set(pathsOf(tree));

test('property: trees behave as sets of paths', () => {
  fc.assert(
    fc.property(trees, trees, (a, b) => {
      const [x, y] = [asSet(a), asSet(b)];
      assert.deepEqual(asSet(union(a, b)), x.union(y));
      assert.deepEqual(asSet(difference(a, b)), x.difference(y));
      assert.deepEqual(asSet(intersection(a, b)), x.intersection(y));
      assert.ok(sameTree(difference(a, a), {}));
      const outside = [...x].filter((path) => ![...y].some((p) => path === p || path.startsWith(`${p}.`) || path.startsWith(`${p}[`)));
      assert.deepEqual(asSet(recursiveDifference(a, b)), new Set(outside));
    }),
  );
});

const specs = fc.record(
  {
    replicas: fc.integer({ min: 0, max: 3 }),
    args: fc.array(fc.constantFrom('x', 'y'), { minLength: 1 }),
    containers: fc.uniqueArray(
      fc.record(
        { name: fc.constantFrom('a', 'b', 'c'), image: fc.constantFrom('1', '2') },
        { requiredKeys: ['name'], noNullPrototype: true },
      ),
      { selector: (c) => c.name, minLength: 1 },
    ),
  },
  { requiredKeys: [], noNullPrototype: true },
);

test('property: what a creator owns is the same whether an object of its shape was seen before or not', () => {
  const leaf = fc.constantFrom<unknown>('', 'x', 'y', 0, 1, false, true, null);
  const container = fc.record(
    { name: fc.constantFrom('a', 'b'), image: fc.constantFrom('', 'i'), args: fc.array(leaf, { maxLength: 2 }) },
    { requiredKeys: [] },
  );
  const spec = fc.record(
    {
      replicas: leaf,
      selector: fc.constantFrom<unknown>(null, {}, { matchLabels: {} }, { matchLabels: { app: 'x' } }),
      containers: fc.oneof(fc.constant(null), fc.array(container, { maxLength: 2 })),
      args: fc.constantFrom<unknown>(null, [], ['x']),
    },
    { requiredKeys: [] },
  );
  const labels = fc.constantFrom<unknown>(null, {}, { app: 'x' }, { app: '' }, { other: 'y' });
  const objects = fc.array(fc.record({ spec, labels, replicas: leaf }), { minLength: 2, maxLength: 6 });
  const outcome = (object: Deployment, known: typeof tracked) => {
    try {
      return trackUpdate(undefined, object, by('creator'), known);
    } catch (error) {
      return (error as Error).message;
    }
  };
  fc.assert(
    fc.property(objects, (all) => {
      const remembers = { ...tracked };
      for (const { spec: wished, labels: given, replicas } of all) {
        const object = { ...deployment(wished, { labels: given }), status: { replicas } } as Deployment;
        assert.deepEqual(outcome(object, remembers), outcome(object, { ...tracked }));
      }
    }),
    { numRuns: 500 },
  );
});

test('property: a forced apply leaves the object with every applied value, and owned by the applier', () => {
  fc.assert(
    fc.property(specs, specs, specs, (first, applied, again) => {
      const object = deployment(first);
      const live = stored(object, trackUpdate(undefined, object, by('creator'), tracked));
      const once = serverSideApply(live, deployment(applied), by('me'), tracked, true).object;
      const twice = serverSideApply(once, deployment(again), by('me'), tracked, true).object;
      const { modified, removed } = compareTyped(type, deployment(again), twice);
      // An empty spec may go once nothing is in it.
      const lost = [...pathsOf(modified), ...pathsOf(removed)].filter((path) => path !== '.spec');
      assert.deepEqual(lost, []);
      const mine = fieldsBy(twice, 'me') as FieldTree | undefined;
      const expected = pathsOf(fieldsOf(type, deployment(again))).filter((path) => path.startsWith('.spec.'));
      assert.deepEqual(new Set(pathsOf(mine ?? {})), new Set(mine === undefined ? [] : Object.keys(again).length ? expected : ['.spec']));
      // Leaving takes away exactly what nobody else owns.
      const gone = serverSideApply(once, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } }, by('me'), tracked, true);
      const others = new Set(pathsOf((fieldsBy(once, 'creator') ?? {}) as FieldTree));
      const left = pathsOf(fieldsOf(type, gone.object)).filter((path) => path.startsWith('.spec.'));
      assert.deepEqual(
        left.filter((path) => !others.has(path)),
        [],
      );
    }),
    { numRuns: 300 },
  );
});

test('the owner of fields that nobody has comes before what is wrong with a configuration', () => {
  const keyless = stored(deployment({ containers: [{ image: 'a' }] }), undefined);
  const wrong = deployment({ replicas: 'many' });
  const fault = '.spec.containers: element 0: associative list with keys has an element that omits all key fields ["name"]';
  assert.throws(
    () => serverSideApply(keyless, wrong, by('applier'), tracked),
    (error: StatusError) =>
      error.message.startsWith(
        `failed to create manager for existing fields: failed to convert new object (/web; apps/v1, Kind=Deployment) to smd typed: ${fault}`,
      ),
  );
  const managed = stored(
    deployment({ containers: [{ image: 'a' }] }),
    trackUpdate(undefined, deployment({ replicas: 1 }), by('x'), tracked),
  );
  assert.throws(
    () => serverSideApply(managed, wrong, by('applier'), tracked),
    (error: StatusError) => error.message.startsWith('failed to create typed patch object'),
  );
});

test('what an applier empties and still names is null where any field may be', () => {
  const name = 'com.example.v1.Loose';
  const type = mergeTypeOf(tableWithCustomType(schemaTable, name, { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }), name);
  const loose = { type, empty: { apiVersion: 'example.com/v1', kind: 'Loose' }, loose: true };
  const config = (spec: object) => ({ apiVersion: 'example.com/v1', kind: 'Loose', metadata: { name: 'l' }, spec }) as KubeObject;
  const manager = { ...by('one'), apiVersion: 'example.com/v1' };
  const { object: live } = serverSideApply(undefined, config({ text: 'words' }), manager, loose);
  const { object } = serverSideApply(live, config({}), manager, loose);
  assert.equal((object as any).spec, null);
  assert.deepEqual(object.metadata!.managedFields![0]!.fieldsV1, { 'f:spec': {} });
});

test('nobody is recorded where the managers of a template are no objects', () => {
  const job = (fieldsV1: unknown) => {
    const template = { metadata: { managedFields: [{ fieldsV1 }] }, spec: {} };
    return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' }, spec: { template } } as KubeObject;
  };
  const of = { type: mergeTypeOf(schemaTable, 'io.k8s.api.apps.v1.Deployment'), empty: {} };
  assert.equal(trackUpdate(undefined, job([]), by('one'), of), undefined);
  assert.equal(trackUpdate(undefined, job(5), by('one'), of), undefined);
  assert.equal(trackUpdate(undefined, job({}), by('one'), of)?.length, 1);
});

test('managers that cannot be read are no part of an object without a Go type', () => {
  const sent = { ...deployment({ replicas: 1 }), metadata: { name: 'a', managedFields: [{ fieldsV1: [] }] } } as unknown as KubeObject;
  assert.equal(trackUpdate(undefined, sent, by('one'), { ...tracked, loose: true })?.length, 1);
});

test('an item whose key is null has that key', () => {
  const config = deployment({ containers: [{ name: null, image: 'x' }] });
  const { object } = serverSideApply(undefined, config, by('one'), tracked);
  const { fieldsV1 } = object.metadata!.managedFields![0]!;
  assert.deepEqual((fieldsV1 as any)['f:spec']['f:containers'], { 'k:{"name":null}': { '.': {}, 'f:image': {}, 'f:name': {} } });
});

test('managers of a version that there is not end the record of a custom resource', () => {
  const managedFields = [{ manager: 'a', operation: 'Update', apiVersion: 'v9', fieldsType: 'FieldsV1', fieldsV1: {} }];
  const sent = { ...deployment({ replicas: 1 }), metadata: { name: 'a', managedFields } } as unknown as KubeObject;
  const of = { ...tracked, loose: true, versions: new Map([['apps/v1', type]]) };
  assert.equal(trackUpdate(undefined, sent, by('one'), of), undefined);
  assert.equal(trackUpdate(undefined, deployment({ replicas: 1 }), by('one'), of)?.length, 1);
});

test('a field that is applied as nothing is a change, and its applier has a time', () => {
  const sent = deployment({ replicas: 1 }, { uid: 'u' });
  const live = { ...sent, metadata: { ...sent.metadata, managedFields: trackUpdate(undefined, sent, by('one'), tracked)! } };
  const config = deployment({ replicas: 1 }, { labels: null });
  assert.equal(
    serverSideApply(live, config, by('two'), tracked).object.metadata!.managedFields!.find(({ manager }) => manager === 'two')?.time !==
      undefined,
    true,
  );
  const same = serverSideApply(live, deployment({ replicas: 1 }), by('two'), tracked).object.metadata!.managedFields!;
  assert.equal(same.find(({ manager }) => manager === 'two')?.time, undefined);
});
