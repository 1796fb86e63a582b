import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, startedServer } from '../../test/server.ts';
import { until } from '../../test/until.ts';
import { LOOPBACK_USER } from '../bootstrap/loopback.ts';
import { encodeBody } from '../output/encode.ts';
import type { StandardServer } from '../standard-server.ts';
import { type Definition, naming } from './conditions.ts';
import { validateDefinition } from './validation.ts';

const schema = (properties: object, description = 'A widget') => ({ openAPIV3Schema: { type: 'object', description, properties } });
const spec = {
  type: 'object',
  properties: {
    size: { type: 'integer', minimum: 1, default: 3 },
    color: { type: 'string', enum: ['red', 'blue'] },
    selector: { type: 'string' },
    replicas: { type: 'integer' },
  },
};
const status = { type: 'object', properties: { replicas: { type: 'integer' } } };

function widgets(changes: object = {}, names: object = {}): any {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'], categories: ['all'], ...names },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: schema({ spec, status }),
          subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' } },
          additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
          selectableFields: [{ jsonPath: '.spec.color' }],
        },
        { name: 'v2', served: true, storage: false, schema: schema({ spec, status }, 'Newer'), subresources: { status: {} } },
      ],
      ...changes,
    },
  };
}

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets';
const widget = (name: string, content: object = {}) => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name }, ...content });

async function established(server: StandardServer, crd: any): Promise<any> {
  const created = await call(server, 'POST', CRDS, crd);
  assert.equal(created.code, 201, JSON.stringify(created.object));
  return until(async () => {
    const { object } = await call(server, 'GET', `${CRDS}/${crd.metadata.name}`);
    return object.status?.conditions?.some((each: any) => each.type === 'Established' && each.status === 'True') ? object : undefined;
  });
}

test('a definition is accepted, established and served', async () => {
  await using server = await startedServer();
  const crd = await established(server, widgets());
  assert.deepEqual(crd.status.storedVersions, ['v1']);
  assert.deepEqual(crd.status.acceptedNames, {
    plural: 'widgets',
    singular: 'widget',
    kind: 'Widget',
    listKind: 'WidgetList',
    shortNames: ['wd'],
    categories: ['all'],
  });
  assert.deepEqual(
    crd.status.conditions.map((each: any) => [each.type, each.status, each.reason]),
    [
      ['NamesAccepted', 'True', 'NoConflicts'],
      ['Established', 'True', 'InitialNamesAccepted'],
    ],
  );
  const created = await call(server, 'POST', WIDGETS, widget('one', { spec: { color: 'red', unknown: 1 }, status: { replicas: 9 } }));
  assert.equal(created.code, 201, JSON.stringify(created.object));
  assert.deepEqual(created.object.spec, { color: 'red', size: 3 }, 'pruned and defaulted');
  assert.equal(created.object.status, undefined, 'the status is not the creator’s');
  assert.equal(created.object.metadata.generation, 1);
  const invalid = await call(server, 'POST', WIDGETS, widget('two', { spec: { color: 'green', size: 0 } }));
  assert.equal(invalid.code, 422);
  assert.match(
    invalid.object.message,
    /Widget.example.com "two" is invalid: .*spec.size: Invalid value: 0: .*should be greater than or equal to 1/,
  );
  assert.match(invalid.object.message, /spec.color: Unsupported value: "green": supported values: "red", "blue"/);
});

test('a write through a version that knows less drops the rest, though nothing of what it shows has changed', async () => {
  await using server = await startedServer();
  const [v1, v2] = widgets().spec.versions;
  const less = { type: 'object', properties: { size: { type: 'integer' } } };
  await established(server, widgets({ versions: [v1, { ...v2, schema: schema({ spec: less, status }) }] }));
  await call(server, 'POST', WIDGETS, widget('one', { spec: { color: 'red' } }));
  const other = WIDGETS.replace('/v1/', '/v2/');
  const seen = await call(server, 'GET', `${other}/one`);
  assert.deepEqual(seen.object.spec, { size: 3 });
  assert.equal((await call(server, 'GET', `${WIDGETS}/one`)).object.spec.color, 'red');
  const forgetful = { ...seen.object, metadata: { ...seen.object.metadata, managedFields: [] } };
  const { object: written } = await call(server, 'PUT', `${other}/one`, forgetful);
  assert.equal(written.metadata.managedFields.length, 1, 'an empty list of managers is none');
  assert.deepEqual((await call(server, 'GET', `${WIDGETS}/one`)).object.spec, { size: 3 });
});

test('versions, status and selectable fields of a custom resource', async () => {
  await using server = await startedServer();
  await established(server, widgets());
  await call(server, 'POST', WIDGETS, widget('one', { spec: { color: 'red' } }));
  await call(server, 'POST', WIDGETS, widget('two', { spec: { color: 'blue' } }));
  const other = await call(server, 'GET', '/apis/example.com/v2/namespaces/default/widgets/one');
  assert.equal(other.object.apiVersion, 'example.com/v2');
  const withStatus = { ...other.object, apiVersion: 'example.com/v1', status: { replicas: 2 }, spec: { color: 'blue' } };
  const written = await call(server, 'PUT', `${WIDGETS}/one/status`, withStatus);
  assert.equal(written.code, 200, JSON.stringify(written.object));
  assert.deepEqual([written.object.spec.color, written.object.status.replicas, written.object.metadata.generation], ['red', 2, 1]);
  const selected = await call(server, 'GET', `${WIDGETS}?fieldSelector=spec.color%3Dblue`);
  assert.deepEqual(
    selected.object.items.map((each: any) => each.metadata.name),
    ['two'],
  );
});

test('a schema that says nothing is a change, and is not stored', async () => {
  await using server = await startedServer();
  const crd = structuredClone(widgets());
  await established(server, crd);
  crd.spec.versions[1].schema.openAPIV3Schema.properties.status.items = true;
  const url = `${CRDS}/widgets.example.com`;
  const headers = { 'content-type': 'application/merge-patch+json' };
  await server.handle({ method: 'PATCH', url, headers, user: LOOPBACK_USER, body: { spec: crd.spec } });
  const { object } = await call(server, 'GET', url);
  assert.equal(object.metadata.generation, 2);
  assert.deepEqual(object.spec.versions[1].schema.openAPIV3Schema.properties.status, status);
});

test('a null that is applied is judged as a value, but where there is a default', async () => {
  await using server = await startedServer();
  await established(server, widgets());
  const headers = { 'content-type': 'application/apply-patch+yaml' };
  const apply = async (spec: object) => {
    const url = `${WIDGETS}/one?fieldManager=one`;
    return (await server.handle({ method: 'PATCH', url, headers, user: LOOPBACK_USER, body: widget('one', { spec }) })).body as any;
  };
  const refused = await apply({ selector: null });
  assert.match(refused.object.message, /spec\.selector in body must be of type string: "null"/);
  await apply({ size: null });
  assert.deepEqual((await call(server, 'GET', `${WIDGETS}/one`)).object.spec, { size: 3 });
});

test('a scale needs a number, and fields that can be one', async () => {
  await using server = await startedServer();
  const crd = widgets();
  crd.spec.versions[1].schema = schema({ status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } });
  await established(server, crd);
  await call(server, 'POST', WIDGETS, widget('one', { spec: {} }));
  const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'one' } };
  const missing = await call(server, 'GET', `${WIDGETS}/one/scale`);
  assert.equal(missing.object.message, 'Internal error occurred: the spec replicas field ".spec.replicas" does not exist');
  const headers = { 'content-type': 'application/merge-patch+json' };
  const body = { metadata: { labels: { a: 'b' } } };
  const patched = server.handle({ method: 'PATCH', url: `${WIDGETS}/one/scale`, headers, user: LOOPBACK_USER, body });
  assert.equal(((await patched).body as any).object.message, 'the spec replicas field ".spec.replicas" cannot be empty');
  assert.equal((await call(server, 'PUT', `${WIDGETS}/one/scale`, { ...scale, spec: { replicas: 2 } })).object.spec.replicas, 2);
  const status = { apiVersion: 'example.com/v2', kind: 'Widget', metadata: { name: 'one' }, status: { replicas: {} } };
  const { object } = await call(server, 'GET', `${WIDGETS}/one`);
  const at = `${WIDGETS.replace('v1', 'v2')}/one/status`;
  await call(server, 'PUT', at, { ...status, metadata: object.metadata });
  const spoiled = await call(server, 'PUT', `${WIDGETS}/one/scale`, scale);
  assert.deepEqual(
    [spoiled.code, spoiled.object.message],
    [500, '.status.replicas accessor error: map[] is of the type map[string]interface {}, expected int64'],
  );
});

test('answers about a deprecated version say so, and which to use', async () => {
  await using server = await startedServer();
  const crd = widgets();
  const [v1] = crd.spec.versions;
  const old = { ...v1, storage: false, deprecated: true };
  crd.spec.versions = [v1, { ...old, name: 'v1beta1' }, { ...old, name: 'v1alpha1', deprecationWarning: 'leave it' }];
  await established(server, crd);
  const warnings = async (path: string) => (await call(server, 'GET', path)).warnings;
  assert.deepEqual(await warnings(WIDGETS), []);
  assert.deepEqual(await warnings(WIDGETS.replace('v1', 'v1beta1')), [
    'example.com/v1beta1 Widget is deprecated; use example.com/v1 Widget',
  ]);
  assert.deepEqual(await warnings(WIDGETS.replace('v1', 'v1alpha1')), ['leave it']);
  const endpoints = await warnings('/api/v1/namespaces/default/endpoints/kubernetes');
  assert.deepEqual(endpoints, ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice']);
});

test('what was stored before is read by the schema of today', async () => {
  await using server = await startedServer();
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  await established(server, {
    ...widgets({ versions: [{ name: 'v1', served: true, storage: true, schema: schema({ a: { type: 'string' }, open }) }] }),
  });
  await call(server, 'POST', WIDGETS, widget('one', { a: 'x', open: { any: 1 } }));
  const properties = '/spec/versions/0/schema/openAPIV3Schema/properties';
  const patch = [
    { op: 'remove', path: `${properties}/a` },
    { op: 'add', path: `${properties}/b`, value: { type: 'string', default: 'B' } },
  ];
  const headers = { 'content-type': 'application/json-patch+json' };
  const patched = await server.handle({ method: 'PATCH', url: `${CRDS}/widgets.example.com`, headers, user: LOOPBACK_USER, body: patch });
  assert.equal(patched.status, 200);
  const read = await until(async () => {
    const { object } = await call(server, 'GET', `${WIDGETS}/one`);
    return object.b ? object : undefined;
  });
  assert.deepEqual([read.a, read.b, read.open], [undefined, 'B', { any: 1 }]);
  const answer = await server.handle({ method: 'GET', url: WIDGETS, headers: {}, user: LOOPBACK_USER });
  const { bytes } = await encodeBody(answer.body as never, { encoding: 'json', pretty: false }, undefined);
  assert.equal(JSON.parse(Buffer.from(bytes).toString()).items[0].b, 'B', 'on the wire as well');
});

test('deleting a definition deletes its objects and what it served', async () => {
  await using server = await startedServer();
  await established(server, widgets());
  await call(server, 'POST', WIDGETS, widget('one'));
  assert.equal((await call(server, 'DELETE', `${CRDS}/widgets.example.com`)).code, 200);
  await until(async () => ((await call(server, 'GET', `${CRDS}/widgets.example.com`)).code === 404 ? true : undefined));
  await until(async () => ((await call(server, 'GET', WIDGETS)).code === 404 ? true : undefined));
  await established(server, widgets());
  assert.deepEqual((await call(server, 'GET', WIDGETS)).object.items, [], 'nothing of the old is left');
});

test('a definition whose status is no longer valid can be deleted', async () => {
  await using server = await startedServer();
  const current = await established(server, widgets());
  const spoiled = { ...current, status: { ...current.status, storedVersions: ['v1', 'gone'] } };
  assert.equal((await call(server, 'PUT', `${CRDS}/widgets.example.com/status`, spoiled)).code, 200);
  assert.equal((await call(server, 'DELETE', `${CRDS}/widgets.example.com`)).code, 200);
  await until(async () => ((await call(server, 'GET', `${CRDS}/widgets.example.com`)).code === 404 ? true : undefined));
});

test('names that another definition holds are refused in the status', () => {
  const now = '2026-01-01T00:00:00Z';
  const first = widgets() as Definition;
  first.status = { acceptedNames: { ...first.spec.names, singular: 'widget', listKind: 'WidgetList' }, conditions: [] } as never;
  const second = widgets({}, { plural: 'gadgets', kind: 'Widget', listKind: 'WidgetList', singular: 'gadget' }) as Definition;
  const { acceptedNames, conditions } = naming(second, [first, second], now)!;
  assert.equal(acceptedNames.plural, 'gadgets');
  assert.equal(acceptedNames.kind, '');
  assert.deepEqual(
    conditions.map((each) => [each.type, each.status, each.reason, each.message]),
    [
      ['NamesAccepted', 'False', 'ListKindConflict', '"WidgetList" is already in use'],
      ['Established', 'False', 'NotAccepted', 'not all names are accepted'],
    ],
  );
});

test('a stored version that is gone is told of once, where it stands last', () => {
  const errors = validateDefinition({ ...widgets(), status: { storedVersions: ['v0', 'v1', 'v0'] } });
  assert.deepEqual(
    errors.map(({ field }) => field).filter((field) => field.startsWith('status')),
    ['status.storedVersions[2]'],
  );
});

test('definitions are checked as upstream checks them', () => {
  const messages = (crd: any) =>
    validateDefinition({ ...crd, status: { storedVersions: ['v1'] } }).map((error) => `${error.field}: ${error.message}`);
  const names = { singular: 'widget', listKind: 'WidgetList' };
  assert.deepEqual(messages(widgets({}, names)), []);
  const [v1] = widgets().spec.versions;
  const only = (changes: object) => ({ versions: [{ ...v1, ...changes }] });
  const cases: [object, string[]][] = [
    [{ group: 'example' }, ['spec.group: Invalid value: "example": should be a domain with at least one dot']],
    [
      { group: 'a.k8s.io' },
      [
        'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      ],
    ],
    [
      { versions: [] },
      [
        'spec.versions: Invalid value: []: must have exactly one version marked as storage version',
        'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
      ],
    ],
    // What all versions say, stands in the spec.
    [
      only({ schema: schema({ spec: { properties: {} } }), selectableFields: [] }),
      ['spec.validation.openAPIV3Schema.properties[spec].type: Required value: must not be empty for specified object fields'],
    ],
    // Selectable fields are looked for in the schema once more, and it is told of where a version would have it.
    [
      only({ schema: schema({ spec: { ...spec, definitions: { a: {} } } }), selectableFields: [{ jsonPath: 'a' }] }),
      [
        'spec.validation.openAPIV3Schema.properties[spec].definitions: Forbidden: definitions is not supported',
        'spec.schema.openAPIV3Schema: Invalid value: "": OpenAPIV3Schema \'definitions\' is not supported',
        'spec.selectableFields[0].jsonPath: Invalid value: "a": is an invalid path: expected [ or . but got: a',
      ],
    ],
    [
      only({ additionalPrinterColumns: [{ name: 'a', type: 'float', jsonPath: 'a' }] }),
      [
        'spec.additionalPrinterColumns[0].type: Invalid value: "float": must be one of boolean,date,integer,number,string',
        'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "a": must be a simple json path starting with .',
      ],
    ],
    [
      only({ subresources: { scale: { specReplicasPath: '.status.a', statusReplicasPath: '' } } }),
      [
        'spec.subresources.scale.specReplicasPath: Invalid value: ".status.a": should be a json path under .spec',
        'spec.subresources.scale.statusReplicasPath: Required value',
      ],
    ],
    [
      only({ selectableFields: [{ jsonPath: '.spec.none' }, { jsonPath: '.spec' }, {}, { jsonPath: "['a']" }] }),
      [
        'spec.selectableFields[0].jsonPath: Invalid value: ".spec.none": is an invalid path: does not refer to a valid field',
        'spec.selectableFields[1].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
        'spec.selectableFields[2].jsonPath: Required value',
        'spec.selectableFields[3].jsonPath: Invalid value: "[\'a\']": is an invalid path: array notation is not allowed',
      ],
    ],
    [
      // Of what may be anything nothing is known.
      only({
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', additionalProperties: true } } } },
        selectableFields: [{ jsonPath: '.spec.a' }],
      }),
      [
        'spec.selectableFields[0].jsonPath: Invalid value: ".spec.a": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      ],
    ],
    [
      only({ deprecationWarning: 'old' }),
      ['spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions'],
    ],
    [{ scope: 'Everywhere' }, ['spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced"']],
  ];
  for (const [changes, expected] of cases) {
    const found = messages(widgets(changes, names)).filter((text) => !text.startsWith('metadata.name:'));
    assert.deepEqual(found, expected, JSON.stringify(changes));
  }
});
