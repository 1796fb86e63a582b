// The empty object of a kind as upstream's serializer writes it: structs that are held by value are there, required lists are
// null. What a create adds is measured against it, so it decides which parents a creator is recorded to own.
import type { SchemaTable } from '@tiphys/api';

/** Types that other types hold by value, by their short names; found in the API's Go types. */
const BY_VALUE = new Set([
  'ObjectMeta',
  'PodTemplateSpec',
  'JobTemplateSpec',
  'PodSpec',
  'JobSpec',
  'DeploymentStrategy',
  'StatefulSetUpdateStrategy',
  'DaemonSetUpdateStrategy',
  'LoadBalancerStatus',
  'NodeSystemInfo',
  'NodeDaemonEndpoints',
  'IngressLoadBalancerStatus',
]);
const ROOT_STRUCTS = new Set(['metadata', 'spec', 'status']);
/** These hold a template by pointer. */
const BY_POINTER = new Set(['ReplicationControllerSpec.template', 'PersistentVolumeClaim.spec']);

const shortName = (name: string) => name.slice(name.lastIndexOf('.') + 1);

function emptyOf(table: SchemaTable, typeName: string, root: boolean): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(table[typeName]?.fields ?? {})) {
    if (field.ref) {
      const held = BY_VALUE.has(shortName(field.ref)) || (root && ROOT_STRUCTS.has(key));
      if (held && !BY_POINTER.has(`${shortName(typeName)}.${key}`)) object[key] = emptyOf(table, field.ref, false);
    } else if (field.type === 'array' && field.required) object[key] = null;
  }
  return object;
}

const cache = new WeakMap<SchemaTable, Map<string, object>>();

/** Shared; do not change it. */
export function emptyObject(table: SchemaTable, typeName: string): object {
  const known = cache.get(table) ?? new Map<string, object>();
  cache.set(table, known);
  const found = known.get(typeName) ?? emptyOf(table, typeName, true);
  known.set(typeName, found);
  return found;
}

/** The object with the structs of the empty object that it lacks, as upstream's types always have them. */
export function withStructs(object: object, empty: object): object {
  let result = object as Record<string, unknown>;
  let copied = false;
  for (const [key, hollow] of Object.entries(empty)) {
    const value = result[key];
    const filled = value === undefined ? hollow : isPlain(value) && isPlain(hollow) ? withStructs(value, hollow) : value;
    if (filled === value) continue;
    if (!copied) result = { ...result };
    copied = true;
    result[key] = filled;
  }
  return result;
}

const isPlain = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value);
