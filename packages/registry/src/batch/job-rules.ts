// Rules of Jobs and of the Jobs that CronJobs make (apis/batch/validation validateJobSpec, ValidateJob, ValidateJobUpdate).
import type { batchv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { checkDomainPath } from '../rules/domain-path.ts';
import { sameValue } from '../rules/equality.ts';
import { type Errors, IMMUTABLE, nonNegative } from '../rules/errors.ts';
import { isDns1123Label } from '../rules/formats.ts';
import { checkLabelSelector, selectorMatches } from '../rules/labels.ts';
import { checkTemplate, isUsableSelector } from '../rules/template.ts';
import { checkFailurePolicy, checkSuccessPolicy } from './policy-rules.ts';

type Spec = batchv1.JobSpec;

export const UID_LABELS = ['controller-uid', 'batch.kubernetes.io/controller-uid'];
export const NAME_LABELS = ['job-name', 'batch.kubernetes.io/job-name'];
const INDEXED_PARALLELISM_MAX = 100_000;
const FAILED_INDEXES_MAX = 100_000;
const COMPLETIONS_SOFT_MAX = 100_000;
const HIGH_COMPLETIONS_MAX = 10_000;
const MANAGED_BY_LENGTH_MAX = 63;
const NUMBERS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const;

export function checkJobSpec(errors: Errors, path: string, spec: Spec): void {
  for (const name of NUMBERS) nonNegative(errors, `${path}.${name}`, spec[name]);
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined) {
    errors.push(fieldError.required(`${path}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'));
  }
  checkManagedBy(errors, `${path}.managedBy`, spec.managedBy);
  const mode = spec.completionMode;
  if (mode !== undefined && mode !== 'NonIndexed' && mode !== 'Indexed') {
    errors.push(fieldError.notSupported(`${path}.completionMode`, mode, ['NonIndexed', 'Indexed']));
  }
  if (mode === 'Indexed') checkIndexed(errors, path, spec);
  else if (mode === undefined || mode === 'NonIndexed') {
    for (const name of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
      if (spec[name] !== undefined) errors.push(fieldError.invalid(`${path}.${name}`, spec[name], 'requires indexed completion mode'));
    }
  }
  if (spec.podFailurePolicy) checkFailurePolicy(errors, `${path}.podFailurePolicy`, spec, spec.podFailurePolicy);
  if (spec.successPolicy) {
    if (mode === 'Indexed') checkSuccessPolicy(errors, `${path}.successPolicy`, spec, spec.successPolicy);
    else errors.push(fieldError.invalid(`${path}.successPolicy`, spec.successPolicy, 'requires indexed completion mode'));
  }
  const replacement = spec.podReplacementPolicy;
  const allowed = spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  if (replacement !== undefined && !allowed.includes(replacement)) {
    errors.push(fieldError.notSupported(`${path}.podReplacementPolicy`, replacement, allowed));
  }
  checkTemplate(errors, `${path}.template`, spec.template);
  checkRestartPolicy(errors, `${path}.template.spec.restartPolicy`, spec);
}

function checkRestartPolicy(errors: Errors, path: string, spec: Spec): void {
  const policy = spec.template?.spec?.restartPolicy ?? '';
  if (policy === 'Always' || policy === '') errors.push(fieldError.required(path, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never') errors.push(fieldError.notSupported(path, policy, ['OnFailure', 'Never']));
  else if (spec.podFailurePolicy && policy !== 'Never') {
    errors.push(fieldError.invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
}

function checkManagedBy(errors: Errors, path: string, value: string | undefined): void {
  if (value === undefined) return;
  checkDomainPath(errors, path, value);
  if (value.length > MANAGED_BY_LENGTH_MAX) errors.push(fieldError.tooLong(path, MANAGED_BY_LENGTH_MAX));
}

/** More indexes than upstream's controller can keep count of (api/job/warnings.go). */
export function warnOfManyIndexes(warn: (text: string) => void, path: string, spec: Spec | undefined): void {
  if (spec?.completionMode !== 'Indexed') return;
  if ((spec.completions ?? 0) <= COMPLETIONS_SOFT_MAX || (spec.parallelism ?? 0) <= HIGH_COMPLETIONS_MAX) return;
  warn(
    `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, ` +
      'Kubernetes might not be able to track completedIndexes when a big number of indexes fail',
  );
}

function checkIndexed(errors: Errors, path: string, spec: Spec): void {
  const { completions, parallelism, maxFailedIndexes } = spec;
  const atMost = (name: string, value: number | undefined, max: number, when: string) => {
    if (value === undefined || value <= max) return;
    errors.push(fieldError.invalid(`${path}.${name}`, value, `must be less than or equal to ${max}${when}`));
  };
  if (completions === undefined) errors.push(fieldError.required(`${path}.completions`, 'when completion mode is Indexed'));
  atMost('parallelism', parallelism, INDEXED_PARALLELISM_MAX, ' when completion mode is Indexed');
  if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions) {
    errors.push(fieldError.invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, 'must be less than or equal to completions'));
  }
  atMost('maxFailedIndexes', maxFailedIndexes, FAILED_INDEXES_MAX, '');
  if ((completions ?? 0) <= COMPLETIONS_SOFT_MAX || spec.backoffLimitPerIndex === undefined) return;
  if (maxFailedIndexes === undefined) {
    errors.push(fieldError.required(`${path}.maxFailedIndexes`, `must be specified when completions is above ${COMPLETIONS_SOFT_MAX}`));
  }
  const when = ` when completions are above ${COMPLETIONS_SOFT_MAX} and used with backoff limit per index`;
  atMost('parallelism', parallelism, HIGH_COMPLETIONS_MAX, when);
  atMost('maxFailedIndexes', maxFailedIndexes, HIGH_COMPLETIONS_MAX, when);
}

function checkGeneratedSelector(errors: Errors, job: batchv1.Job): void {
  const { metadata, spec } = job;
  if (spec?.manualSelector || !spec?.selector) return;
  if (!metadata?.uid) errors.push(fieldError.required('metadata.uid'));
  const labels = spec.template?.metadata?.labels;
  const expected: Record<string, string> = {};
  for (const [names, value] of [
    [UID_LABELS, metadata?.uid ?? ''],
    [NAME_LABELS, metadata?.name ?? ''],
  ] as const) {
    for (const name of names) {
      expected[name] = value;
      const path = `spec.template.metadata.labels[${name}]`;
      if (labels?.[name] === undefined) errors.push(fieldError.required(path, `must be '${value}'`));
      else if (labels[name] !== value) errors.push(fieldError.invalid(path, labels, `must be '${value}'`));
    }
  }
  if (isUsableSelector(spec.selector) && !selectorMatches(spec.selector, expected)) {
    errors.push(fieldError.invalid('spec.selector', spec.selector, '`selector` not auto-generated'));
  }
}

export function validateJob(job: batchv1.Job): Errors {
  const errors: Errors = [];
  const spec = job.spec ?? ({} as Spec);
  checkGeneratedSelector(errors, job);
  checkJobSpec(errors, 'spec', spec);
  if (!spec.selector) errors.push(fieldError.required('spec.selector'));
  else checkLabelSelector(errors, 'spec.selector', spec.selector);
  const labels = spec.template?.metadata?.labels;
  if (isUsableSelector(spec.selector) && !selectorMatches(spec.selector, labels)) {
    errors.push(fieldError.invalid('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`'));
  }
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > 0) {
    const name = job.metadata?.name ?? '';
    const host = `${name}-${spec.completions! - 1}`;
    if (isDns1123Label(host).length) {
      const why = `will not able to create pod with invalid DNS label: ${host}`;
      errors.push(fieldError.invalid('metadata.name', name, why));
    }
  }
  return errors;
}

const IMMUTABLE_FIELDS = ['selector', 'completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const;

export function validateJobUpdate(job: batchv1.Job, old: batchv1.Job): Errors {
  const errors = validateJob(job);
  const [spec, before] = [job.spec ?? ({} as Spec), old.spec ?? ({} as Spec)];
  checkCompletions(errors, spec, before);
  checkTemplateUpdate(errors, spec, before, old);
  for (const name of IMMUTABLE_FIELDS) {
    if (!sameValue(spec[name], before[name])) errors.push(fieldError.invalid(`spec.${name}`, spec[name] ?? null, IMMUTABLE));
  }
  return errors;
}

function checkCompletions(errors: Errors, spec: Spec, before: Spec): void {
  if (spec.completions === before.completions) return;
  if (spec.completionMode !== 'Indexed') errors.push(fieldError.invalid('spec.completions', spec.completions ?? null, IMMUTABLE));
  else if (spec.completions !== undefined && spec.completions !== spec.parallelism) {
    errors.push(fieldError.invalid('spec.completions', spec.completions, 'can only be modified in tandem with spec.parallelism'));
  }
}

/** While a Job is suspended and none of its pods run, where they go and what they need may change. */
function checkTemplateUpdate(errors: Errors, spec: Spec, before: Spec, old: batchv1.Job): void {
  const { status } = old;
  const suspendedCondition = status?.conditions?.some(({ type, status: value }) => type === 'Suspended' && value === 'True');
  const mutable = before.suspend && (!status?.startTime || suspendedCondition) && !status?.active;
  const [now, was] = [spec.template, before.template];
  if (!mutable) {
    if (!sameValue(now, was)) errors.push(fieldError.invalid('spec.template', now, IMMUTABLE));
    return;
  }
  const { nodeAffinity: _old, ...otherAffinity } = was?.spec?.affinity ?? {};
  const nodeAffinity = now?.spec?.affinity?.nodeAffinity;
  const affinity = { ...otherAffinity, ...(nodeAffinity ? { nodeAffinity } : {}) };
  const withResources = (containers: any[] | undefined, wanted: any[] | undefined) =>
    containers?.map((container, i) =>
      containers.length === wanted?.length && wanted[i].name === container.name
        ? { ...container, resources: wanted[i].resources }
        : container,
    );
  const allowed = {
    ...was?.spec,
    // One that says nothing may come, and may go.
    affinity: now?.spec?.affinity || Object.keys(affinity).length ? affinity : undefined,
    nodeSelector: now?.spec?.nodeSelector,
    tolerations: now?.spec?.tolerations,
    schedulingGates: now?.spec?.schedulingGates,
    containers: withResources(was?.spec?.containers, now?.spec?.containers),
    initContainers: withResources(was?.spec?.initContainers, now?.spec?.initContainers),
  };
  if (!sameValue(now?.spec, allowed)) errors.push(fieldError.invalid('spec.template.spec', now?.spec, IMMUTABLE));
}
