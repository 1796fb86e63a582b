import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, normalize, parseManifest } from './decode.ts';

const pod = (spec: string, metadata = '"name":"a"') => `{"apiVersion":"v1","kind":"Pod","metadata":{${metadata}},"spec":${spec}}`;
const fails = (text: string, message: string) => assert.throws(() => decode(text), { name: /Error/, message });

test('zero values come and go as in Go', () => {
  const { object } = decode(
    '{"kind":"Pod","apiVersion":"v1","metadata":{"creationTimestamp":null,"labels":{"b":"1","a":""}},"spec":{"hostNetwork":false,"containers":[{"name":"c","env":[{"name":"A","value":""}]}],"nodeSelector":{}}}',
  );
  assert.equal(
    JSON.stringify(object),
    '{"kind":"Pod","apiVersion":"v1","metadata":{"labels":{"a":"","b":"1"}},"spec":{"containers":[{"name":"c","env":[{"name":"A"}],"resources":{}}]},"status":{}}',
  );
  assert.equal(JSON.stringify(decode('{"kind":"ClusterRole","apiVersion":"rbac.authorization.k8s.io/v1"}').object.metadata), '{}');
  assert.equal('rules' in decode('{"kind":"ClusterRole","apiVersion":"rbac.authorization.k8s.io/v1"}').object, true);
});

test('strict decoding names unknown and duplicate fields in the order of the text', () => {
  const text = pod(
    '{"foo":1,"containers":[{"name":"c","image":"x","image":"y","ports":[{"x":{"y":1}}]}]}',
    '"name":"a","labels":{"k":"1","k":"2"}',
  );
  const { object, strictErrors } = decode(text, { strict: true });
  assert.deepEqual(strictErrors, [
    'duplicate field "metadata.labels.k"',
    'unknown field "spec.foo"',
    'duplicate field "spec.containers[0].image"',
    'unknown field "spec.containers[0].ports[0].x"',
  ]);
  assert.deepEqual(object.metadata?.labels, { k: '2' });
  assert.deepEqual(decode(pod('{"containers":[]}'), { strict: true }).strictErrors, []);
});

test('wrong types are reported as Go reports them', () => {
  fails(
    '{"apiVersion":"apps/v1","kind":"Deployment","spec":{"replicas":"3"}}',
    'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
  );
  fails(pod('{}', '"labels":{"a":1}'), 'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string');
  fails(pod('{"containers":{}}'), 'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container');
  fails(
    pod('{"volumes":[{"name":"v","emptyDir":{"medium":1}}]}'),
    'json: cannot unmarshal number into Go struct field EmptyDirVolumeSource.spec.volumes.VolumeSource.emptyDir.medium of type v1.StorageMedium',
  );
  fails(
    pod('{"priority":3000000000}'),
    'json: cannot unmarshal number 3000000000 into Go struct field PodSpec.spec.priority of type int32',
  );
  fails(
    pod('{"containers":[{"resources":{"limits":{"cpu":"x"}}}]}'),
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  );
  fails('{"apiVersion":"v1","kind":"Secret","data":{"a":"%"}}', 'illegal base64 data at input byte 0');
  fails(
    pod('{}', '"creationTimestamp":"yesterday"'),
    'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"',
  );
});

test('text that isn’t JSON is refused in Go’s words', () => {
  fails('{"a":', 'unexpected end of JSON input');
  fails('', 'unexpected end of JSON input');
  fails('{a:1}', "invalid character 'a' looking for beginning of object key string");
  fails('{"a":1,}', "invalid character '}' looking for beginning of object key string");
  fails('[1 2]', "invalid character '2' after array element");
  fails('tru', 'unexpected end of JSON input');
  fails('{"a":1}x', "invalid character 'x' after top-level value");
});

test('scalars take their canonical form', () => {
  const { object } = decode<any>(
    '{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"creationTimestamp":"2026-01-01T02:00:00.9+02:00"},"spec":{"renewTime":"2026-01-01T00:00:00.500000Z"}}',
  );
  assert.equal(object.metadata.creationTimestamp, '2026-01-01T00:00:00Z');
  assert.equal(object.spec.renewTime, '2026-01-01T00:00:00.500000Z');
  assert.throws(() => decode(pod('{}', '"creationTimestamp":"2026-02-30T00:00:00Z"')), /day out of range/);
});

test('YAML is read as Kubernetes reads it', () => {
  const text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: "yes"\n  b: 2001-01-01\nimmutable: on\n';
  const { object } = decode<any>(text, { mediaType: 'application/yaml' });
  assert.deepEqual([object.data, object.immutable], [{ a: 'yes', b: '2001-01-01' }, true]);
  assert.deepEqual(decode(`${text}immutable: off\n`, { mediaType: 'application/yaml', strict: true }).strictErrors, [
    'yaml: unmarshal errors:\n  line 8: key "immutable" already set in map',
  ]);
  assert.throws(() => decode('a: b: c', { mediaType: 'application/yaml' }), /error converting YAML to JSON: yaml: line 1: /);
  const bomb = `a: &a [1,2,3,4,5,6,7,8,9]\n${'bcdefgh'
    .split('')
    .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[i]}`)}]`)
    .join('\n')}`;
  assert.throws(() => decode(bomb, { mediaType: 'application/yaml' }), /excessive aliasing/);
});

test('manifests hold many documents, and lists are taken apart', () => {
  const objects = parseManifest('---\nkind: A\n---\n# nothing\n---\nkind: List\nitems: [{kind: B}, {kind: C}]\n');
  assert.deepEqual(
    objects.map((object) => object.kind),
    ['A', 'B', 'C'],
  );
});

test('hostile keys stay keys', () => {
  const { object } = decode<any>('{"apiVersion":"v1","kind":"ConfigMap","data":{"__proto__":"x","constructor":"y"}}', { strict: true });
  assert.deepEqual(Object.keys(object.data).sort(), ['__proto__', 'constructor']);
  assert.equal(Object.getPrototypeOf(object.data), Object.prototype);
  assert.throws(
    () =>
      decode(`{"apiVersion":"v1","kind":"ControllerRevision","x":${'['.repeat(2000)}${']'.repeat(2000)}}`, {
        schema: 'io.k8s.api.apps.v1.ControllerRevision',
      }),
    /exceeded max depth/,
  );
});

test('kinds without a schema keep their fields, objects in hand are normalized like bytes', () => {
  const { object } = decode<any>(
    '{"apiVersion":"x.io/v1","kind":"Foo","metadata":{"name":"a","creationTimestamp":null},"spec":{"a":null}}',
  );
  assert.deepEqual(object, { apiVersion: 'x.io/v1', kind: 'Foo', metadata: { name: 'a' }, spec: { a: null } });
  const given = { apiVersion: 'v1', kind: 'ConfigMap', data: { a: 'b' }, extra: undefined, unknown: 1 };
  const result = normalize(given, { strict: true });
  assert.deepEqual(result, {
    object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: {}, data: { a: 'b' } },
    strictErrors: ['unknown field "unknown"'],
  });
});

test('of several faults the first is told, but one of a type that reads itself comes before it', () => {
  const faultOf = (text: string) => {
    try {
      decode(text, { schema: 'io.k8s.api.node.v1.RuntimeClass' });
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.match(faultOf('{"handler":[],"metadata":5}'), /array into Go struct field RuntimeClass.handler of type string$/);
  assert.match(faultOf('{"metadata":5,"handler":[]}'), /number into Go struct field RuntimeClass.metadata of type v1.ObjectMeta$/);
  assert.match(faultOf('{"handler":[],"overhead":{"podFixed":{"cpu":"x"}}}'), /^quantities must match/);
});

test('an empty list of schemas is no schema, and empty dependencies are some', () => {
  const schema = (openAPIV3Schema: object) => {
    const { object } = normalize<any>({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      spec: { versions: [{ schema: { openAPIV3Schema } }] },
    });
    return object.spec.versions[0].schema.openAPIV3Schema;
  };
  assert.deepEqual(schema({ items: [], dependencies: {}, definitions: {} }), { items: null, dependencies: {} });
  assert.deepEqual(schema({ items: [{ type: 'string' }] }), { items: [{ type: 'string' }] });
});
