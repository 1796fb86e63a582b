// Upstream's tables of whole syncs of a Job as facts: Job and pods before, and what kube-controller-manager's controller with v1.36's
// gates does and writes (pkg/controller/job/job_controller_test.go of v1.36.3).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type batchv1, corev1 } from '@tiphys/api';
import { omitZeros } from '../equality.ts';
import { carryOut, type Fails } from '../testing/carry-out.ts';
import { planOf } from '../testing/plan.ts';
import { COMPLETION_INDEX } from './indexes.ts';
import { jobController } from './job-controller.ts';
import cases from './upstream-syncs.json' with { type: 'json' };

interface Case {
  table: string;
  name: string;
  job: batchv1.Job;
  pods: corev1.Pod[];
  now: string;
  backoff?: { failures: number; lastFailureTime?: string };
  /** What every write to a pod is answered with. */
  podError?: string;
  /** Pods that can be created. */
  createLimit?: number;
  creates: number;
  createdIndexes?: string[];
  deletes: number;
  patches: number;
  status: batchv1.JobStatus;
  fails?: boolean;
}

const isPods = (type: { resource: string }) => type.resource === corev1.pods.resource;

/** Without what differs from run to run. */
function comparable({ conditions, startTime, completionTime, ...status }: batchv1.JobStatus) {
  const shown = conditions?.map(({ lastProbeTime: _probe, lastTransitionTime: _transition, ...one }) => one) ?? [];
  return {
    ...omitZeros(status, []),
    conditions: shown,
    hasStarted: startTime !== undefined && startTime !== null,
    hasEnded: Boolean(completionTime),
  };
}

for (const one of cases.cases as unknown as Case[]) {
  test(`${one.table}: ${one.name}`, async () => {
    const job = { ...one.job, apiVersion: 'batch/v1', kind: 'Job' };
    const pods = one.pods.map((pod) => ({ ...pod, apiVersion: 'v1', kind: 'Pod' }));
    const notes = new Map<string, unknown>();
    if (one.backoff) {
      const { failures, lastFailureTime } = one.backoff;
      notes.set(`backoff/${job.metadata!.uid}`, { failures, lastFailureMs: lastFailureTime ? Date.parse(lastFailureTime) : 0 });
    }
    const fails: Fails = (write, type, { created }) => {
      if (!isPods(type)) return undefined;
      if (one.podError) return new Error(one.podError);
      return write === 'create' && one.createLimit && created.length >= one.createLimit ? new Error('limit') : undefined;
    };
    const found = await carryOut(planOf(jobController, job, pods, Date.parse(one.now), notes), job, fails);
    // Where every write fails, upstream counts those that were tried.
    const { create = 0, delete: deletes = 0, patch = 0 } = found.attempts;
    const done = { creates: found.created.length, deletes: found.deleted.length, patches: found.patched.length };
    assert.deepEqual(
      { ...(one.podError ? { creates: create, deletes, patches: patch } : done), fails: found.failure !== undefined },
      { creates: one.creates, deletes: one.deletes, patches: one.patches, fails: one.fails ?? false },
    );
    if (one.createdIndexes) {
      const indexes = found.created.map(({ metadata }) => metadata?.annotations?.[COMPLETION_INDEX] ?? '');
      assert.deepEqual(indexes.sort(), [...one.createdIndexes].sort());
    }
    assert.deepEqual(comparable((found.status as batchv1.JobStatus | undefined) ?? job.status ?? {}), comparable(one.status));
  });
}
