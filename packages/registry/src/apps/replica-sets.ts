// ReplicaSets (registry/apps/replicaset/strategy.go, apis/apps/validation, printers printReplicaSet).
import type { appsv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { integer, selectorColumn, templateColumns, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { type Errors, IMMUTABLE, nonNegative } from '../rules/errors.ts';
import { checkCounters, checkReplicaCounters } from '../rules/rollout.ts';
import { checkRunsForever, checkSelectorMatches, checkTemplate, checkWorkloadSelector } from '../rules/template.ts';
import { warnOfChanged, warnOfNew } from '../rules/workload-warnings.ts';

type ReplicaSet = appsv1.ReplicaSet;

function validate({ spec = {} as appsv1.ReplicaSetSpec }: ReplicaSet): Errors {
  const errors: Errors = [];
  nonNegative(errors, 'spec.replicas', spec.replicas);
  nonNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds);
  if (checkWorkloadSelector(errors, 'spec.selector', spec.selector, 'deployment')) {
    checkSelectorMatches(errors, 'spec.template', spec.selector, spec.template);
    checkTemplate(errors, 'spec.template', spec.template);
    checkRunsForever(errors, 'spec.template', spec.template, 'ReplicaSet');
  } else errors.push(fieldError.invalid('spec.selector', spec.selector, 'invalid label selector'));
  return errors;
}

const OF_REPLICAS = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'];

const ABOUT = { path: 'spec.template', template: ({ spec }: ReplicaSet) => spec?.template, named: true };

export const replicaSets = defineBuiltIn<ReplicaSet>('apps', 'v1', 'replicasets', {
  prepareForCreate(set) {
    set.status = { replicas: 0 };
  },
  validateCreate: (set, context) => warnOfNew(validate(set), set, context, ABOUT),
  validateUpdate(set, old, context) {
    const errors = validate(set);
    if (!sameValue(set.spec?.selector, old.spec?.selector)) {
      errors.push(fieldError.invalid('spec.selector', set.spec?.selector ?? null, IMMUTABLE));
    }
    return warnOfChanged(errors, set, old, context, ABOUT);
  },
  status: {
    validateUpdate({ status }) {
      const errors: Errors = [];
      checkCounters(errors, status, ['replicas', ...OF_REPLICAS, 'observedGeneration', 'terminatingReplicas']);
      checkReplicaCounters(errors, status, OF_REPLICAS);
      return errors;
    },
  },
  selectableFields: ({ status }) => ({ 'status.replicas': String(status?.replicas ?? 0) }),
  columns: [
    ...withNameAndAge<ReplicaSet>(
      integer('Desired', ({ spec }) => spec?.replicas ?? 0),
      integer('Current', ({ status }) => status?.replicas ?? 0),
      integer('Ready', ({ status }) => status?.readyReplicas ?? 0),
    ),
    ...templateColumns<ReplicaSet>(({ spec }) => spec?.template),
    selectorColumn<ReplicaSet>(({ spec }) => spec?.selector),
  ],
});
