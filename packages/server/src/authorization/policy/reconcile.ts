// Brings the bootstrap policy into a cluster: what is missing is created, rules and subjects that are missing are added,
// nothing is taken away (component-helpers auth/rbac/reconciliation, pkg/registry/rbac/rest/storage_rbac.go).
import { isDeepStrictEqual } from 'node:util';
import { type KubeObject, type ResourceType, rbacv1 } from '@tiphys/api';
import { isConflict } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { Loopback } from '../../bootstrap/loopback.ts';
import { missingRules } from '../rule-covers.ts';
import { aggregatedRules, type BootstrapPolicy, bootstrapPolicy } from './policy.ts';
import { AUTO_UPDATE } from './policy-data.ts';

const CONFLICT_RETRIES_MAX = 3;

/** Writes what differs, all at once so that the store commits in groups. Answers how many objects were written. */
export async function reconcilePolicy(
  client: Loopback,
  reader: ResourceReader,
  policy: BootstrapPolicy = bootstrapPolicy(),
): Promise<number> {
  // Aggregated roles start out filled, so that they hold before the aggregation controller has had its first look.
  const clusterRoles = policy.clusterRoles.map((role) =>
    role.aggregationRule ? { ...role, rules: aggregatedRules(role, policy.clusterRoles) } : role,
  );
  const reconcileAll = <T extends KubeObject>(
    type: ResourceType<T>,
    wanted: readonly T[],
    merge: (existing: T, wanted: T) => T | undefined,
  ) => wanted.map((each) => reconcileOne(client, reader, type, each, merge));
  const written = await Promise.all([
    ...reconcileAll(rbacv1.clusterroles, clusterRoles, mergeRole),
    ...reconcileAll(rbacv1.clusterrolebindings, policy.clusterRoleBindings, mergeBinding),
    ...reconcileAll(rbacv1.roles, policy.roles, mergeRole),
    ...reconcileAll(rbacv1.rolebindings, policy.roleBindings, mergeBinding),
  ]);
  return written.filter(Boolean).length;
}

async function reconcileOne<T extends KubeObject>(
  client: Loopback,
  reader: ResourceReader,
  type: ResourceType<T>,
  wanted: T,
  merge: (existing: T, wanted: T) => T | undefined,
): Promise<boolean> {
  const { name, namespace } = wanted.metadata!;
  for (let attempt = 0; ; attempt++) {
    const existing = reader.get(type, name!, namespace);
    if (!existing) {
      if (await client.ensure(type, wanted)) return true;
      // Another server created it meanwhile.
      if (attempt < CONFLICT_RETRIES_MAX) continue;
      return false;
    }
    if (existing.metadata?.annotations?.[AUTO_UPDATE] === 'false') return false;
    const merged = merge(existing, wanted);
    if (!merged) return false;
    try {
      if (type.resource.endsWith('bindings') && !sameRole(existing, wanted)) {
        // The role of a binding can't be changed, so the binding is replaced.
        await client.delete(type, name!, namespace);
        await client.create(type, wanted);
      } else await client.update(type, merged);
      return true;
    } catch (error) {
      if (!isConflict(error) || attempt >= CONFLICT_RETRIES_MAX) throw error;
    }
  }
}

const sameRole = (a: KubeObject, b: KubeObject) => isDeepStrictEqual((a as rbacv1.RoleBinding).roleRef, (b as rbacv1.RoleBinding).roleRef);

/** Adds the wanted labels and annotations; undefined when all are there. */
function mergedMetadata(existing: KubeObject, wanted: KubeObject): KubeObject['metadata'] | undefined {
  const labels = { ...wanted.metadata?.labels, ...existing.metadata?.labels };
  const annotations = { ...wanted.metadata?.annotations, ...existing.metadata?.annotations };
  const grown =
    Object.keys(labels).length > Object.keys(existing.metadata?.labels ?? {}).length ||
    Object.keys(annotations).length > Object.keys(existing.metadata?.annotations ?? {}).length;
  return grown ? { ...existing.metadata, labels, annotations } : undefined;
}

function mergeRole<T extends rbacv1.ClusterRole>(existing: T, wanted: T): T | undefined {
  const metadata = mergedMetadata(existing, wanted);
  const selectors = existing.aggregationRule?.clusterRoleSelectors ?? [];
  const newSelectors = (wanted.aggregationRule?.clusterRoleSelectors ?? []).filter(
    (each) => !selectors.some((own) => isDeepStrictEqual(own, each)),
  );
  // An aggregated role's rules belong to the aggregation controller.
  const missing = wanted.aggregationRule ? [] : missingRules(existing.rules ?? [], wanted.rules ?? []);
  if (!metadata && missing.length === 0 && newSelectors.length === 0) return undefined;
  return {
    ...existing,
    ...(metadata ? { metadata } : {}),
    ...(missing.length > 0 ? { rules: [...(existing.rules ?? []), ...missing] } : {}),
    ...(newSelectors.length > 0 ? { aggregationRule: { clusterRoleSelectors: [...selectors, ...newSelectors] } } : {}),
  };
}

function mergeBinding<T extends rbacv1.RoleBinding>(existing: T, wanted: T): T | undefined {
  const metadata = mergedMetadata(existing, wanted);
  const has = (subject: rbacv1.Subject) => (existing.subjects ?? []).some((own) => isDeepStrictEqual({ ...own }, { ...subject }));
  const missing = (wanted.subjects ?? []).filter((subject) => !has(subject));
  if (!metadata && missing.length === 0 && sameRole(existing, wanted)) return undefined;
  return { ...existing, ...(metadata ? { metadata } : {}), subjects: [...(existing.subjects ?? []), ...missing] };
}
