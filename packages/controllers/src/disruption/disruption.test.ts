import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { policyv1 } from '@tiphys/api';
import { at, nowAt, pod } from '../testing/objects.ts';
import { budgetStatus, failedStatus, stillDisrupted } from './budget-status.ts';

const budget = (status: Partial<policyv1.PodDisruptionBudgetStatus> = {}): policyv1.PodDisruptionBudget => ({
  metadata: { name: 'b', namespace: 'default', generation: 1 },
  status: status as policyv1.PodDisruptionBudgetStatus,
});
const pods = [pod('a', undefined), pod('b', undefined), pod('c', undefined, { ready: false }), pod('d', undefined, { deleting: true })];
const expected = { expectedPods: 4, desiredHealthy: 1, unmanaged: [] };

test('healthy pods beyond the wanted may go', () => {
  const status = budgetStatus(budget(), pods, expected, {}, nowAt(0))!;
  assert.deepEqual([status.currentHealthy, status.disruptionsAllowed, status.conditions![0]!.reason], [2, 1, 'SufficientPods']);
  assert.equal(budgetStatus(budget(status), pods, expected, {}, nowAt(5)), undefined, 'nothing to write');
  const none = budgetStatus(budget(status), pods, { ...expected, expectedPods: 0 }, {}, nowAt(5))!;
  assert.deepEqual(
    [none.disruptionsAllowed, none.conditions![0]!.reason, none.conditions![0]!.lastTransitionTime],
    [0, 'InsufficientPods', at(5)],
  );
});

test('a pod whose eviction was allowed counts as gone for two minutes', () => {
  const disrupted = budget({ disruptedPods: { a: at(0), d: at(0), gone: at(0) } });
  const soon = stillDisrupted(disrupted, pods, nowAt(60));
  assert.deepEqual([soon.disruptedPods, soon.recheckMs, soon.overdue.length], [{ a: at(0) }, nowAt(120), 0]);
  assert.equal(budgetStatus(disrupted, pods, expected, soon.disruptedPods, nowAt(60))!.currentHealthy, 1);
  const late = stillDisrupted(disrupted, pods, nowAt(121));
  assert.deepEqual([late.disruptedPods, late.overdue.map(({ metadata }) => metadata!.name)], [{}, ['a']]);
});

test('when it cannot be worked out, nothing may go', () => {
  const status = failedStatus(budget({ disruptionsAllowed: 3 }), 'found no controllers for pod "a"', nowAt(0));
  assert.equal(status.disruptionsAllowed, 0);
  assert.equal(status.conditions![0]!.reason, 'SyncFailed');
});
