// Rules of ResourceClaims and their templates (apis/resource/validation, registry/resource/{resourceclaim,resourceclaimtemplate}).
import { corev1, type resourcev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import type { RuleContext } from '../define-resource.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, IMMUTABLE } from '../rules/errors.ts';
import { isDns1123Label, isDns1123Subdomain } from '../rules/formats.ts';
import { keepMetadata } from '../rules/kept-metadata.ts';
import { checkNodeSelector } from '../rules/pod/placement.ts';
import { checkTemplateMetadata } from '../rules/volume-claims.ts';
import {
  CONFIGS_MAX,
  checkBindingConditions,
  checkConfiguration,
  checkDriver,
  checkLabelLike,
  checkList,
  checkPoolName,
  checkSelectors,
  checkSet,
  checkToleration,
  REQUESTS_MAX,
} from './device-rules.ts';
import { checkDeviceStatuses, checkShareId, deviceId } from './device-status.ts';
import { checkFullyQualifiedName } from './slice-rules.ts';

type Claim = resourcev1.ResourceClaim;
type Template = resourcev1.ResourceClaimTemplate;
type Requests = ReadonlyMap<string, ReadonlySet<string>>;

const ALTERNATIVES_MAX = 8;
const CONSTRAINTS_MAX = 32;
const RESERVED_MAX = 256;
const ADMIN_LABEL = 'resource.kubernetes.io/admin-access';
const NO_REQUEST = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
const MODES = ['All', 'ExactCount'];

function requestsOf(claim: resourcev1.DeviceClaim | undefined): Requests {
  return new Map((claim?.requests ?? []).map(({ name = '', firstAvailable }) => [name, new Set(firstAvailable?.map((sub) => sub.name))]));
}

function checkReference(errors: Errors, path: string, name: string, requests: Requests): void {
  const segments = name.split('/');
  if (segments.length > 2) {
    errors.push(fieldError.invalid(path, name, NO_REQUEST));
    return;
  }
  for (const segment of segments) complain(errors, path, segment, isDns1123Label(segment));
  const alternatives = requests.get(segments[0]!);
  if (!alternatives || (segments.length === 2 && !alternatives.has(segments[1]!))) errors.push(fieldError.invalid(path, name, NO_REQUEST));
}

const references = (errors: Errors, requests: Requests) => ({
  max: REQUESTS_MAX,
  key: (name: string) => name,
  rule: (name: string, at: string) => checkReference(errors, at, name, requests),
});

type Asked = Pick<resourcev1.ExactDeviceRequest, 'deviceClassName' | 'selectors' | 'allocationMode' | 'count' | 'tolerations'>;

function checkAsked(errors: Errors, path: string, asked: Asked): void {
  const { deviceClassName: className, selectors, allocationMode: mode = '', count = 0, tolerations } = asked;
  if (!className) errors.push(fieldError.required(`${path}.deviceClassName`));
  else complain(errors, `${path}.deviceClassName`, className, isDns1123Subdomain(className));
  checkSelectors(errors, `${path}.selectors`, selectors);
  if (mode === 'All') {
    if (count !== 0) errors.push(fieldError.invalid(`${path}.count`, count, `must not be specified when allocationMode is '${mode}'`));
  } else if (mode === 'ExactCount') {
    if (count <= 0) errors.push(fieldError.invalid(`${path}.count`, count, 'must be greater than zero'));
  } else errors.push(fieldError.notSupported(`${path}.allocationMode`, mode, MODES));
  checkList(errors, `${path}.tolerations`, tolerations, -1, (toleration, at) => checkToleration(errors, at, toleration));
}

function checkRequest(errors: Errors, path: string, { name, exactly, firstAvailable }: resourcev1.DeviceRequest): void {
  checkLabelLike(errors, `${path}.name`, name);
  const isChoice = Boolean(firstAvailable?.length);
  const one = 'exactly one of `exactly` or `firstAvailable` is required';
  if (isChoice && exactly) errors.push(fieldError.invalid(path, null, `${one}, but multiple fields are set`));
  else if (isChoice) {
    checkSet(errors, `${path}.firstAvailable`, firstAvailable, {
      max: ALTERNATIVES_MAX,
      key: (sub) => sub.name ?? '',
      rule(sub, at) {
        checkLabelLike(errors, `${at}.name`, sub.name);
        checkAsked(errors, at, sub);
      },
    });
  } else if (exactly) checkAsked(errors, `${path}.exactly`, exactly);
  else errors.push(fieldError.required(path, one));
}

function checkDeviceClaim(errors: Errors, path: string, claim: resourcev1.DeviceClaim | undefined): void {
  const requests = requestsOf(claim);
  checkSet(errors, `${path}.requests`, claim?.requests, {
    max: REQUESTS_MAX,
    key: ({ name = '' }) => name,
    rule: (request, at) => checkRequest(errors, at, request),
  });
  checkList(errors, `${path}.constraints`, claim?.constraints, CONSTRAINTS_MAX, (constraint, at) => {
    checkSet(errors, `${at}.requests`, constraint.requests, references(errors, requests));
    const { matchAttribute: match, distinctAttribute: distinct } = constraint;
    if (match !== undefined) checkFullyQualifiedName(errors, `${at}.matchAttribute`, match);
    else if (distinct !== undefined) checkFullyQualifiedName(errors, `${at}.distinctAttribute`, distinct);
    else {
      const why = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
      errors.push(fieldError.required(at, why));
    }
  });
  checkList(errors, `${path}.config`, claim?.config, CONFIGS_MAX, (config, at) => {
    checkSet(errors, `${at}.requests`, config.requests, references(errors, requests));
    checkConfiguration(errors, at, config);
  });
}

/** Access for administration is for namespaces that are marked for it. `i` is the first that wants it. */
function checkAdmin(errors: Errors, list: string, i: number, context: RuleContext): void {
  if (i < 0) return;
  const namespace = context.reader.get(corev1.namespaces, context.namespace ?? '');
  if (namespace?.metadata?.labels?.[ADMIN_LABEL] === 'true') return;
  const why = `admin access to devices requires the \`${ADMIN_LABEL}: true\` label on the containing namespace`;
  errors.push(fieldError.forbidden(`${list}[${i}].adminAccess`, why));
}

const adminRequest = (claim: resourcev1.DeviceClaim | undefined) => claim?.requests?.findIndex(({ exactly }) => exactly?.adminAccess) ?? -1;
const adminResult = ({ status }: Claim) => status?.allocation?.devices?.results?.findIndex(({ adminAccess }) => adminAccess) ?? -1;

export function validateClaim({ spec }: Claim, context: RuleContext): Errors {
  const errors: Errors = [];
  checkAdmin(errors, 'spec.devices.requests', adminRequest(spec?.devices), context);
  checkDeviceClaim(errors, 'spec.devices', spec?.devices);
  return errors;
}

export const validateClaimUpdate = ({ spec }: Claim, old: Claim): Errors =>
  sameValue(spec, old.spec) ? [] : [fieldError.invalid('spec', spec, IMMUTABLE)];

export function validateTemplate(template: Template, context: RuleContext): Errors {
  const errors: Errors = [];
  checkAdmin(errors, 'spec.devices.requests', adminRequest(template.spec?.spec?.devices), context);
  return [...errors, ...checkTemplate(template)];
}

function checkTemplate({ spec }: Template): Errors {
  const errors: Errors = [];
  checkTemplateMetadata(errors, 'spec.metadata', spec?.metadata);
  checkDeviceClaim(errors, 'spec.spec.devices', spec?.spec?.devices);
  return errors;
}

export function validateTemplateUpdate(template: Template, old: Template): Errors {
  const errors = checkTemplate(template);
  if (!sameValue(template.spec, old.spec)) errors.push(fieldError.invalid('spec', template.spec, IMMUTABLE));
  return errors;
}

function checkAllocation(errors: Errors, path: string, allocation: resourcev1.AllocationResult, requests: Requests): void {
  checkList(errors, `${path}.devices.results`, allocation.devices?.results, REQUESTS_MAX, (result, at) => {
    checkReference(errors, `${at}.request`, result.request ?? '', requests);
    checkDriver(errors, `${at}.driver`, result.driver);
    checkPoolName(errors, `${at}.pool`, result.pool);
    checkLabelLike(errors, `${at}.device`, result.device);
    checkBindingConditions(errors, at, result);
    checkShareId(errors, `${at}.shareID`, result.shareID);
  });
  checkList(errors, `${path}.devices.config`, allocation.devices?.config, 2 * CONFIGS_MAX, (config, at) => {
    const { source } = config;
    if (!source) errors.push(fieldError.required(`${at}.source`));
    else if (source !== 'FromClaim' && source !== 'FromClass') {
      errors.push(fieldError.notSupported(`${at}.source`, source, ['FromClaim', 'FromClass']));
    }
    checkSet(errors, `${at}.requests`, config.requests, references(errors, requests));
    checkConfiguration(errors, at, config);
  });
  if (allocation.nodeSelector) checkNodeSelector(errors, `${path}.nodeSelector`, allocation.nodeSelector);
}

/** What drivers told of devices that the claim no longer has goes with them. */
export function prepareClaimStatus(claim: Claim, old: Claim): void {
  keepMetadata(claim, old);
  claim.spec = old.spec;
  const { status } = claim;
  const gone = new Set(old.status?.allocation?.devices?.results?.map(deviceId));
  for (const result of status?.allocation?.devices?.results ?? []) gone.delete(deviceId(result));
  const left = status?.devices?.filter((device) => !gone.has(deviceId(device)));
  if (left?.length) status!.devices = left;
  else delete status?.devices;
}

export function validateClaimStatus(claim: Claim, old: Claim, context: RuleContext): Errors {
  const { metadata, spec, status } = claim;
  const errors: Errors = [];
  if (adminResult(old) < 0) checkAdmin(errors, 'status.allocation.devices.results', adminResult(claim), context);
  errors.push(...(context.refused ?? []));
  checkSet(errors, 'status.reservedFor', status?.reservedFor, {
    max: RESERVED_MAX,
    key: ({ uid = '' }) => uid,
    rule(consumer, at) {
      for (const name of ['resource', 'name', 'uid'] as const) if (!consumer[name]) errors.push(fieldError.required(`${at}.${name}`));
    },
  });
  const allocation = status?.allocation;
  checkDeviceStatuses(errors, status);
  if (status?.reservedFor?.length) {
    if (!allocation) errors.push(fieldError.forbidden('status.reservedFor', 'may not be specified when `allocated` is not set'));
    else if (
      metadata?.deletionTimestamp &&
      status.reservedFor.some((one) => !old.status?.reservedFor?.some((other) => sameValue(one, other)))
    ) {
      const why = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set';
      errors.push(fieldError.forbidden('status.reservedFor', why));
    }
  }
  if (allocation && old.status?.allocation) {
    if (!sameValue(allocation, old.status.allocation)) errors.push(fieldError.invalid('status.allocation', allocation, IMMUTABLE));
  } else if (allocation) checkAllocation(errors, 'status.allocation', allocation, requestsOf(spec?.devices));
  return errors;
}
