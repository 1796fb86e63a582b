import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtInGroups, typeFacts } from '../schema/lookup.ts';
import { describeField } from './descriptions.ts';
import {
  type OpenApiGroupVersion,
  openApiPath,
  openApiServerPaths,
  openApiV2,
  openApiV2Protobuf,
  openApiV3,
  openApiV3OfServer,
} from './documents.ts';
import { KINDS } from './kind-descriptions.ts';

const splitAtLastDot = (path: string): [string, string] => [path.slice(0, path.lastIndexOf('.')), path.slice(path.lastIndexOf('.') + 1)];

interface Document {
  paths: Record<string, any>;
  definitions: Record<string, any>;
  components: { schemas: Record<string, any> };
}

const apps = openApiV3('apps', 'v1') as Document;

test('every reference of a v3 document resolves inside it', () => {
  for (const [group, version] of [
    ['', 'v1'],
    ['apps', 'v1'],
    ['apiextensions.k8s.io', 'v1'],
    ['autoscaling', 'v2'],
  ] as const) {
    const document = openApiV3(group, version) as Document;
    for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      assert.ok(document.components.schemas[name!], `${group}/${version}: ${name}`);
    }
  }
});

test('operations say what clients look for', () => {
  const path = apps.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'];
  assert.equal(path.patch.operationId, 'patchAppsV1NamespacedDeployment');
  assert.deepEqual(path.patch['x-kubernetes-group-version-kind'], { group: 'apps', version: 'v1', kind: 'Deployment' });
  const names = path.patch.parameters.map((parameter: { name: string }) => parameter.name);
  assert.ok(names.includes('fieldValidation') && names.includes('dryRun'));
  assert.equal(apps.paths['/apis/apps/v1/deployments'].get.operationId, 'listAppsV1DeploymentForAllNamespaces');
  assert.equal(
    apps.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale'].get['x-kubernetes-group-version-kind'].group,
    'autoscaling',
  );
  const core = openApiV3('', 'v1') as Document;
  assert.equal(core.paths['/api/v1/namespaces/{namespace}/pods/{name}/exec'].get['x-kubernetes-action'], 'connect');
  assert.equal(openApiPath('', 'v1'), 'api/v1');
  assert.equal(openApiV3('nothing', 'v1'), undefined);
});

test('connections have the parameters of their options, and a proxy takes every method on two paths', () => {
  const { paths } = openApiV3('', 'v1') as Document;
  const pod = '/api/v1/namespaces/{namespace}/pods/{name}';
  const names = paths[`${pod}/exec`].parameters.map((parameter: { name: string }) => parameter.name).sort();
  assert.deepEqual(names, ['command', 'container', 'name', 'namespace', 'stderr', 'stdin', 'stdout', 'tty']);
  assert.equal(paths[`${pod}/proxy/{path}`].head.operationId, 'connectCoreV1HeadNamespacedPodProxyWithPath');
  assert.deepEqual(paths[`${pod}/log`].get.responses[200].content['text/plain'], { schema: { type: 'string' } });
  assert.match(JSON.stringify(paths[pod].delete.responses[200]), /core\.v1\.Pod"/);
});

test('fields list the values they may have and the value they have when left out', () => {
  const { schemas } = (openApiV3('', 'v1') as Document).components;
  assert.deepEqual(schemas['io.k8s.api.core.v1.Container'].properties.imagePullPolicy.enum, ['Always', 'IfNotPresent', 'Never']);
  const modes = schemas['io.k8s.api.core.v1.PersistentVolumeClaimSpec'].properties.accessModes;
  assert.deepEqual(modes.items.enum, ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']);
  assert.deepEqual(schemas['io.k8s.api.core.v1.Pod'].properties.spec.default, {});
  assert.equal(schemas['io.k8s.api.core.v1.SecretKeySelector'].properties.name.default, '');
});

test('every kind that is served has a sentence of its own, and so have the fields people ask for', () => {
  const kinds = builtInGroups().flatMap(({ versions }) => versions.flatMap(({ resources }) => resources.map(({ kind }) => kind)));
  assert.deepEqual(
    [...new Set(kinds)].filter((kind) => !KINDS[kind]),
    [],
  );
  const fieldsOf = (kind: string) => Object.keys(typeFacts(`io.k8s.api.${kind}`)!.fields!).map((field) => `${kind}.${field}`);
  const asked = ['core.v1.PodSpec', 'core.v1.Container', 'core.v1.Probe', 'core.v1.ServiceSpec', 'core.v1.PersistentVolumeClaimSpec']
    .concat(['apps.v1.DeploymentSpec', 'apps.v1.StatefulSetSpec', 'apps.v1.DaemonSetSpec', 'batch.v1.JobSpec', 'batch.v1.CronJobSpec'])
    .concat(['networking.v1.IngressSpec', 'networking.v1.NetworkPolicySpec', 'core.v1.SecurityContext', 'core.v1.PodSecurityContext'])
    .flatMap(fieldsOf);
  const unsaid = asked.filter((path) => /^The \w+ of this \w+\.$/.test(describeField(...splitAtLastDot(path))));
  assert.deepEqual(unsaid, []);
});

test('what is not served is in no document, and discovery has documents of its own', () => {
  const { paths, definitions } = openApiV2([], (group, version) => group === 'apps' && version === 'v1') as Document;
  assert.equal(paths['/apis/apps/'].get.operationId, 'getAppsAPIGroup');
  assert.ok(paths['/apis/apps/v1/'] && !paths['/api/v1/']);
  assert.equal(definitions['io.k8s.api.batch.v1.Job'], undefined);
  assert.ok(openApiServerPaths(['', 'apps']).includes('apis/apps'));
  const version = openApiV3OfServer('version', []) as Document;
  assert.deepEqual(Object.keys(version.components.schemas), ['io.k8s.apimachinery.pkg.version.Info']);
  assert.equal(openApiV3OfServer('apis/apps', []), undefined);
});

test('schemas carry merge keys and kinds', () => {
  const { schemas } = apps.components;
  const conditions = schemas['io.k8s.api.apps.v1.DeploymentStatus'].properties.conditions;
  assert.equal(conditions['x-kubernetes-patch-merge-key'], 'type');
  assert.deepEqual(conditions['x-kubernetes-list-map-keys'], ['type']);
  assert.deepEqual(schemas['io.k8s.api.apps.v1.Deployment']['x-kubernetes-group-version-kind'], [
    { group: 'apps', kind: 'Deployment', version: 'v1' },
  ]);
  assert.deepEqual(schemas['io.k8s.api.apps.v1.DeploymentSpec'].required, ['selector', 'template']);
});

const widgets: OpenApiGroupVersion = {
  group: 'example.com',
  version: 'v1',
  resources: [{ name: 'widgets', singularName: 'widget', kind: 'Widget', namespaced: true, verbs: ['get', 'list', 'create', 'patch'] }],
  typeName: (kind) => (kind === 'Widget' ? 'com.example.v1.Widget' : undefined),
  schemas: {
    'com.example.v1.Widget': {
      type: 'object',
      properties: {
        metadata: { allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }], description: 'm' },
        size: { type: 'integer', nullable: true },
      },
    },
  },
};

test('custom resources join both versions', () => {
  const v3 = openApiV3('example.com', 'v1', widgets) as Document;
  assert.equal(v3.paths['/apis/example.com/v1/namespaces/{namespace}/widgets'].post.operationId, 'createExampleComV1NamespacedWidget');
  assert.ok(v3.components.schemas['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta']);
  const v2 = openApiV2([widgets]) as Document;
  assert.deepEqual(v2.definitions['com.example.v1.Widget'].properties, {
    metadata: { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta', description: 'm' },
    // What may be null has no type in v2.
    size: {},
  });
});

test('kinds that keep unknown fields say nothing of their fields to v2’s readers', () => {
  const kinds = [{ group: 'example.com', version: 'v1', kind: 'Widget' }];
  const open = { 'x-kubernetes-preserve-unknown-fields': true, 'x-kubernetes-group-version-kind': kinds };
  const schemas = { 'com.example.v1.Widget': { type: 'object', properties: { a: { type: 'string' } }, ...open } };
  const whole = openApiV2([{ ...widgets, schemas }]) as Document;
  assert.deepEqual(whole.definitions['com.example.v1.Widget'], { type: 'object', 'x-kubernetes-group-version-kind': kinds });
  const inner = {
    type: 'object',
    properties: { nullable: { type: 'array', items: {} }, spec: { type: 'object', properties: {}, ...open } },
  };
  const part = openApiV2([{ ...widgets, schemas: { 'com.example.v1.Widget': inner } }]) as Document;
  assert.deepEqual(part.definitions['com.example.v1.Widget'].properties, { nullable: { type: 'array', items: {} }, spec: open });
});

/** Field numbers and contents of one protobuf message whose fields are all length-delimited or varints. */
function fieldsOf(bytes: Buffer): [number, Buffer][] {
  const fields: [number, Buffer][] = [];
  let position = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[position++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (position < bytes.length) {
    const tag = varint();
    const size = (tag & 7) === 2 ? varint() : 0;
    if ((tag & 7) === 0) varint();
    fields.push([tag >> 3, bytes.subarray(position, position + size)]);
    position += size;
  }
  assert.equal(position, bytes.length);
  return fields;
}

test('gnostic’s protobuf holds every definition and path', () => {
  const document = openApiV2() as Document;
  const top = new Map(fieldsOf(Buffer.from(openApiV2Protobuf(document))));
  const names = (number: number, inner: number) =>
    fieldsOf(top.get(number)!).map(([field, entry]) => {
      assert.equal(field, inner);
      return fieldsOf(entry)[0]![1].toString();
    });
  assert.deepEqual(names(9, 1), Object.keys(document.definitions));
  assert.deepEqual(names(8, 2), Object.keys(document.paths));
  const pod = fieldsOf(top.get(9)!)
    .map(([, entry]) => fieldsOf(entry))
    .find(([name]) => name![1].toString() === 'io.k8s.api.core.v1.Pod')!;
  const extension = fieldsOf(pod[1]![1]).find(([number]) => number === 31)![1];
  const [name, value] = fieldsOf(extension);
  assert.equal(name![1].toString(), 'x-kubernetes-group-version-kind');
  assert.deepEqual(JSON.parse(fieldsOf(value![1])[0]![1].toString()), [{ group: '', kind: 'Pod', version: 'v1' }]);
});
