// Tokens that new nodes join with, kept in kube-system secrets (plugin/pkg/auth/authenticator/token/bootstrap).
import { timingSafeEqual } from 'node:crypto';
import { corev1 } from '@tiphys/api';
import type { ResourceReader } from '@tiphys/registry';
import type { Clock } from '@tiphys/runtime';
import type { LocalTokenAuthenticator } from './bearer-token.ts';

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const SECRET_TYPE = 'bootstrap.kubernetes.io/token';
const GROUP_BOOTSTRAPPERS = 'system:bootstrappers';

export function bootstrapTokenAuthenticator(options: { reader: ResourceReader; clock: Clock }): LocalTokenAuthenticator {
  return {
    authenticateToken(token) {
      const [, id, secretPart] = TOKEN.exec(token) ?? [];
      if (!id || !secretPart) return undefined;
      const secret = options.reader.get(corev1.secrets, `bootstrap-token-${id}`, 'kube-system');
      if (!secret || secret.metadata?.deletionTimestamp || secret.type !== SECRET_TYPE) return undefined;
      const value = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();
      const stored = Buffer.from(value('token-secret'));
      const given = Buffer.from(secretPart);
      if (stored.length !== given.length || !timingSafeEqual(stored, given) || value('token-id') !== id) return undefined;
      const expiration = value('expiration');
      if (expiration !== '' && !(Date.parse(expiration) > options.clock.now())) return undefined;
      if (value('usage-bootstrap-authentication') !== 'true') return undefined;
      const extra = value('auth-extra-groups') === '' ? [] : value('auth-extra-groups').split(',');
      if (!extra.every((group) => EXTRA_GROUP.test(group))) throw new Error(`secret bootstrap-token-${id} has invalid extra groups`);
      return { user: { name: `system:bootstrap:${id}`, groups: [...new Set([GROUP_BOOTSTRAPPERS, ...extra])].sort() } };
    },
  };
}
