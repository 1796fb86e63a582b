// Rules of PriorityLevelConfigurations (apis/flowcontrol/validation).
import type { flowcontrolv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import type { Errors } from '../rules/errors.ts';
import { checkConditions } from './flow-schema-rules.ts';

type PriorityLevel = flowcontrolv1.PriorityLevelConfiguration;
type Limited = flowcontrolv1.LimitedPriorityLevelConfiguration;

const EXEMPT = 'exempt';
const QUEUES_MAX = 10_000_000;
const HASH_BITS_MAX = 60;
const PRESERVES_ZERO = 'flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares';

function checkShares(errors: Errors, path: string, shares: number | undefined, lendable: number | undefined): void {
  if (shares !== undefined && shares < 0) {
    errors.push(fieldError.invalid(`${path}.nominalConcurrencyShares`, shares, 'must be a non-negative integer'));
  }
  if (lendable !== undefined && (lendable < 0 || lendable > 100)) {
    errors.push(fieldError.invalid(`${path}.lendablePercent`, lendable, 'must be between 0 and 100, inclusive'));
  }
}

function checkQueuing(errors: Errors, path: string, queuing: flowcontrolv1.QueuingConfiguration): void {
  const { queueLengthLimit = 0, queues = 0, handSize = 0 } = queuing;
  if (queueLengthLimit <= 0) errors.push(fieldError.invalid(`${path}.queueLengthLimit`, queueLengthLimit, 'must be positive'));
  if (queues <= 0) errors.push(fieldError.invalid(`${path}.queues`, queues, 'must be positive'));
  else if (queues > QUEUES_MAX) errors.push(fieldError.invalid(`${path}.queues`, queues, `must not be greater than ${QUEUES_MAX}`));
  if (handSize <= 0) errors.push(fieldError.invalid(`${path}.handSize`, handSize, 'must be positive'));
  else if (handSize > queues) {
    errors.push(fieldError.invalid(`${path}.handSize`, handSize, `should not be greater than queues (${queues})`));
  } else if (Math.ceil(Math.log2(queues) * handSize) > HASH_BITS_MAX) {
    const why = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${HASH_BITS_MAX}`;
    errors.push(fieldError.invalid(`${path}.handSize`, handSize, why));
  }
}

function checkLimited(errors: Errors, path: string, limited: Limited): void {
  checkShares(errors, path, limited.nominalConcurrencyShares, undefined);
  const { type = '', queuing } = limited.limitResponse ?? ({} as Partial<flowcontrolv1.LimitResponse>);
  const at = `${path}.limitResponse`;
  if (type === 'Reject') {
    if (queuing) errors.push(fieldError.forbidden(`${at}.queuing`, 'must be nil if limited.limitResponse.type is not Limited'));
  } else if (type === 'Queue') {
    if (queuing) checkQueuing(errors, `${at}.queuing`, queuing);
    else errors.push(fieldError.required(`${at}.queuing`, 'must not be empty if limited.limitResponse.type is Limited'));
  } else if (!type) errors.push(fieldError.required(`${at}.type`));
  else errors.push(fieldError.notSupported(`${at}.type`, type, ['Queue', 'Reject']));
  checkShares(errors, path, undefined, limited.lendablePercent);
  const borrowing = limited.borrowingLimitPercent;
  if (borrowing !== undefined && borrowing < 0) {
    errors.push(fieldError.invalid(`${path}.borrowingLimitPercent`, borrowing, 'if specified, must be a non-negative integer'));
  }
}

export function validateLevel({ metadata, spec, status }: PriorityLevel): Errors {
  const errors: Errors = [];
  if (metadata?.annotations?.[PRESERVES_ZERO] !== undefined) {
    errors.push(fieldError.forbidden('metadata.annotations', `annotation '${PRESERVES_ZERO}' is forbidden`));
  }
  const { type = '', limited, exempt } = spec ?? ({} as Partial<flowcontrolv1.PriorityLevelConfigurationSpec>);
  if ((metadata?.name === EXEMPT) !== (type === 'Exempt')) {
    errors.push(fieldError.invalid('spec.type', type, "must be 'Exempt' if and only if `name` is 'exempt'"));
  }
  if (type === 'Exempt') {
    if (limited) errors.push(fieldError.forbidden('spec.limited', 'must be nil if the type is not Limited'));
    if (exempt) checkShares(errors, 'spec.exempt', exempt.nominalConcurrencyShares, exempt.lendablePercent);
  } else if (type === 'Limited') {
    if (exempt) errors.push(fieldError.forbidden('spec.exempt', 'must be nil if the type is Limited'));
    if (limited) checkLimited(errors, 'spec.limited', limited);
    else errors.push(fieldError.required('spec.limited', 'must not be empty when type is Limited'));
  } else if (!type) errors.push(fieldError.required('spec.type'));
  else errors.push(fieldError.notSupported('spec.type', type, ['Exempt', 'Limited']));
  checkConditions(errors, status?.conditions);
  return errors;
}
