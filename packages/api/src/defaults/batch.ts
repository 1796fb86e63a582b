// Defaults of Jobs and CronJobs (pkg/apis/batch/v1/defaults.go).
import type { CronJob, Job, PodFailurePolicyOnPodConditionsPattern } from '../generated/batch-v1.types.ts';
import type { DefaultFunction } from './types.ts';

const BACKOFF_LIMIT = 6;
const INT32_MAX = 2 ** 31 - 1;

function defaultJob(job: Job): void {
  const spec = job.spec!;
  if (spec.completions == null && spec.parallelism == null) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex == null ? BACKOFF_LIMIT : INT32_MAX;
  const labels = spec.template?.metadata?.labels;
  // The same object: what a create adds to the template's labels is added to the job's, as upstream's map is shared.
  if (labels && Object.keys(labels).length > 0) job.metadata!.labels ??= labels;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  spec.manualSelector ??= false;
}

function defaultCronJob(cronJob: CronJob): void {
  const spec = cronJob.spec!;
  spec.concurrencyPolicy ||= 'Allow';
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
}

const BATCH = 'io.k8s.api.batch.v1.';

export const batchDefaults: Record<string, DefaultFunction> = {
  [`${BATCH}Job`]: defaultJob,
  [`${BATCH}CronJob`]: defaultCronJob,
  [`${BATCH}PodFailurePolicyOnPodConditionsPattern`]: (pattern: PodFailurePolicyOnPodConditionsPattern) => {
    pattern.status ||= 'True';
  },
};
