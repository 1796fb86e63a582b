// Tokens that machines join with: ID.SECRET, kept as secrets (cluster-bootstrap token/util, token/api; kubeadm bootstraptoken). Pure.
import { type corev1, timeText } from '@tiphys/api';
import type { Random } from '@tiphys/runtime';
import { ConfigurationError } from '../configuration.ts';

export interface JoinToken {
  id: string;
  secret: string;
}

/** A server's. It opens what the cluster keeps sealed for it. */
export interface ServerToken extends JoinToken {
  /** Known to those who have the token alone. */
  key: string;
}

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})(?:\.([a-z0-9]{50}))?$/;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 6;
const SECRET_LENGTH = 16;
/** As good as 256 random bits. */
const KEY_LENGTH = 50;
export const TOKEN_NAMESPACE = 'kube-system';
export const TOKEN_TYPE = 'bootstrap.kubernetes.io/token';
export const JOIN_GROUP = 'system:bootstrappers:tiphys';

export const secretName = (id: string): string => `bootstrap-token-${id}`;
/** What the server is shown. */
export const tokenText = ({ id, secret }: JoinToken): string => `${id}.${secret}`;
/** What a person copies. */
export const serverTokenText = (token: ServerToken): string => `${tokenText(token)}.${token.key}`;
export const isServerToken = (token: JoinToken): token is ServerToken => 'key' in token;

/** Bytes that would make some letters more likely than others are left out. */
function randomText(random: Random, length: number): string {
  const limit = 256 - (256 % ALPHABET.length);
  let text = '';
  while (text.length < length) {
    for (const byte of random.bytes(length)) if (byte < limit && text.length < length) text += ALPHABET[byte % ALPHABET.length];
  }
  return text;
}

export const newToken = (random: Random): JoinToken => ({ id: randomText(random, ID_LENGTH), secret: randomText(random, SECRET_LENGTH) });

export const newServerToken = (random: Random): ServerToken => ({ ...newToken(random), key: randomText(random, KEY_LENGTH) });

export function parseToken(text: string): JoinToken | ServerToken {
  const [, id, secret, key] = TOKEN.exec(text.trim()) ?? [];
  if (!id || !secret)
    throw new ConfigurationError(
      `the token must be of the form ID.SECRET, with 6 and 16 characters of a-z and 0-9, and for a server .KEY with ${KEY_LENGTH} more`,
    );
  return key ? { id, secret, key } : { id, secret };
}

export function tokenSecret(token: JoinToken | ServerToken, expiresAtMs: number | undefined): corev1.Secret {
  const data: Record<string, string> = {
    'token-id': token.id,
    'token-secret': token.secret,
    'usage-bootstrap-authentication': 'true',
    'usage-bootstrap-signing': 'true',
    // A server's token may fetch its keys and nothing else (server-token.ts).
    ...(isServerToken(token) ? {} : { 'auth-extra-groups': JOIN_GROUP }),
    description: `For ${isServerToken(token) ? 'servers' : 'machines'} that join, made by tiphys token create.`,
  };
  if (expiresAtMs !== undefined) data.expiration = timeText(expiresAtMs);
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'utf8').toString('base64')]);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretName(token.id), namespace: TOKEN_NAMESPACE },
    type: TOKEN_TYPE,
    data: Object.fromEntries(encoded),
  };
}

export interface TokenFacts {
  id: string;
  /** undefined: it never ends. */
  expires: string | undefined;
  usages: string[];
  description: string;
}

const USAGE_PREFIX = 'usage-bootstrap-';

/** What may be shown of a token; its secret is not. */
export function tokenFacts(secret: corev1.Secret): TokenFacts {
  const value = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
  const usages = Object.keys(secret.data ?? {}).filter((key) => key.startsWith(USAGE_PREFIX) && value(key) === 'true');
  return {
    id: value('token-id'),
    expires: value('expiration') || undefined,
    usages: usages.map((key) => key.slice(USAGE_PREFIX.length)).sort(),
    description: value('description'),
  };
}
