// ReplicationControllers (registry/core/replicationcontroller, apis/core/validation, printers printReplicationController).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { integer, mapText, templateColumns, text, wide, withNameAndAge } from '../rules/columns.ts';
import { type Errors, nonNegative } from '../rules/errors.ts';
import { isLongName } from '../rules/formats.ts';
import { warnAboutPod } from '../rules/pod/warnings.ts';
import { checkCounters, checkReplicaCounters } from '../rules/rollout.ts';
import { checkRunsForever, checkSelectorMatches, checkTemplate } from '../rules/template.ts';

type ReplicationController = corev1.ReplicationController;

function validate({ spec = {} }: ReplicationController): Errors {
  const errors: Errors = [];
  nonNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds);
  if (!Object.keys(spec.selector ?? {}).length) errors.push(fieldError.required('spec.selector'));
  if (spec.replicas === undefined) errors.push(fieldError.required('spec.replicas'));
  else nonNegative(errors, 'spec.replicas', spec.replicas);
  if (!spec.template) errors.push(fieldError.required('spec.template'));
  else {
    checkSelectorMatches(errors, 'spec.template', { matchLabels: spec.selector ?? {} }, spec.template);
    checkTemplate(errors, 'spec.template', spec.template);
    checkRunsForever(errors, 'spec.template', spec.template, 'ReplicationController');
  }
  return errors;
}

const OF_REPLICAS = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'];

export const replicationControllers = defineBuiltIn<ReplicationController>('', 'v1', 'replicationcontrollers', {
  // Clients older than propagation policies relied on it.
  defaultPropagation: 'Orphan',
  validateName: isLongName,
  prepareForCreate(controller) {
    controller.status = { replicas: 0 };
  },
  validateCreate(controller, context) {
    const errors = validate(controller);
    const template = controller.spec?.template;
    if (!errors.length) warnAboutPod(context.warn, 'spec.template', template?.spec, template?.metadata);
    return errors;
  },
  validateUpdate: validate,
  status: {
    validateUpdate({ status }) {
      const errors: Errors = [];
      checkCounters(errors, status, ['replicas', ...OF_REPLICAS, 'observedGeneration']);
      checkReplicaCounters(errors, status, OF_REPLICAS);
      return errors;
    },
  },
  selectableFields: ({ status }) => ({ 'status.replicas': String(status?.replicas ?? 0) }),
  columns: [
    ...withNameAndAge<ReplicationController>(
      integer('Desired', ({ spec }) => spec?.replicas ?? 0),
      integer('Current', ({ status }) => status?.replicas ?? 0),
      integer('Ready', ({ status }) => status?.readyReplicas ?? 0),
    ),
    ...templateColumns<ReplicationController>(({ spec }) => spec?.template),
    wide(text<ReplicationController>('Selector', ({ spec }) => mapText(spec?.selector))),
  ],
});
