// ServiceAccounts (registry/core/serviceaccount/strategy.go, printers printServiceAccount).
import type { corev1 } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import { withNameAndAge } from '../rules/columns.ts';

export const serviceAccounts = defineBuiltIn<corev1.ServiceAccount>('', 'v1', 'serviceaccounts', {
  columns: withNameAndAge<corev1.ServiceAccount>(),
});
