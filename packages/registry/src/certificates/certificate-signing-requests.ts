// CertificateSigningRequests (registry/certificates/certificates/strategy.go, apis/certificates/validation, printers).
import { type certificatesv1, humanDuration, type KubeObject, timeText } from '@tiphys/api';
import { baseDefinition, defineBuiltIn } from '../built-in/base.ts';
import type { Column, RuleContext } from '../define-resource.ts';
import { ageColumn, NONE, nameColumn, text } from '../rules/columns.ts';
import { validateApproval, validateRequest, validateStatus } from './request-rules.ts';

type Request = certificatesv1.CertificateSigningRequest;
const GROUP = 'certificates.k8s.io';
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
  validateCreate: (request) => validateRequest(request),
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
