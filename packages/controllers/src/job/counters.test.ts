// What the Job controller counts, under upstream's names and labels.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { batchv1 } from '@tiphys/api';
import type { Action } from '../runtime/actions.ts';
import { planOf } from '../testing/plan.ts';
import { createdTallies, endedTally, finishedTallies } from './counters.ts';
import type { Facts } from './facts.ts';
import { jobController } from './job-controller.ts';

const job = (spec: Partial<batchv1.JobSpec> = {}): batchv1.Job => ({ metadata: { name: 'j' }, spec: spec as batchv1.JobSpec });
const lines = (actions: readonly Action[]) =>
  actions.map((action) => (action.do === 'tally' ? `${action.counter} ${action.labels.join(' ')}: ${action.by}` : action.do));

test('finished pods are the difference of two statuses', () => {
  const found = finishedTallies(job(), { succeeded: 1 }, { succeeded: 3, failed: 1 });
  assert.deepEqual(lines(found), ['pods NonIndexed succeeded: 2', 'pods NonIndexed failed: 1']);
  assert.deepEqual(finishedTallies(job(), { succeeded: 3 }, { succeeded: 3 }), []);
});

test('indexes count once, with the kind of limit', () => {
  const indexed = job({ completionMode: 'Indexed', completions: 5, backoffLimitPerIndex: 1 });
  const found = finishedTallies(indexed, { completedIndexes: '0' }, { completedIndexes: '0-2', failedIndexes: '4', failed: 2 });
  assert.deepEqual(lines(found), [
    'indexes succeeded perIndex: 2',
    'indexes failed perIndex: 1',
    'pods Indexed succeeded: 2',
    'pods Indexed failed: 2',
  ]);
});

test('a Job ends with its reason', () => {
  const verdict = { type: 'Failed', status: 'True', reason: 'DeadlineExceeded' };
  assert.deepEqual(lines([endedTally(job(), verdict)]), ['jobs NonIndexed failed DeadlineExceeded: 1']);
  assert.deepEqual(lines([endedTally(job(), { ...verdict, type: 'Complete', reason: 'CompletionsReached' })]), [
    'jobs NonIndexed succeeded CompletionsReached: 1',
  ]);
});

test('created pods are told by why they were needed', () => {
  const facts = (policy: string | undefined, failed: number, terminating: number) =>
    ({ job: job(policy ? { podReplacementPolicy: policy } : {}), failed, terminating: Array(terminating).fill({}) }) as unknown as Facts;
  const told = (given: Facts) => lines(createdTallies(given, 2, { results: [] }));
  assert.deepEqual(told(facts(undefined, 0, 0)), ['created new succeeded: 2']);
  assert.deepEqual(told(facts(undefined, 0, 1)), ['created recreate_terminating_or_failed succeeded: 2']);
  assert.deepEqual(told(facts('Failed', 1, 0)), ['created recreate_failed succeeded: 2']);
  assert.deepEqual(told(facts('Failed', 0, 1)), ['created new succeeded: 2']);
});

test('a Job that somebody else manages counts once', () => {
  const external = { ...job({ managedBy: 'example.com/jobs' }), apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j', uid: 'u' } };
  const first = planOf(jobController, external, []);
  assert.deepEqual(lines(first), ['note', 'external example.com/jobs: 1']);
  const notes = new Map(first.flatMap((action) => (action.do === 'note' ? [[action.key, action.value] as const] : [])));
  assert.deepEqual(planOf(jobController, external, [], 0, notes), []);
});
