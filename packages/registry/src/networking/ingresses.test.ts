import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import type { FieldError } from '@tiphys/machinery';
import { checkReference } from './ingresses.ts';

const problems = (reference: object): string[] => {
  const errors: FieldError[] = [];
  checkReference(errors, 'resource', reference as corev1.TypedLocalObjectReference);
  return errors.map(({ field }) => field);
};

test('a reference may be without a group, and the group of one that has it must be a name', () => {
  assert.deepEqual(problems({ apiGroup: null, kind: 'Bucket', name: 'files' }), []);
  assert.deepEqual(problems({ kind: 'Bucket', name: 'files' }), []);
  assert.deepEqual(problems({ apiGroup: 'Not A Group', kind: 'Bucket' }), ['resource.apiGroup', 'resource.name']);
});
