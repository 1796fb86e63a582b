// Rules of a Job's status (apis/batch/validation validateJobStatus, ValidateJobStatusUpdate).
import type { batchv1 } from '@tiphys/api';
import { type FieldError, fieldError } from '@tiphys/machinery';
import type { Errors } from '../rules/errors.ts';
import { checkCounters } from '../rules/rollout.ts';
import { countIndexes } from './policy-rules.ts';

const invalid = (field: string, why: string): FieldError => ({ type: 'FieldValueInvalid', field, message: `Invalid value: ${why}` });

export const isTrue = (job: batchv1.Job, type: string) =>
  job.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;

const EXCLUSIVE: [a: string, b: string, words: string][] = [
  ['Complete', 'Failed', 'Complete=True and Failed=true'],
  ['Complete', 'FailureTarget', 'Complete=True and FailureTarget=true'],
  ['SuccessCriteriaMet', 'Failed', 'SuccessCriteriaMet=True and Failed=true'],
  ['SuccessCriteriaMet', 'FailureTarget', 'SuccessCriteriaMet=True and FailureTarget=true'],
];

function checkUncounted(errors: Errors, uncounted: batchv1.UncountedTerminatedPods | undefined): void {
  const seen = new Set<string>();
  for (const kind of ['succeeded', 'failed'] as const) {
    uncounted?.[kind]?.forEach((uid, i) => {
      const path = `status.uncountedTerminatedPods.${kind}[${i}]`;
      if (!uid) errors.push(fieldError.invalid(path, uid, 'must not be empty'));
      else if (seen.has(uid)) errors.push(fieldError.duplicate(path, uid));
      seen.add(uid);
    });
  }
}

export function validateJobStatus(job: batchv1.Job, old: batchv1.Job): Errors {
  const errors: Errors = [];
  const [status, before, spec] = [job.status ?? {}, old.status ?? {}, old.spec];
  checkCounters(errors, status, ['active', 'succeeded', 'failed', 'ready', 'terminating']);
  const { ready, active = 0 } = status;
  if (ready !== undefined && ready > active && (ready !== before.ready || active !== (before.active ?? 0))) {
    errors.push(fieldError.invalid('status.ready', ready, 'cannot set more ready pods than active'));
  }
  checkUncounted(errors, status.uncountedTerminatedPods);
  for (const [a, b, words] of EXCLUSIVE) {
    if (isTrue(job, a) && isTrue(job, b)) errors.push(invalid('status.conditions', `cannot set ${words} conditions`));
  }
  checkEnd(errors, job, old);
  if (spec?.completions !== undefined && status.completedIndexes !== before.completedIndexes) {
    const counted = countIndexes(status.completedIndexes ?? '', spec.completions);
    if (typeof counted === 'string') {
      errors.push(fieldError.invalid('status.completedIndexes', status.completedIndexes, `error parsing completedIndexes: ${counted}`));
    }
  }
  if (status.completedIndexes && status.completedIndexes !== before.completedIndexes && spec?.completionMode !== 'Indexed') {
    const why = 'cannot set non-empty completedIndexes when non-indexed completion mode';
    errors.push(fieldError.invalid('status.completedIndexes', status.completedIndexes, why));
  }
  if (status.failedIndexes !== undefined && status.failedIndexes !== before.failedIndexes && spec?.backoffLimitPerIndex === undefined) {
    const why = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null';
    errors.push(fieldError.invalid('status.failedIndexes', status.failedIndexes, why));
  }
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (isTrue(old, type) && !isTrue(job, type)) {
      errors.push(invalid('status.conditions', `cannot disable the terminal ${type}=True condition`));
    }
  }
  if (isTrue(old, 'SuccessCriteriaMet') && !isTrue(job, 'SuccessCriteriaMet')) {
    errors.push(invalid('status.conditions', 'cannot disable the SuccessCriteriaMet=True condition'));
  }
  return errors;
}

/** What must be so when a Job becomes finished, and what then stays. */
function checkEnd(errors: Errors, job: batchv1.Job, old: batchv1.Job): void {
  const [status, before] = [job.status ?? {}, old.status ?? {}];
  const [complete, failed] = [isTrue(job, 'Complete'), isTrue(job, 'Failed')];
  if (complete && !isTrue(old, 'Complete')) {
    if (!status.completionTime) {
      errors.push(fieldError.required('status.completionTime', 'completionTime is required for Complete jobs'));
    }
    if (!isTrue(job, 'SuccessCriteriaMet')) {
      errors.push(invalid('status.conditions', 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition'));
    }
  }
  if (failed && !isTrue(old, 'Failed') && !isTrue(job, 'FailureTarget')) {
    errors.push(invalid('status.conditions', 'cannot set Failed=True condition without the FailureTarget=true condition'));
  }
  if (status.completionTime && !before.completionTime && !complete) {
    const why = 'cannot set completionTime when there is no Complete=True condition';
    errors.push(fieldError.invalid('status.completionTime', status.completionTime, why));
  }
  if (status.completionTime && before.completionTime && status.completionTime !== before.completionTime) {
    errors.push(fieldError.invalid('status.completionTime', status.completionTime, 'field is immutable'));
  }
  if (status.startTime && status.completionTime && Date.parse(status.completionTime) < Date.parse(status.startTime)) {
    errors.push(fieldError.invalid('status.completionTime', status.completionTime, 'must be equal to or after `startTime`'));
  }
  if (before.startTime && status.startTime !== before.startTime && !job.spec?.suspend) {
    const why = 'field is immutable for unsuspended job once set';
    errors.push(fieldError.invalid('status.startTime', status.startTime ?? null, why));
  }
  const finishes = (complete || failed) && !isTrue(old, 'Complete') && !isTrue(old, 'Failed');
  if (!finishes) return;
  if ((status.active ?? 0) > 0) errors.push(fieldError.invalid('status.active', status.active, 'active>0 is invalid for finished job'));
  if (!status.startTime) errors.push(fieldError.required('status.startTime', 'startTime is required for finished job'));
  if ((status.terminating ?? 0) > 0) {
    errors.push(fieldError.invalid('status.terminating', status.terminating, 'terminating>0 is invalid for finished job'));
  }
  const { succeeded, failed: lost } = status.uncountedTerminatedPods ?? {};
  if (succeeded?.length || lost?.length) {
    const why = 'must be empty for finished job';
    errors.push(fieldError.invalid('status.uncountedTerminatedPods', status.uncountedTerminatedPods, why));
  }
}
