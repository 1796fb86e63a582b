// ServiceAccounts (registry/core/serviceaccount/strategy.go, printers printServiceAccount).
import type { corev1 } from '@tiphys/api';
import { defineBuiltIn } from '../built-in/base.ts';
import type { RuleContext } from '../define-resource.ts';
import { withNameAndAge } from '../rules/columns.ts';

/** Of a reference to a secret the name alone counts. */
function keepNamesOfSecrets(account: corev1.ServiceAccount): void {
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name ? { name } : {}));
}

const ENFORCE_MOUNTABLE = 'kubernetes.io/enforce-mountable-secrets';

function warnOfEnforcement({ metadata }: corev1.ServiceAccount, old: corev1.ServiceAccount | undefined, { warn }: RuleContext): void {
  if (metadata?.annotations?.[ENFORCE_MOUNTABLE] === undefined || old?.metadata?.annotations?.[ENFORCE_MOUNTABLE] !== undefined) return;
  const why = 'deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets';
  warn(`metadata.annotations[${ENFORCE_MOUNTABLE}]: ${why}`);
}

export const serviceAccounts = defineBuiltIn<corev1.ServiceAccount>('', 'v1', 'serviceaccounts', {
  prepareForCreate: keepNamesOfSecrets,
  prepareForUpdate: keepNamesOfSecrets,
  validateCreate(account, context) {
    warnOfEnforcement(account, undefined, context);
    return [];
  },
  validateUpdate(account, old, context) {
    warnOfEnforcement(account, old, context);
    return [];
  },
  columns: withNameAndAge<corev1.ServiceAccount>(),
});
