// Service accounts by token: signature and audience once per token, what it is bound to at each request
// (pkg/serviceaccount/jwt.go).
import type { corev1 } from '@tiphys/api';
import type { UserInfo } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { Clock } from '@tiphys/runtime';
import type { LocalTokenAuthenticator } from './bearer-token.ts';
import { decodeJwt, type JwtParts, verifyJwt } from './jwt.ts';
import { checkClaims, checkLegacyClaims, LEGACY_ISSUER } from './service-account-claims.ts';
import type { TokenSigner } from './token-signer.ts';

/** Verified tokens remembered; the oldest goes first. */
const TOKENS_REMEMBERED_MAX = 4096;

export interface ServiceAccountAuthenticatorOptions {
  signer: TokenSigner;
  reader: ResourceReader;
  clock: Clock;
  /** What tokens without audiences are taken to be for: the API server itself. */
  apiAudiences: readonly string[];
  /** Told of each secret whose token was used; may be told often. */
  onLegacyUse?(secret: corev1.Secret): void;
}

interface Remembered {
  claims: JwtParts['claims'];
  legacy: boolean;
  user?: UserInfo;
}

export function serviceAccountAuthenticator(options: ServiceAccountAuthenticatorOptions): LocalTokenAuthenticator {
  const remembered = new Map<string, Remembered>();
  const verifiedClaims = (token: string): Remembered | undefined => {
    const known = remembered.get(token);
    if (known) return known;
    const parts = decodeJwt(token);
    const issuer = parts?.claims.iss;
    if (!parts || typeof issuer !== 'string') return undefined;
    const legacy = issuer === LEGACY_ISSUER;
    if (!legacy && !options.signer.issuers.has(issuer)) return undefined;
    if (!verifyJwt(parts, options.signer.keys)) throw new Error('go-jose/go-jose: error in cryptographic primitive');
    if (!legacy && typeof parts.claims['kubernetes.io'] !== 'object') throw new Error('token has no kubernetes.io claim');
    const entry = { claims: parts.claims, legacy };
    remembered.set(token, entry);
    if (remembered.size > TOKENS_REMEMBERED_MAX) remembered.delete(remembered.keys().next().value!);
    return entry;
  };
  return {
    authenticateToken(token, wanted) {
      const entry = verifiedClaims(token);
      if (!entry) return undefined;
      const audiences = commonAudiences(entry, wanted, options.apiAudiences);
      const user = entry.legacy
        ? checkLegacyClaims(token, entry.claims, options.reader, options.onLegacyUse)
        : checkClaims(entry.claims, options.reader, options.clock.now());
      // The claims fix everything in the user, so one object stands for the token.
      entry.user ??= user;
      return { user: entry.user, ...(audiences ? { audiences } : {}) };
    },
  };
}

function commonAudiences(entry: Remembered, wanted: readonly string[] | undefined, implicit: readonly string[]): string[] | undefined {
  if (!wanted || wanted.length === 0) return undefined;
  const claimed = entry.claims.aud;
  const own = entry.legacy || claimed === undefined ? implicit : Array.isArray(claimed) ? (claimed as string[]) : [String(claimed)];
  const common = own.filter((audience) => wanted.includes(audience));
  if (common.length === 0) {
    throw new Error(`token audiences ${JSON.stringify(own)} is invalid for the target audiences ${JSON.stringify(wanted)}`);
  }
  return common;
}
