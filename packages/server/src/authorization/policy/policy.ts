// The whole bootstrap policy of v1.36 as objects.
import type { rbacv1 } from '@tiphys/api';
import { CLUSTER_BINDINGS, CONTROLLER_BINDINGS } from './cluster-bindings.ts';
import { COMPONENT_ROLES } from './component-roles.ts';
import { CONTROLLER_ROLES } from './controller-roles.ts';
import { NAMESPACE_BINDINGS, NAMESPACE_ROLES } from './namespace-roles.ts';
import { bindingObject, roleObject } from './policy-data.ts';
import { USER_ROLES } from './user-roles.ts';

export interface BootstrapPolicy {
  clusterRoles: rbacv1.ClusterRole[];
  clusterRoleBindings: rbacv1.ClusterRoleBinding[];
  roles: rbacv1.Role[];
  roleBindings: rbacv1.RoleBinding[];
}

export function bootstrapPolicy(): BootstrapPolicy {
  return {
    clusterRoles: [...USER_ROLES, ...COMPONENT_ROLES, ...CONTROLLER_ROLES].map(roleObject),
    clusterRoleBindings: [...CLUSTER_BINDINGS, ...CONTROLLER_BINDINGS].map(bindingObject),
    roles: NAMESPACE_ROLES.map(roleObject),
    roleBindings: NAMESPACE_BINDINGS.map(bindingObject),
  };
}

/** The rules a role gathers from the roles its aggregation selects, as the aggregation controller would write them. */
export function aggregatedRules(role: rbacv1.ClusterRole, all: readonly rbacv1.ClusterRole[]): rbacv1.PolicyRule[] {
  const rules = new Map<string, rbacv1.PolicyRule>();
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const wanted = Object.entries(selector.matchLabels ?? {});
    for (const each of [...all].sort((a, b) => (a.metadata!.name! < b.metadata!.name! ? -1 : 1))) {
      if (each.metadata!.name === role.metadata!.name) continue;
      if (!wanted.every(([key, value]) => each.metadata?.labels?.[key] === value)) continue;
      const own = each.aggregationRule ? aggregatedRules(each, all) : (each.rules ?? []);
      for (const rule of own) rules.set(JSON.stringify(rule), rule);
    }
  }
  return [...rules.values()];
}
