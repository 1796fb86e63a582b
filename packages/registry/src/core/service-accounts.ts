// ServiceAccounts (registry/core/serviceaccount/strategy.go, printers printServiceAccount).
import type { corev1 } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import { withNameAndAge } from '../rules/columns.ts';

/** Of a reference to a secret the name alone counts. */
function keepNamesOfSecrets(account: corev1.ServiceAccount): void {
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name ? { name } : {}));
}

export const serviceAccounts = defineBuiltIn<corev1.ServiceAccount>('', 'v1', 'serviceaccounts', {
  prepareForCreate: keepNamesOfSecrets,
  prepareForUpdate: keepNamesOfSecrets,
  columns: withNameAndAge<corev1.ServiceAccount>(),
});
