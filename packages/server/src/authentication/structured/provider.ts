// An OpenID provider: its discovery document and the keys it signs with, fetched again when they are old and a signature asks for
// one that isn't known (coreos/go-oidc provider, jwks.go, as upstream uses it).
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Clock } from '@tiphys/runtime';
import type { Exchanger } from '../../remote/exchange.ts';
import { isSignedBy, type JwtParts } from '../jwt.ts';

const WELL_KNOWN = '/.well-known/openid-configuration';
const REQUEST_TIMEOUT_MS = 30_000;
/** Keys of one provider; what comes after is left out. */
export const KEYS_MAX = 256;
/** Keys are fetched again so long before what the provider said of them ends. */
const REFRESH_BEFORE_MS = 30_000;
/** Tokens with made-up key names must not become requests to the provider. */
export const REFETCH_INTERVAL_MIN_MS = 1000;

interface PublishedKey {
  id: string;
  key: KeyObject;
}

export interface Provider {
  /** Throws Error in go-oidc's words. */
  verifySignature(parts: JwtParts): Promise<void>;
}

export interface ProviderOptions {
  issuer: string;
  /** Where the discovery document is when it isn't below the issuer. */
  discoveryUrl?: string | undefined;
  remote: Exchanger;
  clock: Clock;
}

async function fetched(remote: Exchanger, url: string): Promise<{ json: any; maxAgeMs: number }> {
  const answer = await remote.exchange({ method: 'GET', url, headers: { accept: 'application/json' }, timeoutMs: REQUEST_TIMEOUT_MS });
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text.slice(0, 200)}`);
  const age = /(?:^|[\s,])max-age=(\d{1,9})/i.exec(String(answer.headers['cache-control'] ?? ''));
  try {
    return { json: JSON.parse(answer.text), maxAgeMs: Number(age?.[1] ?? 0) * 1000 };
  } catch (error) {
    const type = answer.headers['content-type'] ?? '';
    throw new Error(`expected Content-Type = application/json, got ${JSON.stringify(type)}: ${(error as Error).message}`, { cause: error });
  }
}

function publishedKeys(document: any): PublishedKey[] {
  const keys: unknown = document?.keys;
  if (!Array.isArray(keys)) return [];
  return keys.slice(0, KEYS_MAX).flatMap((jwk): PublishedKey[] => {
    // Shared secrets and kinds of keys that nobody may sign with are passed over.
    if (jwk?.kty !== 'RSA' && jwk?.kty !== 'EC') return [];
    try {
      return [{ id: typeof jwk.kid === 'string' ? jwk.kid : '', key: createPublicKey({ key: jwk, format: 'jwk' }) }];
    } catch {
      return [];
    }
  });
}

/** Reads the discovery document and checks that it is this issuer's. Throws Error when it can't be had. */
export async function discover({ issuer, discoveryUrl, remote, clock }: ProviderOptions): Promise<Provider> {
  const { json } = await fetched(remote, discoveryUrl ?? `${issuer.replace(/\/$/, '')}${WELL_KNOWN}`);
  if (json?.issuer !== issuer) {
    const got = JSON.stringify(json?.issuer ?? '');
    throw new Error(`oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(issuer)} got ${got}`);
  }
  if (typeof json.jwks_uri !== 'string' || json.jwks_uri === '') throw new Error('provider did not return JWKS URL');
  return keySet(json.jwks_uri, remote, clock);
}

function keySet(url: string, remote: Exchanger, clock: Clock): Provider {
  let keys: readonly PublishedKey[] = [];
  let freshUntilMs = Number.NEGATIVE_INFINITY;
  let fetchedMs = Number.NEGATIVE_INFINITY;
  let underWay: Promise<void> | undefined;
  const signedByKnown = (parts: JwtParts) =>
    keys.some(({ id, key }) => (!parts.header.kid || parts.header.kid === id) && isSignedBy(parts, key));
  const refresh = async () => {
    const { json, maxAgeMs } = await fetched(remote, url);
    keys = publishedKeys(json);
    fetchedMs = clock.monotonicMs();
    freshUntilMs = fetchedMs + maxAgeMs;
  };
  /** One request at a time, whoever waits for it. */
  const refreshed = () => {
    underWay ??= refresh().finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
  return {
    async verifySignature(parts) {
      if (signedByKnown(parts)) return;
      const nowMs = clock.monotonicMs();
      const mayAsk = nowMs + REFRESH_BEFORE_MS > freshUntilMs && nowMs >= fetchedMs + REFETCH_INTERVAL_MIN_MS;
      if (mayAsk || underWay) {
        await refreshed().catch((error: Error) => {
          throw new Error(`fetching keys ${error.message}`, { cause: error });
        });
        if (signedByKnown(parts)) return;
      }
      throw new Error('failed to verify id token signature');
    },
  };
}
