// Resource names, requests and limits (apis/core/validation validateResourceRequirements, apis/core/helper).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors } from '../errors.ts';
import { isDns1123Label, isQualifiedName } from '../formats.ts';
import { compareQuantities, isWholeQuantity, quantityNano, quantitySign } from '../quantities.ts';

const CONTAINER_RESOURCES = new Set(['cpu', 'memory', 'ephemeral-storage']);
const QUOTA_RESOURCES = [
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'persistentvolumeclaims',
  'configmaps',
  'services.nodeports',
  'services.loadbalancers',
];
const STANDARD_RESOURCES = new Set([...QUOTA_RESOURCES, 'storage']);
const QUOTA_SET = new Set(QUOTA_RESOURCES);
const HUGE_PAGES = 'hugepages-';
/** Counted objects and such: whole numbers only. */
const INTEGER_RESOURCES = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);

export const isHugePages = (name: string) => name.startsWith(HUGE_PAGES);
const isStandard = (name: string) => STANDARD_RESOURCES.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-');
export const isQuotaResource = (name: string) => QUOTA_SET.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-');
const isNative = (name: string) => !name.includes('/') || name.includes('kubernetes.io/');
export const isExtended = (name: string) =>
  !isNative(name) && !name.startsWith('requests.') && isQualifiedName(`requests.${name}`).length === 0;
/** Whether requests may be less than limits. */
export const isOvercommitable = (name: string) => isNative(name) && !isHugePages(name);

export function checkResourceName(errors: Errors, path: string, name: string): boolean {
  const wrong = isQualifiedName(name);
  complain(errors, path, name, wrong);
  if (wrong.length) return false;
  if (name.includes('/') || isStandard(name)) return true;
  errors.push(fieldError.invalid(path, name, 'must be a standard resource type or fully qualified'));
  return false;
}

export function checkContainerResourceName(errors: Errors, path: string, name: string): void {
  if (CONTAINER_RESOURCES.has(name)) return;
  checkResourceName(errors, path, name);
  if (!name.includes('/')) {
    if (!isHugePages(name)) errors.push(fieldError.invalid(path, name, 'must be a standard resource for containers'));
  } else if (!isNative(name) && !isExtended(name)) {
    errors.push(fieldError.invalid(path, name, "doesn't follow extended resource name standard"));
  }
}

function checkPodResourceName(errors: Errors, path: string, name: string): void {
  if (!checkResourceName(errors, path, name)) return;
  if (name !== 'cpu' && name !== 'memory' && !isHugePages(name)) {
    errors.push(fieldError.notSupported(path, name, ['cpu', 'hugepages-', 'memory']));
  }
}

/** Never negative, and whole where halves make no sense. */
export function checkResourceQuantity(errors: Errors, path: string, name: string, value: unknown): void {
  if (quantitySign(value) < 0) errors.push(fieldError.invalid(path, String(value), 'must be greater than or equal to 0'));
  if ((INTEGER_RESOURCES.has(name) || isExtended(name)) && !isWholeQuantity(value)) {
    errors.push(fieldError.invalid(path, value, 'must be an integer'));
  }
}

function checkHugePages(errors: Errors, path: string, name: string, value: unknown): void {
  const size = quantityNano(name.slice(HUGE_PAGES.length)) ?? 0n;
  const nano = quantityNano(value) ?? 0n;
  if (size > 0n && nano > 0n && nano % size === 0n) return;
  if (nano === 0n && size > 0n) return;
  errors.push(fieldError.invalid(path, String(value), `${value} is not positive integer multiple of ${name}`));
}

/** Requests and limits of a container, or of a whole pod. */
export function checkResources(
  errors: Errors,
  path: string,
  resources: corev1.ResourceRequirements,
  of: 'container' | 'pod',
  claimNames: ReadonlySet<string>,
): void {
  const { limits, requests } = resources;
  const checkName = of === 'pod' ? checkPodResourceName : checkContainerResourceName;
  let [hasCompute, hasHugePages] = [false, false];
  const note = (name: string, at: string, value: unknown) => {
    checkName(errors, at, name);
    checkResourceQuantity(errors, at, name, value);
    hasCompute ||= name === 'cpu' || name === 'memory';
    if (isHugePages(name)) {
      hasHugePages = true;
      checkHugePages(errors, at, name, value);
    }
  };
  for (const name in limits) note(name, `${path}.limits[${name}]`, limits[name]);
  for (const name in requests) {
    const [request, limit] = [requests[name], limits?.[name]];
    note(name, `${path}.requests[${name}]`, request);
    if (limit !== undefined) {
      const order = compareQuantities(request, limit);
      if (order !== 0 && !isOvercommitable(name)) {
        errors.push(fieldError.invalid(`${path}.requests`, String(request), `must be equal to ${name} limit of ${limit}`));
      } else if (order > 0) {
        errors.push(fieldError.invalid(`${path}.requests`, String(request), `must be less than or equal to ${name} limit of ${limit}`));
      }
    } else if (!isOvercommitable(name)) {
      errors.push(fieldError.required(`${path}.limits`, 'Limit must be set for non overcommitable resources'));
    }
  }
  if (hasHugePages && !hasCompute) errors.push(fieldError.forbidden(path, 'HugePages require cpu or memory'));
  if (resources.claims) checkClaims(errors, `${path}.claims`, resources.claims, claimNames);
}

function checkClaims(errors: Errors, path: string, claims: readonly corev1.ResourceClaim[], podNames: ReadonlySet<string>): void {
  const seen = new Set<string>();
  claims.forEach(({ name = '', request = '' }, i) => {
    const at = `${path}[${i}]`;
    if (name === '') {
      errors.push(fieldError.required(at));
      return;
    }
    if (seen.has(name)) errors.push(fieldError.duplicate(at, name));
    else {
      if (request) complain(errors, `${at}.request`, request, isDns1123Label(request));
      const key = request ? `${name}/${request}` : name;
      if (seen.has(key)) errors.push(fieldError.duplicate(at, key));
      else if (!request && [...seen].some((other) => other.startsWith(`${name}/`))) errors.push(fieldError.duplicate(at, name));
      seen.add(key);
    }
    if (podNames.has(name)) return;
    const names = podNames.size ? `: ${[...podNames].sort().join(', ')}` : ' which is empty';
    const missing = fieldError.notFound(at, name);
    errors.push({ ...missing, message: `${missing.message}: must be one of the names in pod.spec.resourceClaims${names}` });
  });
}
