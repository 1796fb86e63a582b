import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeleteOptions, ResourceDefinition } from '@tiphys/registry';
import { finalizersFor } from './deletion.ts';

const after = (finalizers: string[], options: DeleteOptions, definition: Partial<ResourceDefinition> = {}) =>
  finalizersFor(definition as ResourceDefinition, finalizers, options);

test('the garbage collector is told by a finalizer after the others', () => {
  assert.deepEqual(after(['a/b'], { propagationPolicy: 'Orphan' }), ['a/b', 'orphan']);
  assert.deepEqual(after(['foregroundDeletion', 'a/b'], { propagationPolicy: 'Orphan' }), ['a/b', 'orphan']);
  assert.deepEqual(after(['orphan'], { propagationPolicy: 'Background' }), []);
  assert.deepEqual(after([], {}, { defaultPropagation: 'Orphan' }), ['orphan']);
});

test('finalizers that are the wished ones stay as they were written', () => {
  assert.deepEqual(after(['orphan', 'orphan'], { propagationPolicy: 'Orphan' }), ['orphan', 'orphan']);
  assert.deepEqual(after(['orphan', 'a/b'], {}), ['orphan', 'a/b']);
});
