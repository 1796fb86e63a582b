// IngressClasses (registry/networking/ingressclass, apis/networking/validation, printers printIngressClass).
import type { networkingv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { NONE, text, withNameAndAge } from '../rules/columns.ts';
import { checkDomainPath } from '../rules/domain-path.ts';
import { complain, type Errors, IMMUTABLE } from '../rules/errors.ts';
import { nameIsLabel } from '../rules/formats.ts';
import { checkReference } from './ingresses.ts';

type IngressClass = networkingv1.IngressClass;
const CONTROLLER_LENGTH_MAX = 250;
const DEFAULT_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class';

function validate({ spec }: IngressClass): Errors {
  const errors: Errors = [];
  const controller = spec?.controller ?? '';
  if (controller.length > CONTROLLER_LENGTH_MAX) errors.push(fieldError.tooLong('spec.controller', CONTROLLER_LENGTH_MAX));
  checkDomainPath(errors, 'spec.controller', controller);
  const parameters = spec?.parameters;
  if (!parameters) return errors;
  checkReference(errors, 'spec.parameters', parameters);
  if (parameters.scope !== 'Cluster' && parameters.scope !== 'Namespace') {
    errors.push(fieldError.notSupported('spec.parameters.scope', parameters.scope ?? '', ['Cluster', 'Namespace']));
  } else if (parameters.scope === 'Namespace') {
    const at = 'spec.parameters.namespace';
    if (parameters.namespace === undefined) errors.push(fieldError.required(at, "`parameters.scope` is set to 'Namespace'"));
    else complain(errors, at, parameters.namespace, nameIsLabel(parameters.namespace, false));
  } else if (parameters.namespace !== undefined) {
    errors.push(fieldError.forbidden('spec.parameters.namespace', "`parameters.scope` is set to 'Cluster'"));
  }
  return errors;
}

function parametersText({ spec }: IngressClass): string {
  const parameters = spec?.parameters;
  if (!parameters) return NONE;
  return `${parameters.kind}${parameters.apiGroup === undefined ? '' : `.${parameters.apiGroup}`}/${parameters.name}`;
}

export const ingressClasses = defineBuiltIn<IngressClass>('networking.k8s.io', 'v1', 'ingressclasses', {
  validateCreate: validate,
  validateUpdate(object, old) {
    const errors = validate(object);
    if (object.spec?.controller !== old.spec?.controller) {
      errors.push(fieldError.invalid('spec.controller', object.spec?.controller ?? '', IMMUTABLE));
    }
    return errors;
  },
  columns: withNameAndAge<IngressClass>(
    text('Controller', ({ spec }) => spec?.controller ?? ''),
    text('Parameters', parametersText),
  ).map((column) =>
    column.name === 'Name'
      ? {
          ...column,
          cell: ({ metadata }) => `${metadata?.name}${metadata?.annotations?.[DEFAULT_ANNOTATION] === 'true' ? ' (default)' : ''}`,
        }
      : column,
  ),
});
