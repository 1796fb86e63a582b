// Role-based access control (plugin/pkg/auth/authorizer/rbac/rbac.go).
import type { UserInfo } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { AuthorizationAttributes, Authorizer, Decision } from '../interfaces.ts';
import { type ResolvedRules, RoleIndex } from './role-index.ts';

export interface RbacAuthorizer extends Authorizer {
  /** Answers without waiting. */
  authorize(attributes: AuthorizationAttributes): Decision;
  /** For SelfSubjectRulesReview and the escalation check. */
  rulesFor(user: UserInfo, namespace: string): ResolvedRules;
  readonly index: RoleIndex;
}

const NO_OPINION: Decision = Object.freeze({ decision: 'noOpinion', reason: '' });

export function rbacAuthorizer(reader: ResourceReader): RbacAuthorizer {
  const index = new RoleIndex(reader);
  return {
    index,
    rulesFor: (user, namespace) => index.rulesFor(user, namespace),
    authorize(attributes) {
      const compiled = index.of(attributes.user);
      const { cluster } = compiled;
      const local = attributes.namespace === '' ? undefined : compiled.namespaces.get(attributes.namespace);
      const source = attributes.isResourceRequest
        ? (cluster.table.allows(attributes) ?? local?.table.allows(attributes))
        : cluster.table.allowsPath(attributes.verb, attributes.path);
      if (source !== undefined) return { decision: 'allow', reason: `RBAC: allowed by ${source}` };
      const errors = [...new Set([...cluster.errors, ...(local?.errors ?? [])])];
      if (errors.length === 0) return NO_OPINION;
      return { decision: 'noOpinion', reason: `RBAC: ${errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`}` };
    },
  };
}
