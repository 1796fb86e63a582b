// CertificateSigningRequests (registry/certificates/certificates/strategy.go, apis/certificates/validation, printers).
import { type certificatesv1, humanDuration, type KubeObject, timeText } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { baseDefinition, defineBuiltIn } from '../built-in/base.ts';
import type { Column, RuleContext } from '../define-resource.ts';
import { ageColumn, NONE, nameColumn, text } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { type Errors, IMMUTABLE } from '../rules/errors.ts';

type Request = certificatesv1.CertificateSigningRequest;
const GROUP = 'certificates.k8s.io';
const EXPIRATION_SECONDS_MIN = 600;
const PEM = /-----BEGIN CERTIFICATE REQUEST-----[\s\S]+-----END CERTIFICATE REQUEST-----/;

function validateCreate({ spec, metadata }: Request): Errors {
  const errors: Errors = [];
  const pem = Buffer.from(spec?.request ?? '', 'base64').toString('latin1');
  if (!PEM.test(pem)) {
    const why = 'PEM block type must be CERTIFICATE REQUEST';
    errors.push(fieldError.invalid('spec.request', spec?.request ?? '', why));
  }
  if (!spec?.usages?.length) errors.push(fieldError.required('spec.usages'));
  const seen = new Set<string>();
  spec?.usages?.forEach((usage, i) => {
    if (seen.has(usage)) errors.push(fieldError.duplicate(`spec.usages[${i}]`, usage));
    seen.add(usage);
  });
  const signer = spec?.signerName ?? '';
  if (!signer) errors.push(fieldError.required('spec.signerName'));
  else if (!/^[^/]+\.[^/]+\/.+$/.test(signer)) {
    errors.push(
      fieldError.invalid('spec.signerName', signer, 'must be a fully qualified domain and path of the form "example.com/signer-name"'),
    );
  } else if (signer === 'kubernetes.io/legacy-unknown') {
    errors.push(fieldError.invalid('spec.signerName', signer, 'the legacy signerName is not allowed via this API version'));
  }
  const seconds = spec?.expirationSeconds;
  if (seconds !== undefined && seconds < EXPIRATION_SECONDS_MIN) {
    errors.push(fieldError.invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 600 seconds (10 minutes)'));
  }
  if (!metadata?.name) return errors;
  return errors;
}

/** The user who asks is part of the request, whatever the client wrote. */
function stampUser(request: Request, { user }: RuleContext): void {
  const {
    username: _name,
    uid: _uid,
    groups: _groups,
    extra: _extra,
    ...spec
  } = request.spec ?? ({} as certificatesv1.CertificateSigningRequestSpec);
  request.spec = {
    ...spec,
    username: user.name,
    ...(user.uid ? { uid: user.uid } : {}),
    groups: [...user.groups],
    ...(user.extra && Object.keys(user.extra).length
      ? { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) }
      : {}),
  };
  request.status = {};
}

function stampConditions(request: Request, old: Request, { runtime }: RuleContext): void {
  const now = timeText(runtime.clock.now());
  for (const condition of request.status?.conditions ?? []) {
    condition.lastUpdateTime ||= now;
    const before = old.status?.conditions?.find(({ type, status }) => type === condition.type && status === condition.status);
    condition.lastTransitionTime ||= before?.lastTransitionTime || now;
  }
}

const isDecision = (type: string) => type === 'Approved' || type === 'Denied';
const decisions = ({ status }: Request) => (status?.conditions ?? []).filter(({ type }) => isDecision(type));

function checkConditions(errors: Errors, { status }: Request): void {
  const types = new Set<string>();
  status?.conditions?.forEach(({ type, status: value }, i) => {
    const at = `status.conditions[${i}]`;
    if (!type) errors.push(fieldError.required(`${at}.type`));
    if (!['True', 'False', 'Unknown'].includes(value)) {
      if (!value) errors.push(fieldError.required(`${at}.status`));
      else errors.push(fieldError.notSupported(`${at}.status`, value, ['False', 'True', 'Unknown']));
    } else if ((isDecision(type) || type === 'Failed') && value !== 'True') {
      errors.push(fieldError.notSupported(`${at}.status`, value, ['True']));
    }
    if (types.has(type)) errors.push(fieldError.duplicate(`${at}.type`, type));
    types.add(type);
  });
  if (types.has('Approved') && types.has('Denied')) {
    errors.push(fieldError.invalid('status.conditions', 'Denied', 'Approved and Denied conditions are mutually exclusive'));
  }
}

function validateApproval(request: Request, old: Request): Errors {
  const errors: Errors = [];
  checkConditions(errors, request);
  for (const type of ['Approved', 'Denied', 'Failed']) {
    const of = (object: Request) => (object.status?.conditions ?? []).filter((condition) => condition.type === type);
    if (of(old).length && !sameValue(of(old), of(request))) {
      errors.push(fieldError.forbidden('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`));
    }
  }
  return errors;
}

/** Base64 of a text with a PEM block of that kind. */
const hasCertificate = (encoded: string) =>
  /-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(Buffer.from(encoded, 'base64').toString('latin1'));

function validateStatus(request: Request, old: Request): Errors {
  const errors: Errors = [];
  checkConditions(errors, request);
  for (const type of ['Approved', 'Denied']) {
    const has = (object: Request) => decisions(object).some((condition) => condition.type === type);
    if (has(old) === has(request)) continue;
    const verb = has(request) ? 'add' : 'remove';
    errors.push(fieldError.forbidden('status.conditions', `updates may not ${verb} a condition of type ${JSON.stringify(type)}`));
  }
  const [now, before] = [request.status?.certificate, old.status?.certificate];
  if (now && !hasCertificate(now)) {
    const why = 'must contain at least one CERTIFICATE PEM block';
    errors.push(fieldError.invalid('status.certificate', '<certificate data>', why));
  }
  if (before && now !== before) errors.push(fieldError.invalid('status.certificate', now ?? '', IMMUTABLE));
  return errors;
}

function state({ status }: Request): string {
  const has = (type: string) => status?.conditions?.some((condition) => condition.type === type);
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return `${decision}${has('Failed') ? ',Failed' : ''}${status?.certificate ? ',Issued' : ''}`;
}

export const certificateSigningRequests = defineBuiltIn<Request>(GROUP, 'v1', 'certificatesigningrequests', {
  prepareForCreate: stampUser,
  prepareForUpdate(request, old) {
    request.spec = old.spec;
    request.status = old.status;
  },
  validateCreate,
  status: {
    prepareForUpdate(request, old, context) {
      request.spec = old.spec;
      for (const type of ['Approved', 'Denied']) {
        const before = old.status?.conditions?.find((condition) => condition.type === type);
        const i = request.status?.conditions?.findIndex((condition) => condition.type === type) ?? -1;
        if (before && i >= 0) request.status!.conditions![i] = before;
      }
      stampConditions(request, old, context);
    },
    validateUpdate: validateStatus,
  },
  selectableFields: ({ spec }) => ({ 'spec.signerName': spec?.signerName ?? '' }),
  subresources: baseDefinition<Request>(GROUP, 'v1', 'certificatesigningrequests').subresources?.map((subresource) => ({
    ...subresource,
    update: {
      prepareForUpdate(request: Request, old: Request, context: RuleContext) {
        stampConditions(request, old, context);
        const conditions = request.status?.conditions;
        request.spec = old.spec;
        request.status = { ...old.status, ...(conditions ? { conditions } : {}) };
        if (!conditions) delete request.status.conditions;
      },
      validateUpdate: validateApproval,
    },
  })),
  columns: [
    nameColumn as Column<KubeObject>,
    ageColumn as Column<KubeObject>,
    text<Request>('SignerName', ({ spec }) => spec?.signerName || NONE),
    text<Request>('Requestor', ({ spec }) => spec?.username ?? ''),
    text<Request>('RequestedDuration', ({ spec }) =>
      spec?.expirationSeconds === undefined ? NONE : humanDuration(spec.expirationSeconds * 1000),
    ),
    text<Request>('Condition', state),
  ],
});
