import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeProtobuf, type KubeObject } from '@tiphys/api';
import { builtinDefinitions } from '@tiphys/registry';
import { customResourceDefinitionRules } from '../custom-resources/index.ts';
import { Entry, encodeStored } from './entry.ts';
import { ownForm, storedForm } from './stored-form.ts';

const map = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a', namespace: 'b', uid: 'c' }, data: { 'metadata":{': 'x' } };
const definitionOf = (resource: string) => builtinDefinitions().find(({ type }) => type.resource === resource)!;
const shown = (value: Uint8Array) => JSON.parse(new Entry('b/a', 7, value).bytes().toString());
const expected = { ...map, metadata: { ...map.metadata, resourceVersion: '7' } };

test('what this program stored is taken as it is', () => {
  const value = encodeStored(map);
  assert.equal(ownForm(value), value);
});

test('protobuf and JSON of another order, as kube-apiserver stores them, become the own form', () => {
  const { kind, apiVersion, metadata, data } = map;
  const json = Buffer.from(`${JSON.stringify({ apiVersion, data, kind, metadata })}\n`);
  assert.deepEqual(shown(ownForm(json)), expected);
  assert.deepEqual(shown(ownForm(Buffer.from(`${JSON.stringify({ kind, apiVersion, metadata, data })}\n`))), expected);
  assert.deepEqual(shown(ownForm(encodeProtobuf(map as KubeObject))), expected);
});

test('a value that is no object says so', () => {
  assert.throws(() => ownForm(Buffer.from('k8s\u0000nonsense')), Error);
  assert.throws(() => ownForm(Buffer.from('10.0.0.1')), Error);
  assert.throws(() => ownForm(Buffer.from('{}\n')), /no metadata.name/);
});

test('an object of an older version is read as the version that is stored here', () => {
  const definition = customResourceDefinitionRules(definitionOf('customresourcedefinitions'));
  const schema = { openAPIV3Schema: { type: 'object' } };
  const column = { name: 'Size', type: 'integer' };
  const old = {
    kind: 'CustomResourceDefinition',
    apiVersion: 'apiextensions.k8s.io/v1beta1',
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      version: 'v1',
      versions: [{ name: 'v1', served: true, storage: true }],
      validation: schema,
      additionalPrinterColumns: [{ ...column, JSONPath: '.spec.size' }],
      conversion: { strategy: 'None' },
      preserveUnknownFields: false,
    },
  };
  const value = ownForm(Buffer.from(`${JSON.stringify(old)}\n`), storedForm(definition));
  const versions = [{ name: 'v1', served: true, storage: true, schema, additionalPrinterColumns: [{ ...column, jsonPath: '.spec.size' }] }];
  assert.deepEqual(JSON.parse(Buffer.from(value).toString()), {
    ...old,
    apiVersion: 'apiextensions.k8s.io/v1',
    spec: { group: 'example.com', versions, conversion: { strategy: 'None' } },
  });
});

test('protobuf of a version that is not in the tables is read by the shape of the one that is', () => {
  const definition = definitionOf('validatingadmissionpolicies');
  const policy = { kind: 'ValidatingAdmissionPolicy', metadata: { name: 'a' }, spec: { failurePolicy: 'Fail' } };
  const bytes = Buffer.from(encodeProtobuf({ ...policy, apiVersion: 'admissionregistration.k8s.io/v1' } as KubeObject));
  const older = Buffer.from(bytes.toString('latin1').replace('k8s.io/v1', 'k8s.io/v8'), 'latin1');
  const value = JSON.parse(Buffer.from(ownForm(older, storedForm(definition))).toString());
  assert.deepEqual([value.apiVersion, value.spec.failurePolicy], ['admissionregistration.k8s.io/v1', 'Fail']);
});
