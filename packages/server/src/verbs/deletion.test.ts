import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeleteOptions, ResourceDefinition } from '@tiphys/registry';
import { finalizersFor, planDeletion } from './deletion.ts';

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

test('a deletion that is not to wait any longer tells of no grace', () => {
  const nowMs = Date.parse('2026-01-01T00:00:03Z');
  const metadata = { name: 'a', uid: 'u', deletionTimestamp: '2026-01-01T00:00:05Z', deletionGracePeriodSeconds: 5 };
  const type = { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true };
  const definition = { type, graceSeconds: () => 5 } as unknown as ResourceDefinition;
  const plan = (gracePeriodSeconds: number) =>
    planDeletion({ definition, object: { metadata }, options: { gracePeriodSeconds }, nowMs, grace: () => gracePeriodSeconds });
  assert.deepEqual(plan(5), { kind: 'pending' });
  const marks = { deletionTimestamp: '2026-01-01T00:00:03Z', deletionGracePeriodSeconds: 0 };
  assert.deepEqual(plan(0), { kind: 'remove', last: { metadata: { ...metadata, ...marks } } });
});
