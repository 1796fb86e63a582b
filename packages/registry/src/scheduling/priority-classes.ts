// PriorityClasses (registry/scheduling/priorityclass, apis/scheduling/validation, printers printPriorityClass).
import type { schedulingv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { boolean, integer, text, withNameAndAge } from '../rules/columns.ts';
import { type Errors, IMMUTABLE, oneOf } from '../rules/errors.ts';

type PriorityClass = schedulingv1.PriorityClass;
const USER_PRIORITY_MAX = 1_000_000_000;
const SYSTEM: Record<string, number> = { 'system-node-critical': 2_000_001_000, 'system-cluster-critical': 2_000_000_000 };

function systemFault(name: string, { value, globalDefault }: PriorityClass): string | undefined {
  if (SYSTEM[name] === undefined) return `${name} is not a known system priority class`;
  if (SYSTEM[name] !== value) return `value of ${name} PriorityClass must be ${SYSTEM[name]}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

function validate(object: PriorityClass): Errors {
  const errors: Errors = [];
  const name = object.metadata?.name ?? '';
  if (name.startsWith('system-')) {
    const fault = systemFault(name, object);
    const why = `priority class names with 'system-' prefix are reserved for system use only. error: ${fault}`;
    if (fault) errors.push(fieldError.forbidden('metadata.name', why));
  } else if ((object.value ?? 0) > USER_PRIORITY_MAX) {
    errors.push(fieldError.forbidden('value', `maximum allowed value of a user defined priority is ${USER_PRIORITY_MAX}`));
  }
  if (object.preemptionPolicy !== undefined) {
    oneOf(errors, 'preemptionPolicy', object.preemptionPolicy, ['PreemptLowerPriority', 'Never']);
  }
  return errors;
}

export const priorityClasses = defineBuiltIn<PriorityClass>('scheduling.k8s.io', 'v1', 'priorityclasses', {
  generation: 'constant',
  validateCreate: validate,
  validateUpdate(object, old) {
    const errors: Errors = [];
    if (object.value !== old.value) errors.push(fieldError.forbidden('value', 'may not be changed in an update.'));
    if (object.preemptionPolicy !== old.preemptionPolicy) {
      errors.push(fieldError.invalid('preemptionPolicy', object.preemptionPolicy ?? null, IMMUTABLE));
    }
    return errors;
  },
  columns: [
    ...withNameAndAge<PriorityClass>(
      integer('Value', ({ value }) => value ?? 0),
      boolean('Global-Default', ({ globalDefault }) => globalDefault ?? false),
    ),
    text<PriorityClass>('PreemptionPolicy', ({ preemptionPolicy }) => preemptionPolicy ?? ''),
  ],
});
