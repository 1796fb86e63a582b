// Whether the Job has come to its end, and why (syncJob and the policies; KEPs 3329, 3850, 3998).
import { type batchv1, timeText } from '@tiphys/api';
import { timeMs } from '../runtime/objects.ts';
import { completionsOf, type Facts, isIndexed, isSuspended, jobCondition } from './facts.ts';
import { countIndexes } from './indexes.ts';
import { isPodFailed, type Job, matchFailurePolicy, matchSuccessPolicy } from './policies.ts';

export type Verdict = batchv1.JobCondition;

export function condition(nowMs: number, type: string, reason: string, message: string, status = 'True'): Verdict {
  const time = timeText(nowMs);
  return { type, status, lastProbeTime: time, lastTransitionTime: time, reason, message };
}

/** The conditions with this one, in the place of the one that was there; undefined when nothing changes. From none to false is no change. */
export function ensured(conditions: readonly Verdict[] | undefined, next: Verdict): Verdict[] | undefined {
  const current = conditions?.find(({ type }) => type === next.type);
  if (!current) return next.status === 'False' ? undefined : [...(conditions ?? []), next];
  if (current.status === next.status && (current.reason ?? '') === next.reason && (current.message ?? '') === next.message)
    return undefined;
  return conditions!.map((one) => (one === current ? next : one));
}

/** The Job is on its way to failure; it is Failed when its pods are gone. */
const failure = (nowMs: number, reason: string, message: string) => condition(nowMs, 'FailureTarget', reason, message);

/** Restarts of containers count when pods restart them by themselves. */
function restartsExceeded({ job, pods }: Facts): boolean {
  if (job.spec?.template.spec?.restartPolicy !== 'OnFailure') return false;
  let restarts = 0;
  for (const { status } of pods) {
    if (status?.phase !== 'Running' && status?.phase !== 'Pending') continue;
    for (const { restartCount } of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) restarts += restartCount;
  }
  const limit = backoffLimit(job);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

const INT32_MAX = 2 ** 31 - 1;
/** With a limit per index there is none for the whole Job unless it is set. */
const backoffLimit = (job: Job): number => job.spec?.backoffLimit ?? (job.spec?.backoffLimitPerIndex === undefined ? 6 : INT32_MAX);

/** When activeDeadlineSeconds are over; undefined while there is no such time. */
export function deadlineMs(job: Job): number | undefined {
  const seconds = job.spec?.activeDeadlineSeconds;
  if (seconds === undefined || !job.status?.startTime || isSuspended(job)) return undefined;
  return timeMs(job.status.startTime) + seconds * 1000;
}

function policyFailure({ job, pods, nowMs }: Facts): Verdict | undefined {
  const policy = job.spec?.podFailurePolicy;
  if (!policy) return undefined;
  for (const pod of pods) {
    const message = isPodFailed(job, pod) ? matchFailurePolicy(policy, pod).failJob : undefined;
    if (message !== undefined) return failure(nowMs, 'PodFailurePolicy', message);
  }
  return undefined;
}

function limitFailure(facts: Facts): Verdict | undefined {
  const { job, nowMs } = facts;
  if (facts.failed > backoffLimit(job) || restartsExceeded(facts)) {
    return failure(nowMs, 'BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  if ((deadlineMs(job) ?? Number.POSITIVE_INFINITY) <= nowMs) {
    return failure(nowMs, 'DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  return undefined;
}

function indexFailure({ job, nowMs, failedIndexes, succeededIndexes }: Facts): Verdict | undefined {
  if (!failedIndexes) return undefined;
  const failed = countIndexes(failedIndexes);
  const most = job.spec?.maxFailedIndexes;
  if (most !== undefined && failed > most) {
    return failure(nowMs, 'MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  }
  if (failed > 0 && failed + countIndexes(succeededIndexes) >= completionsOf(job)) {
    return failure(nowMs, 'FailedIndexes', 'Job has failed indexes');
  }
  return undefined;
}

/** What earlier plans found holds; then failures come before successes. */
export function verdictOf(facts: Facts): Verdict | undefined {
  const { job, nowMs } = facts;
  const met = jobCondition(job, 'SuccessCriteriaMet');
  if (met) return met;
  const target = jobCondition(job, 'FailureTarget');
  if (target) return condition(nowMs, 'Failed', target.reason ?? '', target.message ?? '');
  const failed = policyFailure(facts) ?? limitFailure(facts) ?? indexFailure(facts);
  if (failed || !isIndexed(job)) return failed;
  const message = matchSuccessPolicy(job.spec?.successPolicy, completionsOf(job), facts.succeededIndexes);
  return message === undefined ? undefined : condition(nowMs, 'SuccessCriteriaMet', 'SuccessPolicy', message);
}

/** Enough pods have succeeded and none is running. */
export function completion({ job, nowMs, succeeded }: Facts, active: number): Verdict | undefined {
  const enough = job.spec?.completions === undefined ? succeeded > 0 : succeeded >= job.spec.completions;
  if (!enough || active > 0) return undefined;
  return condition(nowMs, 'SuccessCriteriaMet', 'CompletionsReached', 'Reached expected number of succeeded pods');
}
