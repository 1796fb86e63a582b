// Groups that a token doesn't carry but says where to ask for (OpenID Connect Core 1.0, 5.6.2; oidc.go claimResolver).
import type { Clock } from '@tiphys/runtime';
import type { Exchanger } from '../../remote/exchange.ts';
import type { Claims } from './expressions.ts';
import { discover, type Provider } from './provider.ts';
import { claimedIssuer, verifiedClaims } from './verify.ts';

const REQUEST_TIMEOUT_MS = 30_000;
/** Issuers of such claims that are remembered. */
const PROVIDERS_MAX = 16;

export interface DistributedClaims {
  /** The claims with the wanted one filled in where the token points to it. Throws Error. */
  expand(claims: Claims): Promise<Claims>;
}

const recordOf = (value: unknown): Record<string, any> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, any>) : undefined;

/** Where the claim is to be asked for; undefined when the token doesn't say or holds it itself. */
function sourceOf(claims: Claims, claim: string): { endpoint: string; accessToken: string } | undefined {
  if (Object.hasOwn(claims, claim) || !Object.hasOwn(claims, '_claim_names')) return undefined;
  const names = recordOf(claims._claim_names);
  if (!names) throw new Error('oidc: error parsing distributed claim names: must be an object');
  const sources = recordOf(claims._claim_sources);
  if (!sources) throw new Error('oidc: no claim sources');
  if (!Object.hasOwn(names, claim)) return undefined;
  const source = Object.hasOwn(sources, names[claim]) ? recordOf(sources[names[claim]]) : undefined;
  if (!source) throw new Error(`id token _claim_names contained a source ${names[claim]} missing in _claims_sources`);
  return source.endpoint ? { endpoint: String(source.endpoint), accessToken: String(source.access_token ?? '') } : undefined;
}

export function distributedClaims(claim: string, audiences: readonly string[], remote: Exchanger, clock: Clock): DistributedClaims {
  const providers = new Map<string, Promise<Provider>>();
  const providerOf = (issuer: string): Promise<Provider> => {
    let provider = providers.get(issuer);
    if (!provider) {
      provider = discover({ issuer, remote, clock });
      provider.catch(() => providers.delete(issuer));
      providers.set(issuer, provider);
      if (providers.size > PROVIDERS_MAX) providers.delete(providers.keys().next().value!);
    }
    return provider;
  };
  return {
    async expand(claims) {
      const source = sourceOf(claims, claim);
      if (!source) return claims;
      if (new URL(source.endpoint).protocol !== 'https:')
        throw new Error(`while getting distributed claim "${claim}": endpoint must be https`);
      const headers: Record<string, string> = source.accessToken ? { authorization: `Bearer ${source.accessToken}` } : {};
      const answer = await remote.exchange({ method: 'GET', url: source.endpoint, headers, timeoutMs: REQUEST_TIMEOUT_MS });
      if (answer.status < 200 || answer.status > 226) {
        throw new Error(`while getting distributed claim "${claim}": error while getting distributed claim JWT: ${answer.status}`);
      }
      const token = answer.text.trim();
      const issuer = claimedIssuer(token);
      if (issuer === undefined)
        throw new Error(`getting untrusted issuer from endpoint ${source.endpoint} failed for claim "${claim}": malformed token`);
      const distributed = await verifiedClaims(token, await providerOf(issuer), { issuer, audiences }, clock);
      if (!Object.hasOwn(distributed, claim)) {
        throw new Error(`jwt returned by distributed claim endpoint "${source.endpoint}" did not contain claim: ${claim}`);
      }
      return { ...claims, [claim]: distributed[claim] };
    },
  };
}
