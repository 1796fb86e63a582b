// What a secret of type bootstrap.kubernetes.io/token says (cluster-bootstrap util/secrets; pkg/controller/bootstrap/util.go).
import type { corev1 } from '@tiphys/api';
import { nameOf, namespaceOf, timeMs } from '../runtime/objects.ts';

const TOKEN_TYPE = 'bootstrap.kubernetes.io/token';
const NAMESPACE = 'kube-system';
const NAME = /^bootstrap-token-([a-z0-9]{6})$/;
const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

export interface BootstrapToken {
  id: string;
  secret: string;
}

export const isBootstrapToken = (secret: corev1.Secret): boolean => secret.type === TOKEN_TYPE && namespaceOf(secret) === NAMESPACE;

const dataOf = (secret: corev1.Secret, key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');

/** undefined when it never ends; a time that can't be read has passed. */
export function expiresAtMs(secret: corev1.Secret): number | undefined {
  const text = dataOf(secret, 'expiration');
  if (text === '') return undefined;
  return RFC_3339.test(text) ? timeMs(text) : 0;
}

/** undefined when the secret is no token, has ended, or is not meant for signing. */
export function signingToken(secret: corev1.Secret, nowMs: number): BootstrapToken | undefined {
  const id = dataOf(secret, 'token-id');
  const token = dataOf(secret, 'token-secret');
  if (NAME.exec(nameOf(secret))?.[1] !== id || id === '' || token === '') return undefined;
  if ((expiresAtMs(secret) ?? Number.POSITIVE_INFINITY) <= nowMs) return undefined;
  return dataOf(secret, 'usage-bootstrap-signing') === 'true' ? { id, secret: token } : undefined;
}
