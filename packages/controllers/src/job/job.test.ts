// Jobs on the real server: completion, indexes, failure, suspension and time to live.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchv1, corev1 } from '@tiphys/api';
import { type Action, updateStatus } from '../runtime/actions.ts';
import { defineController } from '../runtime/controller.ts';
import { isDeleting } from '../runtime/objects.ts';
import { startTestCluster } from '../testing/cluster.ts';
import { ttlAfterFinishedController } from '../ttlafterfinished/ttl-after-finished-controller.ts';
import { jobCondition } from './facts.ts';
import { jobController } from './job-controller.ts';
import { jobOrphanController } from './job-orphan-controller.ts';

/** Running pods end: those labelled `ends: badly` with exit code 1. */
const podEnder = defineController<corev1.Pod>({
  name: 'pod-ender',
  for: corev1.pods,
  plan: ({ object: pod }, nowMs): readonly Action[] => {
    const { ends } = pod.metadata?.labels ?? {};
    if (pod.status?.phase !== 'Running' || ends === undefined || isDeleting(pod)) return [];
    const [phase, exitCode] = ends === 'badly' ? ['Failed', 1] : ['Succeeded', 0];
    const finishedAt = new Date(nowMs).toISOString().replace(/\.[0-9]+/, '');
    const state = { terminated: { exitCode, finishedAt } };
    const containerStatuses = [{ name: 'main', image: 'work:1', imageID: '', ready: false, restartCount: 0, state }];
    return [updateStatus(corev1.pods, { ...pod, status: { ...pod.status, phase, containerStatuses } }, 'its containers have ended')];
  },
});

const controllers = [jobController, jobOrphanController, ttlAfterFinishedController, podEnder];

function work(spec: Partial<batchv1.JobSpec>, ends?: 'well' | 'badly'): batchv1.Job {
  return {
    metadata: { name: 'work', namespace: 'default' },
    spec: {
      template: {
        metadata: { labels: ends ? { ends } : {} },
        spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'work:1' }] } as corev1.PodSpec,
      },
      ...spec,
    },
  };
}

test('completes when enough pods have succeeded, and counts each once', async () => {
  await using cluster = await startTestCluster(controllers);
  await cluster.client.of(batchv1.jobs).create(work({ completions: 5, parallelism: 2 }, 'well'));
  const job = await cluster.until(batchv1.jobs, 'work', (one) => jobCondition(one, 'Complete') !== undefined);
  assert.equal(job.status?.succeeded, 5);
  assert.equal(job.status?.failed, undefined);
  assert.ok(job.status?.completionTime);
  assert.deepEqual(
    job.status?.conditions?.map(({ type, reason }) => `${type} ${reason}`),
    ['SuccessCriteriaMet CompletionsReached', 'Complete CompletionsReached'],
  );
  const pods = await cluster.client.of(corev1.pods).list({ namespace: 'default' });
  assert.equal(pods.items.length, 5);
  assert.ok(pods.items.every((pod) => !pod.metadata?.finalizers?.length));
});

test('gives every index its pod', async () => {
  await using cluster = await startTestCluster(controllers);
  await cluster.client.of(batchv1.jobs).create(work({ completions: 4, parallelism: 4, completionMode: 'Indexed' }, 'well'));
  const job = await cluster.until(batchv1.jobs, 'work', (one) => jobCondition(one, 'Complete') !== undefined);
  assert.equal(job.status?.completedIndexes, '0-3');
  const pods = await cluster.client.of(corev1.pods).list({ namespace: 'default' });
  assert.deepEqual(pods.items.map((pod) => pod.spec?.hostname).sort(), ['work-0', 'work-1', 'work-2', 'work-3']);
  assert.ok(pods.items[0]?.spec?.containers[0]?.env?.some(({ name }) => name === 'JOB_COMPLETION_INDEX'));
});

test('fails at the back-off limit', async () => {
  await using cluster = await startTestCluster(controllers);
  await cluster.client.of(batchv1.jobs).create(work({ backoffLimit: 0 }, 'badly'));
  const job = await cluster.until(batchv1.jobs, 'work', (one) => jobCondition(one, 'Failed') !== undefined);
  assert.equal(jobCondition(job, 'Failed')?.reason, 'BackoffLimitExceeded');
  assert.equal(jobCondition(job, 'FailureTarget')?.reason, 'BackoffLimitExceeded');
  assert.equal(job.status?.failed, 1);
});

test('a failure policy fails the Job at once', async () => {
  await using cluster = await startTestCluster(controllers);
  const podFailurePolicy = { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [1] } }] };
  await cluster.client.of(batchv1.jobs).create(work({ podFailurePolicy }, 'badly'));
  const job = await cluster.until(batchv1.jobs, 'work', (one) => jobCondition(one, 'Failed') !== undefined);
  assert.equal(jobCondition(job, 'Failed')?.reason, 'PodFailurePolicy');
  assert.match(
    jobCondition(job, 'Failed')?.message ?? '',
    /^Container main for pod default\/work-.* failed with exit code 1 matching FailJob rule at index 0$/,
  );
});

test('a success policy ends the Job early and removes what still runs', async () => {
  await using cluster = await startTestCluster(controllers);
  const successPolicy = { rules: [{ succeededIndexes: '0', succeededCount: 1 }] };
  const job = work({ completions: 2, parallelism: 2, completionMode: 'Indexed', successPolicy });
  await cluster.client.of(batchv1.jobs).create(job);
  const running = await cluster.untilAll(corev1.pods, (pods) => pods.length === 2 && pods.every((pod) => pod.status?.phase === 'Running'));
  const first = running.find((pod) => pod.spec?.hostname === 'work-0')!;
  await cluster.client.of(corev1.pods).patch(first.metadata!.name!, 'default', 'merge', { metadata: { labels: { ends: 'well' } } });
  const done = await cluster.until(batchv1.jobs, 'work', (one) => jobCondition(one, 'Complete') !== undefined);
  assert.equal(jobCondition(done, 'Complete')?.reason, 'SuccessPolicy');
  assert.equal(done.status?.succeeded, 1);
  await cluster.untilAll(corev1.pods, (pods) => pods.length === 1);
});

test('suspended, its pods go; resumed, they come back', async () => {
  await using cluster = await startTestCluster(controllers);
  const jobs = cluster.client.of(batchv1.jobs);
  await jobs.create(work({ parallelism: 2, completions: 2 }));
  await cluster.until(batchv1.jobs, 'work', (job) => job.status?.ready === 2);
  await jobs.patch('work', 'default', 'merge', { spec: { suspend: true } });
  const suspended = await cluster.until(batchv1.jobs, 'work', (job) => !job.status?.active && jobCondition(job, 'Suspended') !== undefined);
  assert.equal(suspended.status?.startTime, undefined);
  await cluster.untilAll(corev1.pods, (pods) => pods.length === 0);
  await jobs.patch('work', 'default', 'merge', { spec: { suspend: false } });
  const resumed = await cluster.until(batchv1.jobs, 'work', (job) => job.status?.ready === 2);
  assert.equal(resumed.status?.conditions?.find(({ type }) => type === 'Suspended')?.status, 'False');
});

test('goes away when its time to live is over', async () => {
  await using cluster = await startTestCluster(controllers);
  await cluster.client.of(batchv1.jobs).create(work({ ttlSecondsAfterFinished: 0 }, 'well'));
  const deleting = await cluster.untilAll(batchv1.jobs, (jobs) => jobs.every(isDeleting) && jobs.length > 0);
  assert.deepEqual(deleting[0]?.metadata?.finalizers, ['foregroundDeletion']);
});
