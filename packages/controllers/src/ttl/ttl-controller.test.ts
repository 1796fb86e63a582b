import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { planText } from '../testing/plan.ts';
import { nextStep, ttlController } from './ttl-controller.ts';

const node = (name: string, ttl?: string): corev1.Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, ...(ttl === undefined ? {} : { annotations: { 'node.alpha.kubernetes.io/ttl': ttl } }) },
});

test('a node gets the annotation once', () => {
  assert.equal(planText(ttlController, node('a'), []), 'patch nodes a: it is one of 1 nodes');
  assert.equal(planText(ttlController, node('a', '0'), []), '');
  assert.equal(planText(ttlController, node('a', 'x'), []), 'patch nodes a: it is one of 1 nodes');
});

test('the step changes at 100, 500, 1000 and 2000 nodes, and back a tenth below', () => {
  const walk = (sizes: readonly number[]) => {
    let step = 0;
    return sizes.map((size) => {
      step = nextStep(step, size);
      return step;
    });
  };
  assert.deepEqual(walk([1, 100, 101, 500, 501, 1000, 1001, 2000, 2001]), [0, 0, 1, 1, 2, 2, 3, 3, 4]);
  assert.deepEqual(walk([3000, 1800, 1799, 900, 899, 450, 449, 90, 89]), [4, 4, 3, 3, 2, 2, 1, 1, 0]);
});
