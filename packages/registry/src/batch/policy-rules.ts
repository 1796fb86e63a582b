// When a Job has failed or succeeded early (apis/batch/validation validatePodFailurePolicy, validateSuccessPolicy).
import type { batchv1 } from '@tiphys/api';
import { type FieldError, fieldError } from '@tiphys/machinery';
import { complain, type Errors, nonNegative } from '../rules/errors.ts';
import { isQualifiedName } from '../rules/formats.ts';
import { countIndexes } from './indexes.ts';

type Spec = batchv1.JobSpec;
const RULES_MAX = 20;
const EXIT_CODES_MAX = 255;
const CONDITIONS_MAX = 20;
const INDEXES_LENGTH_MAX = 64 * 1024;
const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const STATUSES = ['False', 'True', 'Unknown'];

const listed = (values: readonly string[]) => `valid values: [${values.map((value) => JSON.stringify(value)).join(' ')}]`;
/** An invalid value that is not shown. */
const without = (field: string, why: string): FieldError => ({ type: 'FieldValueInvalid', field, message: `Invalid value: ${why}` });

function oneOfListed(errors: Errors, path: string, value: string | undefined, values: readonly string[]): void {
  if (!value) errors.push(fieldError.required(path, listed(values)));
  else if (!values.includes(value)) errors.push(fieldError.notSupported(path, value, values));
}

export function checkFailurePolicy(errors: Errors, path: string, spec: Spec, policy: batchv1.PodFailurePolicy): void {
  const rules = policy.rules ?? [];
  if (rules.length > RULES_MAX) errors.push(fieldError.tooMany(`${path}.rules`, rules.length, RULES_MAX));
  const pod = spec.template?.spec;
  const names = new Set([...(pod?.containers ?? []), ...(pod?.initContainers ?? [])].map(({ name }) => name));
  rules.forEach((rule, i) => {
    const at = `${path}.rules[${i}]`;
    if (rule.action === 'FailIndex') {
      if (spec.backoffLimitPerIndex === undefined) {
        errors.push(fieldError.invalid(`${at}.action`, rule.action, 'requires the backoffLimitPerIndex to be set'));
      }
    } else oneOfListed(errors, `${at}.action`, rule.action, ACTIONS);
    if (rule.onExitCodes) checkExitCodes(errors, `${at}.onExitCodes`, rule.onExitCodes, names);
    const conditions = rule.onPodConditions ?? [];
    if (conditions.length) checkConditions(errors, `${at}.onPodConditions`, conditions);
    if (rule.onExitCodes && conditions.length) {
      errors.push(without(at, 'specifying both OnExitCodes and OnPodConditions is not supported'));
    } else if (!rule.onExitCodes && !conditions.length) {
      errors.push(without(at, 'specifying one of OnExitCodes and OnPodConditions is required'));
    }
  });
}

function checkConditions(errors: Errors, path: string, patterns: readonly batchv1.PodFailurePolicyOnPodConditionsPattern[]): void {
  if (patterns.length > CONDITIONS_MAX) errors.push(fieldError.tooMany(path, patterns.length, CONDITIONS_MAX));
  patterns.forEach(({ type = '', status }, i) => {
    complain(errors, `${path}[${i}].type`, type, isQualifiedName(type));
    oneOfListed(errors, `${path}[${i}].status`, status, STATUSES);
  });
}

function checkExitCodes(
  errors: Errors,
  path: string,
  requirement: batchv1.PodFailurePolicyOnExitCodesRequirement,
  names: ReadonlySet<string>,
): void {
  const { operator, containerName } = requirement;
  const values = requirement.values ?? [];
  oneOfListed(errors, `${path}.operator`, operator, ['In', 'NotIn']);
  if (containerName !== undefined && !names.has(containerName)) {
    const why = 'must be one of the container or initContainer names in the pod template';
    errors.push(fieldError.invalid(`${path}.containerName`, containerName, why));
  }
  if (!values.length) errors.push(fieldError.invalid(`${path}.values`, values, 'at least one value is required'));
  else if (values.length > EXIT_CODES_MAX) errors.push(fieldError.tooMany(`${path}.values`, values.length, EXIT_CODES_MAX));
  const seen = new Set<number>();
  values.forEach((value, i) => {
    const at = `${path}.values[${i}]`;
    if (operator === 'In' && value === 0) errors.push(fieldError.invalid(at, value, 'must not be 0 for the In operator'));
    if (seen.has(value)) errors.push(fieldError.duplicate(at, value));
    seen.add(value);
  });
  if (values.some((value, i) => i > 0 && values[i - 1]! > value)) {
    errors.push(fieldError.invalid(`${path}.values`, values, 'must be ordered'));
  }
}

export function checkSuccessPolicy(errors: Errors, path: string, spec: Spec, policy: batchv1.SuccessPolicy): void {
  const rules = policy.rules ?? [];
  const completions = spec.completions ?? 0;
  if (!rules.length) {
    errors.push(fieldError.required(`${path}.rules`, 'at least one rules must be specified when the successPolicy is specified'));
  }
  if (rules.length > RULES_MAX) errors.push(fieldError.tooMany(`${path}.rules`, rules.length, RULES_MAX));
  rules.forEach(({ succeededCount: count, succeededIndexes: indexes }, i) => {
    const at = `${path}.rules[${i}]`;
    if (count === undefined && indexes === undefined) {
      errors.push(fieldError.required(at, 'at least one of succeededCount or succeededIndexes must be specified'));
    }
    let total = 0;
    if (indexes !== undefined) {
      if (indexes.length > INDEXES_LENGTH_MAX) errors.push(fieldError.tooLong(`${at}.succeededIndexes`, INDEXES_LENGTH_MAX));
      const counted = countIndexes(indexes, completions);
      if (typeof counted === 'number') total = counted;
      else errors.push(fieldError.invalid(`${at}.succeededIndexes`, indexes, `error parsing succeededIndexes: ${counted}`));
    }
    if (count === undefined) return;
    nonNegative(errors, `${at}.succeededCount`, count);
    const atMost = (max: number, what: string) => `must be less than or equal to ${max} (the number of ${what})`;
    if (count > completions) {
      errors.push(fieldError.invalid(`${at}.succeededCount`, count, atMost(completions, 'specified completions')));
    }
    if (indexes !== undefined && count > total) {
      const what = 'indexes in the specified succeededIndexes field';
      errors.push(fieldError.invalid(`${at}.succeededCount`, count, atMost(total, what)));
    }
  });
}
