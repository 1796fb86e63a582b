// The short form the bootstrap policy is written in, and the objects it stands for.
import type { KubeObject, rbacv1 } from '@tiphys/api';

export interface RoleData {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
  /** Label keys whose roles (value `true`) this role gathers. */
  aggregates?: readonly string[];
  rules: readonly rbacv1.PolicyRule[];
}

export interface BindingData {
  name: string;
  namespace?: string;
  /** `ClusterRole:name` or `Role:name`. */
  role: string;
  /** `user:name`, `group:name` or `serviceaccount:namespace:name`. */
  subjects: readonly string[];
}

const words = (text: string) => text.split(' ');

/** Lists are written with spaces between; the core group as `core`. */
export function rule(verbs: string, groups: string, resources: string, names?: string): rbacv1.PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: words(groups).map((group) => (group === 'core' ? '' : group)),
    resources: words(resources),
    ...(names ? { resourceNames: words(names) } : {}),
  };
}

export function urls(verbs: string, paths: string): rbacv1.PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(paths) };
}

const GROUP = 'rbac.authorization.k8s.io';
const API_VERSION = `${GROUP}/v1`;
export const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';

const metadataOf = (data: { name: string; namespace?: string; labels?: Record<string, string> }): KubeObject['metadata'] => ({
  name: data.name,
  ...(data.namespace ? { namespace: data.namespace } : {}),
  labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...data.labels },
  annotations: { [AUTO_UPDATE]: 'true' },
});

export function roleObject(data: RoleData): rbacv1.ClusterRole {
  return {
    apiVersion: API_VERSION,
    kind: data.namespace ? 'Role' : 'ClusterRole',
    metadata: metadataOf(data),
    rules: [...data.rules],
    ...(data.aggregates
      ? { aggregationRule: { clusterRoleSelectors: data.aggregates.map((key) => ({ matchLabels: { [key]: 'true' } })) } }
      : {}),
  };
}

function subjectOf(text: string): rbacv1.Subject {
  const [kind, ...rest] = text.split(':');
  if (kind === 'serviceaccount') return { kind: 'ServiceAccount', namespace: rest[0]!, name: rest[1]! };
  return { kind: kind === 'user' ? 'User' : 'Group', apiGroup: GROUP, name: rest.join(':') };
}

export function bindingObject(data: BindingData): rbacv1.ClusterRoleBinding {
  const at = data.role.indexOf(':');
  return {
    apiVersion: API_VERSION,
    kind: data.namespace ? 'RoleBinding' : 'ClusterRoleBinding',
    metadata: metadataOf(data),
    ...(data.subjects.length > 0 ? { subjects: data.subjects.map(subjectOf) } : {}),
    roleRef: { apiGroup: GROUP, kind: data.role.slice(0, at), name: data.role.slice(at + 1) },
  };
}
