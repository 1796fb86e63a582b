// Gathers the rules of the ClusterRoles that an aggregating role selects (pkg/controller/clusterroleaggregation).
import { rbacv1 } from '@tiphys/api';
import { semanticEqual } from '../equality.ts';
import { selectorOf } from '../pods/selectors.ts';
import { defineController } from '../runtime/controller.ts';
import { nameOf } from '../runtime/objects.ts';

type Role = rbacv1.ClusterRole;

const FIELD_MANAGER = 'clusterrole-aggregation-controller';

/** In the order of the selectors, then of names; each rule once. Pure. */
export function aggregatedRules(role: Role, all: readonly Role[]): rbacv1.PolicyRule[] {
  const rules: rbacv1.PolicyRule[] = [];
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const matcher = selectorOf(selector);
    const selected = all.filter((other) => nameOf(other) !== nameOf(role) && matcher.matches(other.metadata?.labels ?? {}));
    for (const other of selected.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))) {
      for (const rule of other.rules ?? []) if (!rules.some((known) => semanticEqual(known, rule))) rules.push(rule);
    }
  }
  return rules;
}

export const clusterRoleAggregationController = defineController<Role>({
  name: 'clusterrole-aggregation-controller',
  for: rbacv1.clusterroles,
  triggers: (role) => role.aggregationRule !== undefined,
  watches: [
    {
      // Any role may be selected now, or have been before; there are few.
      type: rbacv1.clusterroles,
      keys: (_role, snapshot) =>
        snapshot
          .list(rbacv1.clusterroles)
          .filter((role) => role.aggregationRule)
          .map((role) => `/${nameOf(role)}`),
    },
  ],
  async reconcile(_key, role, { client, snapshot }) {
    if (!role?.aggregationRule) return undefined;
    const rules = aggregatedRules(role, snapshot.list(rbacv1.clusterroles));
    if (semanticEqual(rules, role.rules ?? [])) return undefined;
    const body = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: nameOf(role) }, rules };
    await client.of(rbacv1.clusterroles).patch(nameOf(role), undefined, 'apply', body, { fieldManager: FIELD_MANAGER, force: true });
    return undefined;
  },
});
