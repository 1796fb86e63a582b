// Rules and bindings of RBAC (apis/rbac/validation).
import type { rbacv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors } from '../rules/errors.ts';
import { isPathSegment, nameIsSubdomain } from '../rules/formats.ts';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';

export function checkPolicyRules(errors: Errors, rules: readonly rbacv1.PolicyRule[] | null | undefined, namespaced: boolean): void {
  rules?.forEach(({ verbs, nonResourceURLs, apiGroups, resources, resourceNames }, i) => {
    const at = `rules[${i}]`;
    if (!verbs?.length) errors.push(fieldError.required(`${at}.verbs`, 'verbs must contain at least one value'));
    if (nonResourceURLs?.length) {
      if (namespaced) {
        const why = 'namespaced rules cannot apply to non-resource URLs';
        errors.push(fieldError.invalid(`${at}.nonResourceURLs`, nonResourceURLs, why));
      }
      if (apiGroups?.length || resources?.length || resourceNames?.length) {
        const why = 'rules cannot apply to both regular resources and non-resource URLs';
        errors.push(fieldError.invalid(`${at}.nonResourceURLs`, nonResourceURLs, why));
      }
      return;
    }
    if (!apiGroups?.length) errors.push(fieldError.required(`${at}.apiGroups`, 'resource rules must supply at least one api group'));
    if (!resources?.length) errors.push(fieldError.required(`${at}.resources`, 'resource rules must supply at least one resource'));
  });
}

function checkSubject(errors: Errors, at: string, subject: rbacv1.Subject, namespaced: boolean): void {
  const { kind = '', name = '', apiGroup = '', namespace = '' } = subject;
  if (!name) errors.push(fieldError.required(`${at}.name`));
  if (kind === 'ServiceAccount') {
    if (name) complain(errors, `${at}.name`, name, nameIsSubdomain(name, false));
    if (apiGroup) errors.push(fieldError.notSupported(`${at}.apiGroup`, apiGroup, ['']));
    if (!namespaced && !namespace) errors.push(fieldError.required(`${at}.namespace`));
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== RBAC_GROUP) errors.push(fieldError.notSupported(`${at}.apiGroup`, apiGroup, [RBAC_GROUP]));
  } else errors.push(fieldError.notSupported(`${at}.kind`, kind, ['ServiceAccount', 'User', 'Group']));
}

interface Binding {
  roleRef?: rbacv1.RoleRef;
  subjects?: rbacv1.Subject[];
}

export function checkBinding(errors: Errors, { roleRef, subjects }: Binding, namespaced: boolean): void {
  const { apiGroup = '', kind = '', name = '' } = roleRef ?? {};
  if (apiGroup !== RBAC_GROUP) errors.push(fieldError.notSupported('roleRef.apiGroup', apiGroup, [RBAC_GROUP]));
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(kind)) errors.push(fieldError.notSupported('roleRef.kind', kind, kinds));
  if (!name) errors.push(fieldError.required('roleRef.name'));
  else complain(errors, 'roleRef.name', name, isPathSegment(name));
  subjects?.forEach((subject, i) => {
    checkSubject(errors, `subjects[${i}]`, subject, namespaced);
  });
}

export function checkSameRole(errors: Errors, { roleRef: now }: Binding, { roleRef: old }: Binding): void {
  if (now?.apiGroup !== old?.apiGroup || now?.kind !== old?.kind || now?.name !== old?.name) {
    errors.push(
      fieldError.invalid(
        'roleRef',
        { APIGroup: now?.apiGroup ?? '', Kind: now?.kind ?? '', Name: now?.name ?? '' },
        'cannot change roleRef',
      ),
    );
  }
}
