// Tokens of secrets, which do not end: their claims say only who and which secret (pkg/serviceaccount/legacy.go).
import type { corev1 } from '@tiphys/api';
import type { TokenSigner } from '@tiphys/server';

export function legacyToken(signer: TokenSigner, account: corev1.ServiceAccount, secret: corev1.Secret): string {
  const { name = '', namespace = '', uid = '' } = account.metadata ?? {};
  return signer.signLegacy({
    sub: `system:serviceaccount:${namespace}:${name}`,
    'kubernetes.io/serviceaccount/namespace': namespace,
    'kubernetes.io/serviceaccount/secret.name': secret.metadata?.name,
    'kubernetes.io/serviceaccount/service-account.name': name,
    'kubernetes.io/serviceaccount/service-account.uid': uid,
  });
}
