// PodDisruptionBudgets (registry/policy/poddisruptionbudget, apis/policy/validation, printers printPodDisruptionBudget).
import type { policyv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { integer, text, withNameAndAge } from '../rules/columns.ts';
import { checkConditions } from '../rules/conditions.ts';
import { type Errors, maybeOneOf } from '../rules/errors.ts';
import { checkLabelSelector } from '../rules/labels.ts';
import { checkAtMost100Percent, checkCounters, checkIntOrPercent } from '../rules/rollout.ts';

type Budget = policyv1.PodDisruptionBudget;

function validate({ spec = {} }: Budget): Errors {
  const errors: Errors = [];
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
    errors.push(fieldError.invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set'));
  }
  for (const name of ['minAvailable', 'maxUnavailable'] as const) {
    if (spec[name] === undefined) continue;
    checkIntOrPercent(errors, `spec.${name}`, spec[name]);
    checkAtMost100Percent(errors, `spec.${name}`, spec[name]);
  }
  checkLabelSelector(errors, 'spec.selector', spec.selector);
  maybeOneOf(errors, 'spec.unhealthyPodEvictionPolicy', spec.unhealthyPodEvictionPolicy, ['AlwaysAllow', 'IfHealthyBudget']);
  return errors;
}

export const podDisruptionBudgets = defineBuiltIn<Budget>('policy', 'v1', 'poddisruptionbudgets', {
  prepareForCreate(budget) {
    budget.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
  },
  validateCreate: validate,
  validateUpdate: validate,
  status: {
    validateUpdate({ status }) {
      const errors: Errors = [];
      checkConditions(errors, 'status.conditions', status?.conditions);
      checkCounters(errors, status, ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods']);
      return errors;
    },
  },
  columns: withNameAndAge<Budget>(
    text('Min Available', ({ spec }) => String(spec?.minAvailable ?? 'N/A')),
    text('Max Unavailable', ({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
    integer('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed ?? 0),
  ),
});
