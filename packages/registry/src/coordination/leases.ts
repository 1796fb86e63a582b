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
  return errors;
}

/** Fields of coordinated leader election, which is off by default. */
function dropCoordination({ spec }: Lease, old?: Lease): void {
  if (!spec || old?.spec?.strategy || old?.spec?.preferredHolder) return;
  delete spec.strategy;
  delete spec.preferredHolder;
}

export const leases = defineBuiltIn<Lease>('coordination.k8s.io', 'v1', 'leases', {
  prepareForCreate: (lease) => dropCoordination(lease),
  prepareForUpdate: dropCoordination,
  validateCreate: validate,
  validateUpdate: validate,
  columns: withNameAndAge<Lease>(text('Holder', ({ spec }) => spec?.holderIdentity ?? '')),
});
