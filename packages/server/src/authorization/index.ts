export { escalationCheck } from './escalation.ts';
export { authorizationForbidden } from './forbidden.ts';
export { nodeAuthorizer } from './node-authorizer.ts';
export { type BootstrapPolicy, bootstrapPolicy } from './policy/policy.ts';
export { reconcilePolicy } from './policy/reconcile.ts';
export { type RbacAuthorizer, rbacAuthorizer } from './rbac.ts';
export { superuserAuthorizer, unionAuthorizer } from './union.ts';
