// Roles and ClusterRoles (registry/rbac/{role,clusterrole}, apis/rbac/validation).
import type { rbacv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import type { Errors } from '../rules/errors.ts';
import { nameIsPathSegment } from '../rules/formats.ts';
import { checkLabelSelector } from '../rules/labels.ts';
import { checkPolicyRules, RBAC_GROUP } from './rules.ts';

function validateRole({ rules }: rbacv1.Role): Errors {
  const errors: Errors = [];
  checkPolicyRules(errors, rules, true);
  return errors;
}

function validateClusterRole({ rules, aggregationRule }: rbacv1.ClusterRole): Errors {
  const errors: Errors = [];
  checkPolicyRules(errors, rules, false);
  if (!aggregationRule) return errors;
  const path = 'aggregationRule.clusterRoleSelectors';
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (!selectors.length) {
    errors.push(fieldError.required(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
  }
  selectors.forEach((selector, i) => {
    const before = errors.length;
    checkLabelSelector(errors, `${path}[${i}]`, selector);
    if (errors.length > before) errors.push(fieldError.invalid(`${path}[${i}]`, null, 'invalid label selector.'));
  });
  return errors;
}

export const roles = defineBuiltIn<rbacv1.Role>(RBAC_GROUP, 'v1', 'roles', {
  validateName: nameIsPathSegment,
  validateCreate: validateRole,
  validateUpdate: validateRole,
});

export const clusterRoles = defineBuiltIn<rbacv1.ClusterRole>(RBAC_GROUP, 'v1', 'clusterroles', {
  validateName: nameIsPathSegment,
  validateCreate: validateClusterRole,
  validateUpdate: validateClusterRole,
});
