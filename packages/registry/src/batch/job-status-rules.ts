// Rules of a Job's status (apis/batch/validation validateJobStatus, ValidateJobStatusUpdate).
import { type batchv1, cameFiner } from '@tiphys/api';
import { type FieldError, fieldError } from '@tiphys/machinery';
import { sameValue } from '../rules/equality.ts';
import type { Errors } from '../rules/errors.ts';
import { checkCounters } from '../rules/rollout.ts';
import { countIndexes, sharedIndex } from './indexes.ts';

const invalid = (field: string, why: string): FieldError => ({ type: 'FieldValueInvalid', field, message: `Invalid value: ${why}` });

export const isTrue = (job: batchv1.Job, type: string) =>
  job.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;

const isFinished = (job: batchv1.Job) => isTrue(job, 'Complete') || isTrue(job, 'Failed');

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

/** Which parts of the status, and which conditions, a write changes: most rules look at those alone. */
function changesOf(job: batchv1.Job, old: batchv1.Job) {
  const [status, before] = [job.status ?? {}, old.status ?? {}];
  const differs = (name: keyof batchv1.JobStatus, zero?: unknown) =>
    cameFiner(status, name) || !sameValue(status[name] ?? zero, before[name] ?? zero);
  return {
    finished: isFinished(job) !== isFinished(old),
    condition: (type: string) => isTrue(job, type) !== isTrue(old, type),
    differs,
  };
}

export function validateJobStatus(job: batchv1.Job, old: batchv1.Job): Errors {
  const errors: Errors = [];
  const [status, before, spec] = [job.status ?? {}, old.status ?? {}, job.spec];
  const changes = changesOf(job, old);
  checkCounters(errors, status, ['active', 'succeeded', 'failed', 'ready', 'terminating']);
  checkUncounted(errors, status.uncountedTerminatedPods);
  checkConditions(errors, job, old, changes);
  checkTimes(errors, job, old, changes);
  checkIndexes(errors, job, changes);
  const { ready, active = 0, terminating = 0 } = status;
  const finished = isFinished(job);
  if ((changes.finished || changes.differs('active', 0)) && active > 0 && finished) {
    errors.push(fieldError.invalid('status.active', active, 'active>0 is invalid for finished job'));
  }
  const { succeeded, failed } = status.uncountedTerminatedPods ?? {};
  if ((changes.finished || changes.differs('uncountedTerminatedPods')) && finished && (succeeded?.length || failed?.length)) {
    const why = 'must be empty for finished job';
    errors.push(fieldError.invalid('status.uncountedTerminatedPods', status.uncountedTerminatedPods, why));
  }
  if ((changes.finished || changes.differs('terminating')) && terminating > 0 && finished) {
    errors.push(fieldError.invalid('status.terminating', terminating, 'terminating>0 is invalid for finished job'));
  }
  if ((changes.differs('ready') || changes.differs('active', 0)) && ready !== undefined && ready > active) {
    errors.push(fieldError.invalid('status.ready', ready, 'cannot set more ready pods than active'));
  }
  if ((status.failed ?? 0) < (before.failed ?? 0)) {
    errors.push(fieldError.invalid('status.failed', status.failed ?? 0, 'cannot decrease the failed counter'));
  }
  const scales = spec?.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  if (!scales && (status.succeeded ?? 0) < (before.succeeded ?? 0)) {
    errors.push(fieldError.invalid('status.succeeded', status.succeeded ?? 0, 'cannot decrease the succeeded counter'));
  }
  return errors;
}

type Changes = ReturnType<typeof changesOf>;

function checkConditions(errors: Errors, job: batchv1.Job, old: batchv1.Job, changes: Changes): void {
  const complain = (why: string) => errors.push(invalid('status.conditions', why));
  const [complete, failed, target, met] = ['Complete', 'Failed', 'FailureTarget', 'SuccessCriteriaMet'].map((type) => isTrue(job, type));
  const hasChanged = (...types: string[]) => types.some((type) => changes.condition(type));
  if (complete && failed && hasChanged('Complete', 'Failed')) complain('cannot set Complete=True and Failed=true conditions');
  if (complete && target && hasChanged('Complete', 'FailureTarget')) complain('cannot set Complete=True and FailureTarget=true conditions');
  if (failed && !target && (hasChanged('Failed') || changes.differs('failedIndexes'))) {
    complain('cannot set Failed=True condition without the FailureTarget=true condition');
  }
  if (complete && !met && hasChanged('Complete', 'SuccessCriteriaMet')) {
    complain('cannot set Complete=True condition without the SuccessCriteriaMet=true condition');
  }
  if (met && failed) complain('cannot set SuccessCriteriaMet=True and Failed=true conditions');
  if (met && target) complain('cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
  if (job.spec?.successPolicy && !met && complete) {
    complain('cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True');
  }
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (isTrue(old, type) && !isTrue(job, type)) complain(`cannot disable the terminal ${type}=True condition`);
  }
  const wasMet = isTrue(old, 'SuccessCriteriaMet');
  if (wasMet && !met) complain('cannot disable the SuccessCriteriaMet=True condition');
  if (isTrue(old, 'Complete') && !wasMet && met) {
    complain('cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions');
  }
}

function checkTimes(errors: Errors, job: batchv1.Job, old: batchv1.Job, changes: Changes): void {
  const [{ startTime, completionTime }, before] = [job.status ?? {}, old.status ?? {}];
  const complete = isTrue(job, 'Complete');
  const [starts, ends] = [changes.differs('startTime'), changes.differs('completionTime')];
  if (changes.condition('Complete') || ends) {
    if (completionTime && !complete) {
      const why = 'cannot set completionTime when there is no Complete=True condition';
      errors.push(fieldError.invalid('status.completionTime', completionTime, why));
    }
    if (!completionTime && complete) {
      errors.push(fieldError.required('status.completionTime', 'completionTime is required for Complete jobs'));
    }
  }
  if ((starts || ends) && startTime && completionTime && Date.parse(completionTime) < Date.parse(startTime)) {
    errors.push(fieldError.invalid('status.completionTime', completionTime, 'must be equal to or after `startTime`'));
  }
  const restsEmpty = job.spec?.suspend === true && job.spec.completions === 0;
  if ((changes.finished || starts) && !restsEmpty && !startTime && isFinished(job)) {
    errors.push(fieldError.required('status.startTime', 'startTime is required for finished job'));
  }
  if (completionTime && before.completionTime && ends) {
    errors.push(fieldError.invalid('status.completionTime', completionTime, 'field is immutable'));
  }
  const resumes =
    isTrue(old, 'Suspended') && job.status?.conditions?.some(({ type, status }) => type === 'Suspended' && status === 'False');
  if (starts && !resumes && before.startTime && !job.spec?.suspend) {
    const why = 'field is immutable for unsuspended job once set';
    errors.push(fieldError.invalid('status.startTime', startTime ?? null, why));
  }
}

function checkIndexes(errors: Errors, { spec, status }: batchv1.Job, changes: Changes): void {
  const { completedIndexes: completed = '', failedIndexes: failed } = status ?? {};
  const [completedChanged, failedChanged] = [changes.differs('completedIndexes', ''), changes.differs('failedIndexes')];
  const checkFormat = (name: 'completedIndexes' | 'failedIndexes', text: string, completions: number) => {
    const counted = countIndexes(text, completions);
    if (typeof counted === 'string') errors.push(fieldError.invalid(`status.${name}`, text, `error parsing ${name}: ${counted}`));
  };
  if (completedChanged && spec?.completions !== undefined) checkFormat('completedIndexes', completed, spec.completions);
  const perIndex = spec?.backoffLimitPerIndex !== undefined;
  if (failedChanged && failed !== undefined && spec?.completions !== undefined && perIndex) {
    checkFormat('failedIndexes', failed, spec.completions);
  }
  if (completedChanged && completed && spec?.completionMode !== 'Indexed') {
    const why = 'cannot set non-empty completedIndexes when non-indexed completion mode';
    errors.push(fieldError.invalid('status.completedIndexes', completed, why));
  }
  if (failedChanged && !perIndex && failed !== undefined) {
    const why = 'cannot set non-null failedIndexes when backoffLimitPerIndex is null';
    errors.push(fieldError.invalid('status.failedIndexes', failed, why));
  }
  if (!(completedChanged || failedChanged) || failed === undefined || spec?.completions === undefined) return;
  const shared = sharedIndex(completed, failed, spec.completions);
  if (shared === undefined) return;
  errors.push(fieldError.invalid('status.failedIndexes', failed, `failedIndexes and completedIndexes overlap at index: ${shared}`));
}
