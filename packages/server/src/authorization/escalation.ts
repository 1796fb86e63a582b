// Nobody grants what they don't hold: checks on roles and bindings (pkg/registry/rbac/*/policybased, escalation_check.go).
// Upstream does it in storage; here it is the last of the mutating plugins, so that it sees what will be stored.
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, rbacv1 } from '@tiphys/api';
import { StatusError, statusError } from '@tiphys/machinery';
import { GROUP_MASTERS } from '../authentication/names.ts';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from '../interfaces.ts';
import type { RbacAuthorizer } from './rbac.ts';
import { compactRules, missingRules, quotedList, ruleText } from './rule-covers.ts';

const HTTP_INTERNAL_ERROR = 500;
const GROUP = 'rbac.authorization.k8s.io';
const ROLES = new Set(['roles', 'clusterroles']);
const BINDINGS = new Set(['rolebindings', 'clusterrolebindings']);
const EVERYTHING: rbacv1.PolicyRule[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];

type Role = rbacv1.ClusterRole;
type Binding = rbacv1.RoleBinding;

export function escalationCheck(options: { authorizer: Authorizer; rbac: RbacAuthorizer }): AdmissionPlugin {
  const may = async (attributes: AdmissionAttributes, verb: string, resource: string, name: string): Promise<boolean> => {
    const decision = await options.authorizer.authorize({
      user: attributes.user,
      verb,
      isResourceRequest: true,
      path: '',
      apiGroup: GROUP,
      apiVersion: '*',
      namespace: attributes.namespace,
      resource,
      subresource: '',
      name,
    });
    return decision.decision === 'allow';
  };
  const refuseMissing = (attributes: AdmissionAttributes, wanted: readonly rbacv1.PolicyRule[]) => {
    const reason = missingReason(attributes, wanted, options.rbac);
    if (reason) throw forbidden(attributes, reason);
  };
  const checkRole = async (attributes: AdmissionAttributes) => {
    const role = attributes.object as Role;
    const requestName = attributes.operation === 'UPDATE' ? attributes.name : '';
    if (await may(attributes, 'escalate', attributes.type.resource, requestName)) return;
    refuseMissing(attributes, role.rules ?? []);
    const aggregates = [role, attributes.oldObject as Role | undefined].some((each) => each?.aggregationRule?.clusterRoleSelectors?.length);
    if (aggregates && missingReason(attributes, EVERYTHING, options.rbac)) {
      throw forbidden(attributes, 'must have cluster-admin privileges to use the aggregationRule');
    }
  };
  const checkBinding = async (attributes: AdmissionAttributes) => {
    const { roleRef } = attributes.object as Binding;
    const resource = roleRef.kind === 'ClusterRole' ? 'clusterroles' : roleRef.kind === 'Role' ? 'roles' : undefined;
    if (resource && (await may(attributes, 'bind', resource, roleRef.name))) return;
    const rules = options.rbac.index.roleRules(roleRef, attributes.namespace);
    if (typeof rules !== 'string') return refuseMissing(attributes, rules);
    // Upstream's storage of bindings tells what it looked for under its own name.
    if (resource) throw statusError.notFound(attributes.type, roleRef.name);
    throw new StatusError(HTTP_INTERNAL_ERROR, '', rules);
  };
  return {
    name: 'RBACEscalation',
    async admit(attributes) {
      const { type, operation, subresource } = attributes;
      if (type.group !== GROUP || subresource !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return;
      if (attributes.user.groups.includes(GROUP_MASTERS)) return;
      if (operation === 'UPDATE' && changesCollectionFieldsOnly(attributes.object!, attributes.oldObject!)) return;
      if (ROLES.has(type.resource)) await checkRole(attributes);
      else if (BINDINGS.has(type.resource)) await checkBinding(attributes);
    },
  };
}

function forbidden(attributes: AdmissionAttributes, reason: string): StatusError {
  return statusError.forbidden({ group: GROUP, resource: attributes.type.resource }, attributes.object?.metadata?.name ?? '', reason);
}

function missingReason(
  { user, namespace }: AdmissionAttributes,
  wanted: readonly rbacv1.PolicyRule[],
  rbac: RbacAuthorizer,
): string | undefined {
  const { rules, errors } = rbac.rulesFor(user, namespace);
  const missing = missingRules(rules, wanted);
  if (missing.length === 0) return undefined;
  const lines = [...new Set(compactRules(missing).map(ruleText))].sort();
  const groups = quotedList(user.groups);
  const reason = `user ${JSON.stringify(user.name)} (groups=${groups}) is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}`;
  return errors.length === 0 ? reason : `${reason}; resolution errors: [${errors.join(' ')}]`;
}

/** The garbage collector must be able to drop finalizers and owners without holding the role's rights. */
function changesCollectionFieldsOnly(object: KubeObject, old: KubeObject): boolean {
  const { ownerReferences, finalizers, managedFields } = old.metadata ?? {};
  const like = (each: KubeObject) =>
    JSON.parse(JSON.stringify({ ...each, metadata: { ...each.metadata, ownerReferences, finalizers, managedFields } }));
  return isDeepStrictEqual(like(object), like(old));
}
