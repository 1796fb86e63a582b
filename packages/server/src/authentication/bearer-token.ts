// `Authorization: Bearer …` and the WebSocket form of it (apiserver authentication/request/{bearertoken,websocket}).
import { type ApiRequest, statusError, type UserInfo } from '@tiphys/machinery';
import type { Authenticator } from '../interfaces.ts';

const WEBSOCKET_TOKEN_PREFIX = 'base64url.bearer.authorization.k8s.io.';

/** What a token is checked by. `audiences`: those the token is good for, when it carries any. */
export interface TokenAuthenticator {
  /**
   * undefined: not a token of this kind. Throws or rejects with Error and the reason when it is one that must not pass. Who
   * needs to ask nobody answers at once, which spares the many requests a turn of the event loop.
   */
  authenticateToken(token: string, audiences?: readonly string[]): TokenAnswer | Promise<TokenAnswer>;
}

/** One that asks nobody and so answers at once. */
export interface LocalTokenAuthenticator extends TokenAuthenticator {
  authenticateToken(token: string, audiences?: readonly string[]): TokenAnswer;
}

export type TokenAnswer = TokenResult | undefined;

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

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** Several failures as Go joins them. */
function joined(failures: readonly unknown[]): Error {
  if (failures.length === 1 && failures[0] instanceof Error) return failures[0];
  return new AggregateError(failures, `[${[...new Set(failures.map(messageOf))].join(', ')}]`);
}

/** Asks each in turn; the first that knows the token decides. */
export function unionTokenAuthenticator(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  const ask = (
    token: string,
    audiences: readonly string[] | undefined,
    from: number,
    failures: unknown[],
  ): TokenAnswer | Promise<TokenAnswer> => {
    for (let i = from; i < authenticators.length; i++) {
      try {
        const result = authenticators[i]!.authenticateToken(token, audiences);
        if (result instanceof Promise) {
          return result.then(
            (answer) => answer ?? ask(token, audiences, i + 1, failures),
            (error) => ask(token, audiences, i + 1, [...failures, error]),
          );
        }
        if (result) return result;
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw joined(failures);
    return undefined;
  };
  return { authenticateToken: (token, audiences) => ask(token, audiences, 0, []) };
}

/** For tokens that say nothing of audiences: they are for this server, and no good where another audience is asked for. */
export function audienceAgnostic(tokens: TokenAuthenticator, apiAudiences: readonly string[]): TokenAuthenticator {
  return {
    authenticateToken(token, audiences) {
      if (!audiences || audiences.length === 0) return tokens.authenticateToken(token);
      const common = apiAudiences.filter((audience) => audiences.includes(audience));
      if (common.length === 0) return undefined;
      const withAudiences = (result: TokenAnswer): TokenAnswer => result && { ...result, audiences: common };
      const result = tokens.authenticateToken(token);
      return result instanceof Promise ? result.then(withAudiences) : withAudiences(result);
    },
  };
}

/** The reason is for the log only: callers learn nothing about why a credential failed. */
const refused = (): never => {
  throw statusError.unauthorized();
};

const userOf = (result: TokenAnswer): UserInfo => result?.user ?? refused();

/** A token that nobody knows is an invalid one: 401, never anonymous. */
export function bearerTokenAuthenticator(tokens: TokenAuthenticator, audiences: readonly string[]): Authenticator {
  return {
    authenticate(request) {
      const token = bearerTokenOf(request);
      if (token === undefined) return undefined;
      let answer: TokenAnswer | Promise<TokenAnswer>;
      try {
        answer = tokens.authenticateToken(token, audiences);
      } catch {
        return refused();
      }
      return answer instanceof Promise ? answer.then(userOf, refused) : userOf(answer);
    },
  };
}

export interface StaticToken {
  token: string;
  user: UserInfo;
}

/** Tokens known beforehand, as `--token-auth-file` gives them. They are found by a hash with a seed of its own, so that time tells nothing. */
export function staticTokenAuthenticator(tokens: readonly StaticToken[]): LocalTokenAuthenticator {
  const known = new Map<string, TokenResult>();
  for (const { token, user } of tokens) if (!known.has(token)) known.set(token, { user });
  return { authenticateToken: (token) => known.get(token) };
}

const TOKEN_FILE_COLUMNS_MIN = 3;

/** One line of comma separated values; quotes hold commas, and a doubled quote is one. */
function csvFields(line: string): string[] {
  const fields: string[] = [];
  for (const [, quotedText, text, end] of line.matchAll(/\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))(,|$)/g)) {
    fields.push(quotedText === undefined ? (text ?? '').trimEnd() : quotedText.replaceAll('""', '"'));
    if (end === '') break;
  }
  return fields;
}

/** `token,user,uid,"group1,group2"` per line; of a token that comes twice the last counts (authentication/token/tokenfile). */
export function parseTokenFile(text: string): StaticToken[] {
  const tokens = new Map<string, StaticToken>();
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const fields = csvFields(line.trim());
    if (fields.length < TOKEN_FILE_COLUMNS_MIN) {
      throw new Error(`token file must have at least 3 columns (token, user name, user uid), found ${fields.length}`);
    }
    const [token = '', name = '', uid = '', groups = ''] = fields;
    if (token === '') continue;
    const user = { name, ...(uid ? { uid } : {}), groups: groups === '' ? [] : groups.split(',') };
    tokens.set(token, { token, user });
  }
  return [...tokens.values()];
}
