// Users by tokens of one OpenID issuer. The provider may be out of reach when the server starts, or run in the cluster itself: it is
// asked again until it answers, and until then its tokens don't pass (apiserver plugin/pkg/authenticator/token/oidc/oidc.go).
import type { Clock, Logger } from '@tiphys/runtime';
import { exchanger } from '../../remote/exchange.ts';
import type { TokenAuthenticator } from '../bearer-token.ts';
import { distributedClaims } from './distributed-claims.ts';
import { discover, type Provider } from './provider.ts';
import { userOfClaims } from './user-of-claims.ts';
import type { CompiledAuthenticator } from './validation.ts';
import { claimedIssuer, verifiedClaims } from './verify.ts';

const DISCOVERY_INTERVAL_MS = 10_000;

export interface JwtAuthenticator extends TokenAuthenticator {
  /** Resolves when the provider has answered. */
  readonly ready: Promise<void>;
  /** Why its tokens can't pass yet; undefined when they can. */
  problem(): string | undefined;
  close(): void;
}

export function jwtAuthenticator(compiled: CompiledAuthenticator, { clock, log }: { clock: Clock; log: Logger }): JwtAuthenticator {
  const { issuer, claimMappings } = compiled.configuration;
  const remote = exchanger(clock, issuer.certificateAuthority ? { ca: issuer.certificateAuthority } : {});
  const expected = { issuer: issuer.url, audiences: issuer.audiences };
  const groupsClaim = claimMappings?.groups?.claim;
  const distributed = groupsClaim ? distributedClaims(groupsClaim, issuer.audiences, remote, clock) : undefined;
  const ended = new AbortController();
  let provider: Provider | undefined;
  let problem: string | undefined = `oidc: authenticator for issuer ${JSON.stringify(issuer.url)} is not initialized`;
  const initialize = async () => {
    while (!ended.signal.aborted) {
      try {
        provider = await discover({ issuer: issuer.url, discoveryUrl: issuer.discoveryURL, remote, clock });
        problem = undefined;
        return;
      } catch (error) {
        problem = `oidc: authenticator for issuer ${JSON.stringify(issuer.url)} is not healthy: ${(error as Error).message}`;
        if (ended.signal.aborted) return;
        log.warning('an OpenID provider can not be used yet', { issuer: issuer.url, error: (error as Error).message });
      }
      await clock.sleep(DISCOVERY_INTERVAL_MS, ended.signal).catch(() => {});
    }
  };
  const prefixed = (what: string) => (error: Error) => {
    throw new Error(`oidc: ${what}: ${error.message}`, { cause: error });
  };
  return {
    ready: initialize(),
    problem: () => problem,
    close: () => {
      ended.abort();
      remote.close();
    },
    authenticateToken(token) {
      if (claimedIssuer(token) !== issuer.url) return undefined;
      const known = provider;
      if (!known) throw new Error('oidc: authenticator not initialized');
      return verifiedClaims(token, known, expected, clock)
        .catch(prefixed('verify token'))
        .then((claims) => distributed?.expand(claims).catch(prefixed('could not expand distributed claims')) ?? claims)
        .then((claims) => ({ user: userOfClaims(compiled, claims) }));
    },
  };
}
