// ResourceQuotas (registry/core/resourcequota, apis/core/validation ValidateResourceQuotaSpec, printers printResourceQuota).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { text, withNameAndAge } from '../rules/columns.ts';
import { type Errors, IMMUTABLE } from '../rules/errors.ts';
import { checkResourceName, checkResourceQuantity, isQuotaResource } from '../rules/pod/resources.ts';
import { compareQuantities } from '../rules/quantities.ts';

type ResourceQuota = corev1.ResourceQuota;
type Quantities = Record<string, string | number> | undefined;
const SCOPES = [
  'Terminating',
  'NotTerminating',
  'BestEffort',
  'NotBestEffort',
  'PriorityClass',
  'CrossNamespacePodAffinity',
  'VolumeAttributesClass',
];
const COMPUTE = new Set(['pods', 'cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);
const CLAIMS = new Set(['persistentvolumeclaims', 'requests.storage']);
const EXISTS_ONLY = ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'CrossNamespacePodAffinity'];
const CONFLICTS = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;

function fits(scope: string, resource: string): boolean {
  if (scope === 'BestEffort') return resource === 'pods';
  if (scope === 'VolumeAttributesClass') return CLAIMS.has(resource);
  return SCOPES.includes(scope) ? COMPUTE.has(resource) : true;
}

function checkQuantities(errors: Errors, path: string, quantities: Quantities): void {
  for (const name in quantities) {
    const at = `${path}[${name}]`;
    checkResourceName(errors, at, name);
    if (!name.includes('/') && !isQuotaResource(name)) errors.push(fieldError.invalid(at, name, 'must be a standard resource for quota'));
    checkResourceQuantity(errors, at, name, quantities[name]);
  }
}

function checkConflicts(errors: Errors, path: string, names: readonly string[], shown: unknown): void {
  if (CONFLICTS.some(([a, b]) => names.includes(a) && names.includes(b)))
    errors.push(fieldError.invalid(path, shown, 'conflicting scopes'));
}

function checkScopes(errors: Errors, spec: corev1.ResourceQuotaSpec): void {
  const scopes = spec.scopes ?? [];
  const standard = Object.keys(spec.hard ?? {})
    .filter(isQuotaResource)
    .sort();
  for (const scope of scopes) {
    if (!SCOPES.includes(scope)) errors.push(fieldError.invalid('spec.scopes', scopes, 'unsupported scope'));
    for (const name of standard) {
      if (!fits(scope, name)) errors.push(fieldError.invalid('spec.scopes', scopes, 'unsupported scope applied to resource'));
    }
  }
  checkConflicts(errors, 'spec.scopes', scopes, scopes);
  if (!spec.scopeSelector) return;
  const path = 'spec.scopeSelector.matchExpressions';
  const requirements = spec.scopeSelector.matchExpressions ?? [];
  for (const { scopeName, operator, values = [] } of requirements) {
    if (!SCOPES.includes(scopeName)) errors.push(fieldError.invalid(`${path}.scopeName`, scopeName, 'unsupported scope'));
    for (const name of standard) {
      if (!fits(scopeName, name)) errors.push(fieldError.invalid(path, spec.scopeSelector, 'unsupported scope applied to resource'));
    }
    checkOperator(errors, path, scopeName, operator, values);
  }
  checkConflicts(
    errors,
    path,
    requirements.map(({ scopeName }) => scopeName),
    scopes,
  );
}

function checkOperator(errors: Errors, path: string, scope: string, operator: string, values: readonly string[]): void {
  if (EXISTS_ONLY.includes(scope) && operator !== 'Exists') {
    const why =
      "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
    errors.push(fieldError.invalid(`${path}.operator`, operator, why));
  }
  if (operator === 'In' || operator === 'NotIn') {
    const why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
    if (!values.length) errors.push(fieldError.required(`${path}.values`, why));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    const why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
    if (values.length) errors.push(fieldError.invalid(`${path}.values`, values, why));
  } else errors.push(fieldError.invalid(`${path}.operator`, operator ?? '', 'not a valid selector operator'));
}

function validate({ spec = {} }: ResourceQuota): Errors {
  const errors: Errors = [];
  checkQuantities(errors, 'spec.hard', spec.hard);
  checkScopes(errors, spec);
  return errors;
}

/** Requests above their limit are never met. */
function warnOfOrder({ spec }: ResourceQuota, warn: (text: string) => void): void {
  const hard: Record<string, string | number> = spec?.hard ?? {};
  for (const name of ['cpu', 'memory', 'storage', 'ephemeral-storage']) {
    const isShort = name === 'cpu' || name === 'memory';
    const request = isShort && hard[`requests.${name}`] === undefined ? name : `requests.${name}`;
    const limit = `limits.${name}`;
    if (hard[request] === undefined || hard[limit] === undefined || compareQuantities(hard[request], hard[limit]) <= 0) continue;
    warn(`ResourceQuota ${request} (${hard[request]}) should be less than ${limit} (${hard[limit]})`);
  }
}

function usage({ status }: ResourceQuota, ofLimits: boolean): string {
  return Object.keys(status?.hard ?? {})
    .filter((name) => name.startsWith('limits.') === ofLimits)
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${status!.hard![name]}`)
    .join(', ');
}

export const resourceQuotas = defineBuiltIn<ResourceQuota>('', 'v1', 'resourcequotas', {
  prepareForCreate(quota) {
    quota.status = {};
  },
  validateCreate(quota, { warn }) {
    const errors = validate(quota);
    if (errors.length === 0) warnOfOrder(quota, warn);
    return errors;
  },
  validateUpdate(quota, old) {
    const errors = validate(quota);
    const scopes = (of: ResourceQuota) => [...new Set(of.spec?.scopes)].sort().join();
    if (scopes(quota) !== scopes(old)) errors.push(fieldError.invalid('spec.scopes', quota.spec?.scopes ?? null, IMMUTABLE));
    return errors;
  },
  status: {
    validateUpdate({ status }) {
      const errors: Errors = [];
      checkQuantities(errors, 'status.hard', status?.hard);
      checkQuantities(errors, 'status.used', status?.used);
      return errors;
    },
  },
  columns: withNameAndAge<ResourceQuota>(
    text('Request', (quota) => usage(quota, false)),
    text('Limit', (quota) => usage(quota, true)),
  ),
});
