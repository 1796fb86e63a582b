// What CertificateSigningRequests must satisfy (apis/certificates/validation/validation.go).
import type { certificatesv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { sameValue } from '../rules/equality.ts';
import type { Errors } from '../rules/errors.ts';
import { checkSignerName } from '../rules/signer-name.ts';
import { certificateFault } from './issued-certificate.ts';
import { signingRequestFault } from './signing-request.ts';

type Request = certificatesv1.CertificateSigningRequest;

const EXPIRATION_SECONDS_MIN = 600;
const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown';
const STATES = ['False', 'True', 'Unknown'];
const CONDITIONS = 'status.conditions';
const CERTIFICATE = 'status.certificate';
const USAGES = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

const decoded = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64').toString('latin1');

export function validateRequest(request: Request): Errors {
  const errors: Errors = [];
  const { request: pem, usages = [], signerName = '', expirationSeconds: seconds } = request.spec ?? ({} as NonNullable<Request['spec']>);
  const fault = signingRequestFault(decoded(pem));
  if (fault !== undefined) errors.push(fieldError.invalid('spec.request', pem ?? null, fault));
  if (!usages?.length) errors.push(fieldError.required('spec.usages'));
  usages?.forEach((given, i) => {
    const usage = given ?? '';
    if (!USAGES.includes(usage)) errors.push(fieldError.notSupported(`spec.usages[${i}]`, usage, USAGES));
    if (usages.indexOf(given) < i) errors.push(fieldError.duplicate(`spec.usages[${i}]`, usage));
  });
  if (signerName === LEGACY_SIGNER) {
    errors.push(fieldError.invalid('spec.signerName', signerName, 'the legacy signerName is not allowed via this API version'));
  } else checkSignerName(errors, 'spec.signerName', signerName);
  if (seconds !== undefined && seconds < EXPIRATION_SECONDS_MIN) {
    errors.push(fieldError.invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 600 seconds (10 minutes)'));
  }
  checkRequestConditions(errors, request);
  return errors;
}

function checkRequestConditions(errors: Errors, { status }: Request): void {
  const types = new Set<string>();
  status?.conditions?.forEach(({ type = '', status: value }, i) => {
    const at = `${CONDITIONS}[${i}]`;
    if (!type) errors.push(fieldError.required(`${at}.type`));
    const states = ['Approved', 'Denied', 'Failed'].includes(type) ? ['True'] : STATES;
    if (!value) errors.push(fieldError.required(`${at}.status`));
    else if (!states.includes(value)) errors.push(fieldError.notSupported(`${at}.status`, value, states));
    const other = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : undefined;
    if (other && types.has(other)) {
      errors.push(fieldError.invalid(CONDITIONS, type, 'Approved and Denied conditions are mutually exclusive'));
    }
    if (types.has(type)) errors.push(fieldError.duplicate(`${at}.type`, type));
    types.add(type);
  });
}

const conditionsOf = ({ status }: Request, type: string) => (status?.conditions ?? []).filter((condition) => condition.type === type);

function checkDecisions(errors: Errors, request: Request, old: Request): void {
  for (const type of ['Approved', 'Denied']) {
    const [now, before] = [conditionsOf(request, type), conditionsOf(old, type)];
    if (now.length > before.length) {
      errors.push(fieldError.forbidden(CONDITIONS, `updates may not add a condition of type ${JSON.stringify(type)}`));
    } else if (now.length === before.length && !sameValue(now, before)) {
      errors.push(fieldError.forbidden(CONDITIONS, `updates may not modify a condition of type ${JSON.stringify(type)}`));
    }
  }
}

function checkCertificate(errors: Errors, request: Request, old: Request, maySet: boolean): void {
  const [now = '', before = ''] = [request.status?.certificate, old.status?.certificate];
  if (now === before) return;
  // One that was there before this was asked may be replaced by any.
  const fault = certificateFault(decoded(before)) === undefined ? certificateFault(decoded(now)) : undefined;
  if (fault !== undefined) errors.push(fieldError.invalid(CERTIFICATE, '<certificate data>', fault));
  if (!maySet) errors.push(fieldError.forbidden(CERTIFICATE, 'updates may not set certificate content'));
  else if (before) errors.push(fieldError.forbidden(CERTIFICATE, 'updates may not modify existing certificate content'));
}

function checkUpdate(request: Request, old: Request): Errors {
  const errors = validateRequest(request);
  for (const type of ['Approved', 'Denied', 'Failed']) {
    if (conditionsOf(request, type).length < conditionsOf(old, type).length) {
      errors.push(fieldError.forbidden(CONDITIONS, `updates may not remove a condition of type ${JSON.stringify(type)}`));
    }
  }
  return errors;
}

/** Through the approval subresource, which decides and issues nothing. */
export function validateApproval(request: Request, old: Request): Errors {
  const errors = checkUpdate(request, old);
  checkCertificate(errors, request, old, false);
  return errors;
}

/** Through the status subresource, which issues and decides nothing. */
export function validateStatus(request: Request, old: Request): Errors {
  const errors = checkUpdate(request, old);
  checkDecisions(errors, request, old);
  checkCertificate(errors, request, old, true);
  return errors;
}
