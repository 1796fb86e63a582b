import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ManagedFieldsEntry } from '@tiphys/api';
import { managersOfScaled, scaleManagers } from './scale-managers.ts';

const PATH = ['spec', 'replicas'];
const entry = (manager: string, fieldsV1: object, more: object = {}): ManagedFieldsEntry => ({
  manager,
  operation: 'Update',
  apiVersion: 'apps/v1',
  fieldsType: 'FieldsV1',
  fieldsV1,
  ...more,
});
const both = { 'f:spec': { 'f:replicas': {}, 'f:selector': {} } };

test('an updater’s number is told as the Scale’s and comes back as a claim of its own, without its time', () => {
  const before = [entry('one', both, { time: '2026-01-01T00:00:00Z' })];
  const scale = scaleManagers(before, PATH);
  assert.deepEqual(
    scale?.map(({ apiVersion, fieldsV1 }) => [apiVersion, fieldsV1]),
    [['autoscaling/v1', { 'f:spec': { 'f:replicas': {} } }]],
  );
  assert.deepEqual(managersOfScaled(before, scale, PATH, 'apps/v1'), [
    entry('one', { 'f:spec': { 'f:replicas': {} } }),
    entry('one', { 'f:spec': { 'f:selector': {} } }, { time: '2026-01-01T00:00:00Z' }),
  ]);
});

test('an applier keeps what it applied, and a new owner comes beside the others', () => {
  const applied = entry('one', both, { operation: 'Apply' });
  assert.deepEqual(managersOfScaled([applied], scaleManagers([applied], PATH), PATH, 'apps/v1'), [applied]);
  const scaler = entry('two', { 'f:spec': { 'f:replicas': {} } }, { apiVersion: 'autoscaling/v1', subresource: 'scale' });
  assert.deepEqual(managersOfScaled([applied], [scaler], PATH, 'apps/v1'), [
    entry('one', { 'f:spec': { 'f:selector': {} } }, { operation: 'Apply' }),
    { ...scaler, apiVersion: 'apps/v1' },
  ]);
});
