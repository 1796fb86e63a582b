// Fills secrets of type kubernetes.io/service-account-token, and removes those whose account is gone
// (pkg/controller/serviceaccount/tokens_controller.go). Accounts get no such secret by themselves since v1.24.
import { corev1 } from '@tiphys/api';
import { isConflict, isNotFound } from '@tiphys/machinery';
import { remove, update } from '../runtime/actions.ts';
import { type Controller, defineController } from '../runtime/controller.ts';
import { annotationsOf, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';

const TOKEN_TYPE = 'kubernetes.io/service-account-token';
const NAME_ANNOTATION = 'kubernetes.io/service-account.name';
const UID_ANNOTATION = 'kubernetes.io/service-account.uid';
const BY_ACCOUNT = 'service-account';

export interface TokensOptions {
  /** Signs a token that does not end, bound to the secret. */
  signToken(account: corev1.ServiceAccount, secret: corev1.Secret): string;
  rootCertificatePem: string;
}

const accountKey = (secret: corev1.Secret) => `${namespaceOf(secret)}/${annotationsOf(secret)[NAME_ANNOTATION]}`;
const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');

export function tokensController({ signToken, rootCertificatePem }: TokensOptions): Controller<corev1.Secret> {
  return defineController<corev1.Secret>({
    name: 'token-controller',
    // It makes what lets others act as their accounts, so upstream runs it as the program itself.
    user: 'system:kube-controller-manager',
    for: corev1.secrets,
    triggers: (secret) => secret.type === TOKEN_TYPE,
    reads: [corev1.serviceaccounts],
    indices: [{ type: corev1.secrets, name: BY_ACCOUNT, keysOf: (secret) => (secret.type === TOKEN_TYPE ? [accountKey(secret)] : []) }],
    watches: [
      {
        type: corev1.serviceaccounts,
        keys: (account, snapshot) =>
          snapshot
            .byIndex(corev1.secrets, BY_ACCOUNT, `${namespaceOf(account)}/${nameOf(account)}`)
            .map((s) => `${namespaceOf(s)}/${nameOf(s)}`),
      },
    ],
    plan({ object: secret, get }) {
      if (secret.type !== TOKEN_TYPE || secret.metadata?.deletionTimestamp) return [];
      const account = get(corev1.serviceaccounts, annotationsOf(secret)[NAME_ANNOTATION] ?? '', namespaceOf(secret));
      const wantedUid = annotationsOf(secret)[UID_ANNOTATION];
      if (!account || (wantedUid && wantedUid !== uidOf(account)))
        return [
          remove(corev1.secrets, secret, 'its service account does not exist', { options: { preconditions: { uid: uidOf(secret) } } }),
        ];
      const complete = secret.data?.token && secret.data.namespace && secret.data['ca.crt'] === base64(rootCertificatePem) && wantedUid;
      if (complete) return [];
      const filled: corev1.Secret = {
        ...secret,
        metadata: { ...secret.metadata, annotations: { ...annotationsOf(secret), [UID_ANNOTATION]: uidOf(account) } },
        data: {
          ...secret.data,
          'ca.crt': base64(rootCertificatePem),
          namespace: base64(namespaceOf(secret)),
          token: secret.data?.token || base64(signToken(account, secret)),
        },
      };
      return [
        update(corev1.secrets, filled, 'the token, its namespace or the authority is missing', {
          tolerate: (error) => isConflict(error) || isNotFound(error),
        }),
      ];
    },
  });
}
