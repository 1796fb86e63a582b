import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import { validateCommonMetadata, validateMetadata, validateMetadataUpdate } from './metadata.ts';

const object = (metadata: object): KubeObject => ({
  metadata: { name: 'a', namespace: 'n', resourceVersion: '1', uid: 'u', ...metadata },
});
const replicaSets = defineBuiltIn('apps', 'v1', 'replicasets');
const jobs = defineBuiltIn('batch', 'v1', 'jobs');
const budgets = defineBuiltIn('policy', 'v1', 'poddisruptionbudgets');
const leases = defineBuiltIn('coordination.k8s.io', 'v1', 'leases');
const said = (errors: { field: string; message: string }[]) => errors.map(({ field, message }) => `${field}: ${message.slice(0, 60)}`);

test('an update looks at generateName as at a path, and by the rule of names where the kind is asked again', () => {
  const write = object({ generateName: 'a/B' });
  const path = 'metadata.generateName: Invalid value: "a/B": may not contain \'/\'';
  assert.deepEqual(said(validateMetadataUpdate(replicaSets, write, object({}))), [path]);
  const again = said(validateMetadataUpdate(jobs, write, object({})));
  assert.equal(again.length, 2);
  assert.ok(again.includes(path));
  assert.deepEqual(said(validateMetadataUpdate(jobs, write, object({}), 'status')), [path]);
});

test('a kind that asks nothing of names is asked only what fits into a URL, and last', () => {
  const odd = object({ name: 'Odd_Name' });
  assert.deepEqual(validateMetadata(budgets, odd), []);
  assert.deepEqual(validateCommonMetadata(budgets, odd), []);
  assert.equal(validateCommonMetadata(budgets, object({ name: 'a%' })).length, 1);
  assert.equal(validateMetadata(replicaSets, odd).length, 1);
});

test('finalizers need a domain for most kinds, and are complained of once for their form', () => {
  const write = object({ finalizers: ['plain', 'a/b/c'] });
  const of = (definition: typeof leases) => said(validateMetadata(definition, write)).map((line) => line.split(':')[0]);
  assert.deepEqual(of(leases), ['metadata.finalizers']);
  assert.deepEqual(of(replicaSets), ['metadata.finalizers', 'metadata.finalizers[0]']);
});

test('names of managers can be shown', () => {
  const managed = object({
    managedFields: [{ manager: 'é\n', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} }],
  });
  assert.deepEqual(
    validateMetadata(replicaSets, managed).map(({ field, message }) => `${field}: ${message}`),
    ['metadata.managedFields[0].manager: Invalid value: "é\\n": invalid character U+000A (at position 2)'],
  );
});
