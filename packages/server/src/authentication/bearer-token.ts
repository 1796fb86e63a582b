// `Authorization: Bearer …` and the WebSocket form of it (apiserver authentication/request/{bearertoken,websocket}).
import { createHash, timingSafeEqual } from 'node:crypto';
import { type ApiRequest, statusError, type UserInfo } from '@tiphys/machinery';
import type { Authenticator } from '../interfaces.ts';

const WEBSOCKET_TOKEN_PREFIX = 'base64url.bearer.authorization.k8s.io.';

/** What a token is checked by. `audiences`: those the token is good for, when it carries any. */
export interface TokenAuthenticator {
  /** undefined: not a token of this kind. Throws Error with the reason when it is one that must not pass. */
  authenticateToken(token: string, audiences?: readonly string[]): TokenResult | undefined;
}

export interface TokenResult {
  user: UserInfo;
  audiences?: readonly string[];
}

export function bearerTokenOf(request: ApiRequest): string | undefined {
  const authorization = request.headers.authorization?.trim();
  if (authorization) {
    const space = authorization.indexOf(' ');
    if (space > 0 && authorization.slice(0, space).toLowerCase() === 'bearer') {
      const token = authorization.slice(space + 1).split(' ')[0];
      if (token) return token;
    }
  }
  const protocols = request.headers['sec-websocket-protocol'];
  if (protocols === undefined || request.headers.upgrade?.toLowerCase() !== 'websocket') return undefined;
  for (const protocol of protocols.split(',').map((each) => each.trim())) {
    if (protocol.startsWith(WEBSOCKET_TOKEN_PREFIX)) {
      return Buffer.from(protocol.slice(WEBSOCKET_TOKEN_PREFIX.length), 'base64url').toString();
    }
  }
  return undefined;
}

/** Asks each in turn; the first that knows the token decides. */
export function unionTokenAuthenticator(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return {
    authenticateToken(token, audiences) {
      let failure: unknown;
      for (const each of authenticators) {
        try {
          const result = each.authenticateToken(token, audiences);
          if (result) return result;
        } catch (error) {
          failure ??= error;
        }
      }
      if (failure) throw failure;
      return undefined;
    },
  };
}

/** A token that nobody knows is an invalid one: 401, never anonymous. */
export function bearerTokenAuthenticator(tokens: TokenAuthenticator, audiences: readonly string[]): Authenticator {
  return {
    async authenticate(request) {
      const token = bearerTokenOf(request);
      if (token === undefined) return undefined;
      let result: TokenResult | undefined;
      try {
        result = tokens.authenticateToken(token, audiences);
      } catch {
        // The reason is for the log only: callers learn nothing about why a credential failed.
        throw statusError.unauthorized();
      }
      if (!result) throw statusError.unauthorized();
      return result.user;
    },
  };
}

export interface StaticToken {
  token: string;
  user: UserInfo;
}

/** Tokens known beforehand, as `--token-auth-file` gives them. Compared by digest so that time tells nothing. */
export function staticTokenAuthenticator(tokens: readonly StaticToken[]): TokenAuthenticator {
  const digest = (token: string) => createHash('sha256').update(token).digest();
  const known = tokens.map(({ token, user }) => ({ digest: digest(token), user }));
  return {
    authenticateToken(token) {
      const asked = digest(token);
      const user = known.find((each) => timingSafeEqual(each.digest, asked))?.user;
      return user && { user };
    },
  };
}

/** `token,user,uid,"group1,group2"` per line. */
export function parseTokenFile(text: string): StaticToken[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const fields = [...line.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)].map((m) => (m[1] ?? m[2] ?? '').trim());
      const [token, name, uid, groups] = fields;
      if (!token || !name) throw new Error('token file must have at least 3 columns (token, user name, user uid)');
      return { token, user: { name, ...(uid ? { uid } : {}), groups: groups ? groups.split(',').map((g) => g.trim()) : [] } };
    });
}
