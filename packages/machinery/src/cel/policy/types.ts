// Types of the variables that policies and match conditions see (apiserver admission/plugin/cel/compile.go).
import { BOOL, type CelType, DYN, INT, listOf, mapOf, STRING, type StructType, struct, TIMESTAMP } from '../types.ts';

function record(name: string, fields: Readonly<Record<string, CelType>>): StructType {
  return struct(name, (field) => (Object.hasOwn(fields, field) ? fields[field] : undefined));
}

const TEXTS = listOf(STRING);

const GROUP_VERSION_KIND = record('kubernetes.GroupVersionKind', { group: STRING, version: STRING, kind: STRING });
const GROUP_VERSION_RESOURCE = record('kubernetes.GroupVersionResource', { group: STRING, version: STRING, resource: STRING });
const USER_INFO = record('kubernetes.UserInfo', { username: STRING, uid: STRING, groups: TEXTS, extra: mapOf(STRING, TEXTS) });

export const REQUEST = record('kubernetes.AdmissionRequest', {
  kind: GROUP_VERSION_KIND,
  resource: GROUP_VERSION_RESOURCE,
  subResource: STRING,
  requestKind: GROUP_VERSION_KIND,
  requestResource: GROUP_VERSION_RESOURCE,
  requestSubResource: STRING,
  name: STRING,
  namespace: STRING,
  operation: STRING,
  userInfo: USER_INFO,
  dryRun: BOOL,
  options: DYN,
});

const CONDITION = record('kubernetes.NamespaceCondition', {
  status: STRING,
  type: STRING,
  lastTransitionTime: TIMESTAMP,
  message: STRING,
  reason: STRING,
});

const METADATA = record('kubernetes.NamespaceMetadata', {
  name: STRING,
  generateName: STRING,
  namespace: STRING,
  labels: mapOf(STRING, STRING),
  annotations: mapOf(STRING, STRING),
  UID: STRING,
  creationTimestamp: TIMESTAMP,
  deletionGracePeriodSeconds: INT,
  deletionTimestamp: TIMESTAMP,
  generation: INT,
  resourceVersion: STRING,
  finalizers: TEXTS,
});

export const NAMESPACE = record('kubernetes.Namespace', {
  metadata: METADATA,
  spec: record('kubernetes.NamespaceSpec', { finalizers: TEXTS }),
  status: record('kubernetes.NamespaceStatus', { conditions: listOf(CONDITION), phase: STRING }),
});

/** What applyConfiguration makes: `Object{spec: Object.spec{…}}`. Every field may be set. */
export const OBJECT = struct('Object', () => DYN);
export const JSON_PATCH = record('JSONPatch', { op: STRING, path: STRING, from: STRING, value: DYN });

export function patchTypeNamed(name: string): StructType | undefined {
  if (name === OBJECT.name) return OBJECT;
  if (name === JSON_PATCH.name) return JSON_PATCH;
  return name.startsWith(`${OBJECT.name}.`) ? struct(name, () => DYN) : undefined;
}
