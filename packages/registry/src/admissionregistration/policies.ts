// The tables of admission policies and their bindings (printers printValidatingAdmissionPolicy and its kin) and
// the rules they must satisfy (registry/admissionregistration).
import type { admissionregistrationv1 } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import type { ResourceDefinition } from '../define-resource.ts';
import { integer, text, withNameAndAge } from '../rules/columns.ts';
import { selectorText } from '../rules/labels.ts';
import { validateBinding, validateMutatingPolicy, validatePolicyStatus, validateValidatingPolicy } from './policy-rules.ts';

type Policy = admissionregistrationv1.ValidatingAdmissionPolicy & admissionregistrationv1.MutatingAdmissionPolicy;
type Binding = admissionregistrationv1.ValidatingAdmissionPolicyBinding;
const GROUP = 'admissionregistration.k8s.io';

function parameterKind({ spec }: Policy): string {
  const kind = spec?.paramKind;
  return kind ? `${kind.apiVersion}/${kind.kind}` : '<unset>';
}

function parameter({ spec }: Binding): string {
  const reference = spec?.paramRef;
  if (reference?.name) return `${reference.namespace || '*'}/${reference.name}`;
  return reference?.selector ? selectorText(reference.selector) : '<unset>';
}

const bindingColumns = withNameAndAge<Binding>(
  text('PolicyName', ({ spec }) => spec?.policyName ?? ''),
  text('ParamRef', parameter),
);

export const admissionPolicies: ResourceDefinition<any>[] = [
  defineBuiltIn<Policy>(GROUP, 'v1', 'validatingadmissionpolicies', {
    validateCreate: (policy) => validateValidatingPolicy(policy),
    validateUpdate: (policy) => validateValidatingPolicy(policy),
    status: { validateUpdate: (policy) => validatePolicyStatus(policy) },
    statusCreates: true,
    columns: withNameAndAge<Policy>(
      integer('Validations', ({ spec }) => spec?.validations?.length ?? 0),
      text('ParamKind', parameterKind),
    ),
  }),
  defineBuiltIn<Policy>(GROUP, 'v1', 'mutatingadmissionpolicies', {
    storageVersion: 'v1beta1',
    validateCreate: (policy) => validateMutatingPolicy(policy),
    validateUpdate: (policy) => validateMutatingPolicy(policy),
    columns: withNameAndAge<Policy>(
      integer('Mutations', ({ spec }) => spec?.mutations?.length ?? 0),
      text('ParamKind', parameterKind),
    ),
  }),
  defineBuiltIn<Binding>(GROUP, 'v1', 'validatingadmissionpolicybindings', {
    columns: bindingColumns,
    validateCreate: (binding) => validateBinding(binding, false),
    validateUpdate: (binding) => validateBinding(binding, false),
  }),
  defineBuiltIn<Binding>(GROUP, 'v1', 'mutatingadmissionpolicybindings', {
    storageVersion: 'v1beta1',
    columns: bindingColumns,
    validateCreate: (binding) => validateBinding(binding, true),
    validateUpdate: (binding) => validateBinding(binding, true),
  }),
];
