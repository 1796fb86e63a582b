// Leases (registry/coordination/lease, apis/coordination/validation, printers printLease).
import type { coordinationv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { text, withNameAndAge } from '../rules/columns.ts';
import { type Errors, nonNegative } from '../rules/errors.ts';

type Lease = coordinationv1.Lease;

function validate({ spec }: Lease): Errors {
  const errors: Errors = [];
  const seconds = spec?.leaseDurationSeconds;
  if (seconds !== undefined && seconds <= 0) {
    errors.push(fieldError.invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0'));
  }
  nonNegative(errors, 'spec.leaseTransitions', spec?.leaseTransitions);
  if (spec?.preferredHolder && !spec.strategy) {
    errors.push(fieldError.forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined'));
  }
  return errors;
}

export const leases = defineBuiltIn<Lease>('coordination.k8s.io', 'v1', 'leases', {
  validateCreate: validate,
  validateUpdate: validate,
  columns: withNameAndAge<Lease>(text('Holder', ({ spec }) => spec?.holderIdentity ?? '')),
});
