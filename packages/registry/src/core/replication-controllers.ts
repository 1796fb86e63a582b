// ReplicationControllers (registry/core/replicationcontroller, apis/core/validation, printers printReplicationController).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { integer, mapText, templateColumns, text, wide, withNameAndAge } from '../rules/columns.ts';
import { type Errors, nonNegative } from '../rules/errors.ts';
import { isLongName } from '../rules/formats.ts';
import { warnAboutPod } from '../rules/pod/warnings.ts';
import { checkCounters, checkReplicaCounters } from '../rules/rollout.ts';
import { checkRunsForever, checkTemplate } from '../rules/template.ts';

type ReplicationController = corev1.ReplicationController;

/** A plain map is compared as it is, whatever its values are. */
function checkSelected(errors: Errors, selector: Record<string, string>, labels: Record<string, string> | undefined): void {
  if (Object.keys(selector).every((key) => labels?.[key] === selector[key])) return;
  errors.push(fieldError.invalid('spec.template.metadata.labels', labels ?? null, '`selector` does not match template `labels`'));
}

function validate({ spec = {} }: ReplicationController, old?: ReplicationController): Errors {
  const errors: Errors = [];
  nonNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds);
  if (!Object.keys(spec.selector ?? {}).length) errors.push(fieldError.required('spec.selector'));
  if (spec.replicas === undefined) errors.push(fieldError.required('spec.replicas'));
  else nonNegative(errors, 'spec.replicas', spec.replicas);
  if (!spec.template) errors.push(fieldError.required('spec.template'));
  else {
    checkSelected(errors, spec.selector ?? {}, spec.template.metadata?.labels);
    checkTemplate(errors, 'spec.template', spec.template, old?.spec?.template);
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
  validateUpdate(controller, old, { warn }) {
    const errors = validate(controller, old);
    // Upstream advises on the template that is replaced.
    const template = old.spec?.template;
    const isNew = controller.metadata?.generation !== old.metadata?.generation;
    if (!errors.length && isNew) warnAboutPod(warn, 'spec.template', template?.spec, template?.metadata);
    return errors;
  },
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
