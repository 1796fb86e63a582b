// Equality as upstream's apiequality.Semantic.DeepEqual has it: nothing, an empty list, an empty map and a scalar's zero
// value are the same, except where the Go type is a pointer and so tells zero from unset.
import { compareQuantities, isQuantity } from './quantities.ts';

const POINTERS = new Set([
  'activeDeadlineSeconds',
  'allowPrivilegeEscalation',
  'automountServiceAccountToken',
  'backoffLimit',
  'completions',
  'controller',
  'emptyDir',
  'enableServiceLinks',
  'fsGroup',
  'hostUsers',
  'immutable',
  'optional',
  'parallelism',
  'priority',
  'privileged',
  'readOnlyRootFilesystem',
  'replicas',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'setHostnameAsFQDN',
  'shareProcessNamespace',
  'storageClassName',
  'suspend',
  'terminationGracePeriodSeconds',
  'tolerationSeconds',
  'ttlSecondsAfterFinished',
]);

/** Maps whose values are quantities: `1` and `1000m` are the same there. */
const QUANTITY_MAPS = new Set(['limits', 'requests', 'overhead', 'capacity', 'allocatable', 'hard', 'used', 'default', 'max', 'min']);

function isZero(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  if (typeof value !== 'object') return false;
  if (Array.isArray(value)) return value.length === 0;
  for (const key in value) if (!sameField(key, (value as Record<string, unknown>)[key], undefined)) return false;
  return true;
}

function sameField(key: string, a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (POINTERS.has(key) && (a === undefined || a === null) !== (b === undefined || b === null)) return false;
  if (QUANTITY_MAPS.has(key) && a && b && typeof a === 'object' && typeof b === 'object') {
    return sameQuantities(a as Record<string, unknown>, b as Record<string, unknown>);
  }
  return sameValue(a, b);
}

function sameQuantities(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [x, y] = [a[key], b[key]];
    if (isQuantity(x) && isQuantity(y) ? compareQuantities(x, y) !== 0 : !sameValue(x, y)) return false;
  }
  return true;
}

/** Whether two values mean the same to the API. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return isZero(a) && isZero(b);
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return isZero(a) && isZero(b);
    return a.every((item, i) => sameValue(item, b[i]));
  }
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key in x) if (!sameField(key, x[key], y[key])) return false;
  for (const key in y) if (!(key in x) && !sameField(key, undefined, y[key])) return false;
  return true;
}
