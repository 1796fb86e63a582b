// Users by headers of a proxy that is trusted by its client certificate (apiserver authentication/request/headerrequest).
import type { UserInfo } from '@tiphys/machinery';
import type { Clock } from '@tiphys/runtime';
import type { TrustedProxies } from '../bootstrap/objects.ts';
import type { Authenticator } from '../interfaces.ts';
import { pemCertificates, type Verified, verifyChain } from './client-certificate.ts';

export interface RequestHeaderOptions {
  proxies: TrustedProxies;
  clock: Clock;
}

/** A header that came several times arrives as one. */
const valuesOf = (value: string | undefined): string[] => (value === undefined ? [] : value.split(', ').filter((each) => each !== ''));

function first(headers: Readonly<Record<string, string>>, names: readonly string[]): string {
  for (const name of names) {
    const value = headers[name.toLowerCase()]?.trim();
    if (value) return value;
  }
  return '';
}

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function userOf(headers: Readonly<Record<string, string>>, proxies: TrustedProxies): UserInfo | undefined {
  const name = first(headers, proxies.usernameHeaders);
  if (!name) return undefined;
  const uid = first(headers, proxies.uidHeaders);
  const groups = proxies.groupHeaders.flatMap((header) => valuesOf(headers[header.toLowerCase()]));
  const extra: Record<string, string[]> = {};
  for (const prefix of proxies.extraHeaderPrefixes.map((each) => each.toLowerCase())) {
    for (const [header, value] of Object.entries(headers)) {
      if (!header.startsWith(prefix)) continue;
      const key = unescaped(header.slice(prefix.length).toLowerCase());
      extra[key] = [...(extra[key] ?? []), ...valuesOf(value)];
    }
  }
  return { name, ...(uid ? { uid } : {}), groups, ...(Object.keys(extra).length > 0 ? { extra } : {}) };
}

/** Others' certificates are the next authenticators' to judge. */
export function requestHeaderAuthenticator({ proxies, clock }: RequestHeaderOptions): Authenticator {
  const authorities = pemCertificates(proxies.certificateAuthorityPem);
  const seen = new WeakMap<Uint8Array, Verified | 'unknown'>();
  const verified = (chain: readonly Uint8Array[]): Verified | 'unknown' => {
    let known = seen.get(chain[0]!);
    if (!known) {
      try {
        known = verifyChain(chain, authorities, clock.now());
      } catch {
        known = 'unknown';
      }
      seen.set(chain[0]!, known);
    }
    return known;
  };
  return {
    authenticate({ peer, headers }) {
      const chain = peer?.certificateChain;
      if (!chain?.[0]) return undefined;
      const proxy = verified(chain);
      if (proxy === 'unknown') return undefined;
      const nowMs = clock.now();
      if (nowMs < proxy.validFromMs || nowMs > proxy.validToMs) return undefined;
      if (proxies.allowedNames.length > 0 && !proxies.allowedNames.includes(proxy.user?.name ?? '')) return undefined;
      return userOf(headers, proxies);
    },
  };
}
