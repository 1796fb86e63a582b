// Whether a token is this provider's, for us, and good now (coreos/go-oidc verify.go, upstream's idTokenVerifier).
import type { Clock } from '@tiphys/runtime';
import { decodeJwt, SIGNING_ALGORITHM_NAMES } from '../jwt.ts';
import type { Claims } from './expressions.ts';
import type { Provider } from './provider.ts';

const NOT_BEFORE_LEEWAY_MS = 60_000;
const GOOGLE = 'https://accounts.google.com';
const GOOGLE_WITHOUT_SCHEME = 'accounts.google.com';

/** As Go prints a list of quoted text. */
const quoted = (values: readonly string[]) => `[${values.map((each) => JSON.stringify(each)).join(' ')}]`;

/** As Go prints a time of whole seconds. */
const goTime = (seconds: number) => `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;

const DATE_SECONDS_MAX = 8.64e12;
const secondsOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Math.abs(value) <= DATE_SECONDS_MAX ? value : undefined;

/** The issuer that a token names, which nobody has checked yet; undefined for what is no token. */
export function claimedIssuer(token: string): string | undefined {
  const issuer = decodeJwt(token)?.claims.iss;
  if (issuer === GOOGLE_WITHOUT_SCHEME) return GOOGLE;
  return typeof issuer === 'string' ? issuer : undefined;
}

export interface Expected {
  issuer: string;
  audiences: readonly string[];
}

/** The token's claims. Throws Error in upstream's words. */
export async function verifiedClaims(token: string, provider: Provider, { issuer, audiences }: Expected, clock: Clock): Promise<Claims> {
  const parts = decodeJwt(token);
  if (!parts) throw new Error('oidc: malformed jwt');
  const algorithm = parts.header.alg ?? '';
  if (!SIGNING_ALGORITHM_NAMES.includes(algorithm)) {
    const expected = quoted(SIGNING_ALGORITHM_NAMES);
    throw new Error(`oidc: id token signed with unsupported algorithm, expected ${expected} got ${JSON.stringify(algorithm)}`);
  }
  await provider.verifySignature(parts).catch((error: Error) => {
    throw new Error(`failed to verify signature: ${error.message}`, { cause: error });
  });
  const { claims } = parts;
  if (claims.iss !== issuer && !(issuer === GOOGLE && claims.iss === GOOGLE_WITHOUT_SCHEME)) {
    const expected = JSON.stringify(issuer);
    throw new Error(`oidc: id token issued by a different provider, expected ${expected} got ${JSON.stringify(claims.iss ?? '')}`);
  }
  const claimed = Array.isArray(claims.aud) ? claims.aud.map(String) : claims.aud === undefined ? [] : [String(claims.aud)];
  if (!claimed.some((audience) => audiences.includes(audience))) {
    const expected = audiences.length === 1 ? JSON.stringify(audiences[0]) : `in ${quoted([...audiences].sort())}`;
    throw new Error(`oidc: expected audience ${expected} got ${quoted(claimed)}`);
  }
  const nowMs = clock.now();
  const expiry = secondsOf(claims.exp);
  if (expiry === undefined || expiry * 1000 < nowMs) throw new Error(`oidc: token is expired (Token Expiry: ${goTime(expiry ?? 0)})`);
  const notBefore = secondsOf(claims.nbf);
  if (notBefore !== undefined && nowMs + NOT_BEFORE_LEEWAY_MS < notBefore * 1000) {
    const now = goTime(Math.floor(nowMs / 1000));
    throw new Error(`oidc: current time ${now} before the nbf (not before) time: ${goTime(notBefore)}`);
  }
  return claims;
}
