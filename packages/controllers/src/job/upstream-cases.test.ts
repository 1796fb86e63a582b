// Upstream's tables of Job policies and indexes as facts (pkg/controller/job pod_failure_policy_test.go, success_policy_test.go and
// indexed_job_utils_test.go of v1.36.3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { corev1 } from '@tiphys/api';
import { COMPLETION_INDEX, firstFree, hasIndex, type Indexes, indexOf, mergeIndexes, parseIndexes, withIndexes } from './indexes.ts';
import { matchFailurePolicy, matchSuccessPolicy } from './policies.ts';
import cases from './upstream-cases.json' with { type: 'json' };

const intervals = (list: readonly number[][]): Indexes => list.map(([first, last]) => ({ first: first!, last: last! }));
const pairs = (indexes: Indexes) => indexes.map(({ first, last }) => [first, last]);

/** `-` is a pod without an index. */
const podOf = ([index, phase]: readonly (string | null)[]): corev1.Pod => ({
  metadata: { name: 'p', annotations: index === '-' || index === null ? {} : { [COMPLETION_INDEX]: index! } },
  status: { phase: phase! },
});

test(`failure policies: ${cases.failures.length} cases`, () => {
  for (const one of cases.failures as any[]) {
    const { counts, action, failJob } = matchFailurePolicy(one.policy ?? undefined, one.pod);
    const found = { counts, action: action ?? null, message: failJob ?? null };
    assert.deepEqual(found, { counts: one.counts, action: one.action, message: one.message }, JSON.stringify(one));
  }
});

test(`success policies: ${cases.successes.length} cases`, () => {
  for (const one of cases.successes as any[]) {
    const found = matchSuccessPolicy(one.policy ?? undefined, one.completions, intervals(one.succeeded));
    assert.equal(found ?? null, one.message, JSON.stringify(one));
  }
});

test(`indexes: ${cases.succeeded.length + cases.pending.length + cases.has.length} cases`, () => {
  for (const one of cases.succeeded) {
    const done = one.pods.map(podOf).filter(({ status }) => status?.phase === 'Succeeded');
    const indexes = done.map(indexOf).filter((index) => index !== undefined && index < one.completions);
    const found = withIndexes(parseIndexes(one.before ?? undefined, one.completions), indexes as number[]);
    assert.deepEqual(pairs(found), one.expected, JSON.stringify(one));
  }
  for (const one of cases.pending) {
    const active = one.active
      .map(podOf)
      .map(indexOf)
      .filter((index) => index !== undefined);
    const taken = withIndexes(mergeIndexes(intervals(one.succeeded), []), active as number[]);
    assert.deepEqual(firstFree(taken, one.count, one.completions), one.expected, JSON.stringify(one));
  }
  for (const one of cases.has) assert.equal(hasIndex(intervals(one.intervals), one.index), one.expected, JSON.stringify(one));
});
