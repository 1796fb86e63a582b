// What a configuration says of managers itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeObject, schemaTable } from '@tiphys/api';
import { mergeTypeOf } from '../schema/merge-type.ts';
import { serverSideApply } from './server-side-apply.ts';

const by = (name: string) => ({ name, apiVersion: 'v1', time: '2026-01-01T00:00:00Z' });

test('a configuration must not say who manages what, where that can be read', () => {
  const of = { type: mergeTypeOf(schemaTable, 'io.k8s.api.core.v1.ConfigMap'), empty: {} };
  const apply = (managedFields: unknown) => () => {
    const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', managedFields } } as KubeObject;
    return serverSideApply(undefined, config, by('one'), of);
  };
  const refused = { message: 'metadata.managedFields must be nil' };
  assert.throws(apply([]), refused);
  assert.throws(apply([{ manager: 'x' }]), refused);
  assert.doesNotThrow(apply([{ time: '2020-01-02' }]));
  assert.throws(apply(5), { message: /expected list, got/ });
});
