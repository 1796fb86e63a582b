// RoleBindings and ClusterRoleBindings (registry/rbac/{rolebinding,clusterrolebinding}, printers printRoleBinding).
import type { rbacv1 } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import type { Column } from '../define-resource.ts';
import { text, wide, withNameAndAge } from '../rules/columns.ts';
import type { Errors } from '../rules/errors.ts';
import { nameIsPathSegment } from '../rules/formats.ts';
import { checkBinding, checkSameRole, RBAC_GROUP } from './rules.ts';

type Binding = rbacv1.RoleBinding | rbacv1.ClusterRoleBinding;

function subjects(binding: Binding, kind: string): string {
  return (binding.subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
    .join(', ');
}

const columns: readonly Column<any>[] = [
  ...withNameAndAge<Binding>(text('Role', ({ roleRef }) => `${roleRef?.kind ?? ''}/${roleRef?.name ?? ''}`)),
  wide(text<Binding>('Users', (binding) => subjects(binding, 'User'))),
  wide(text<Binding>('Groups', (binding) => subjects(binding, 'Group'))),
  wide(text<Binding>('ServiceAccounts', (binding) => subjects(binding, 'ServiceAccount'))),
];

const rulesFor = (namespaced: boolean) => ({
  validateName: nameIsPathSegment,
  validateCreate(binding: Binding): Errors {
    const errors: Errors = [];
    checkBinding(errors, binding, namespaced);
    return errors;
  },
  validateUpdate(binding: Binding, old: Binding): Errors {
    const errors: Errors = [];
    checkBinding(errors, binding, namespaced);
    checkSameRole(errors, binding, old);
    return errors;
  },
  columns,
});

export const roleBindings = defineBuiltIn<rbacv1.RoleBinding>(RBAC_GROUP, 'v1', 'rolebindings', rulesFor(true));
export const clusterRoleBindings = defineBuiltIn<rbacv1.ClusterRoleBinding>(RBAC_GROUP, 'v1', 'clusterrolebindings', rulesFor(false));
