import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toStorageForm } from './storage-form.ts';

const stored = (object: object, schema: string) => {
  toStorageForm(object, schema);
  return object;
};

test('lists that are always told come back from storage as nothing', () => {
  assert.deepEqual(stored({ rules: [] }, 'io.k8s.api.rbac.v1.Role'), { rules: null });
});

test('definitions are stored as JSON, which keeps lists that are empty', () => {
  const type = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition';
  assert.deepEqual(stored({ status: { conditions: [], storedVersions: [] } }, type), { status: { conditions: [], storedVersions: [] } });
});

test('bytes that are nothing come back as no bytes', () => {
  assert.deepEqual(stored({ binaryData: { a: null, b: 'YQ==' }, data: { c: '' } }, 'io.k8s.api.core.v1.ConfigMap'), {
    binaryData: { a: '', b: 'YQ==' },
    data: { c: '' },
  });
  assert.deepEqual(stored({ data: { a: null } }, 'io.k8s.api.core.v1.Secret'), { data: { a: '' } });
});

test('what was neither a schema nor a list of them is stored as nothing', () => {
  const type = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';
  assert.deepEqual(stored({ items: null, properties: { a: { items: [{ additionalItems: null }] } } }, type), {
    properties: { a: { items: [{}] } },
  });
});
