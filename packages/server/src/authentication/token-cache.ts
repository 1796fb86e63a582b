// Remembers what tokens turned out to be where finding out asks others, and asks once however many wait (apiserver
// authentication/token/cache). Tokens themselves aren't kept: the key is a keyed hash.
import { createHmac } from 'node:crypto';
import type { Clock, Random } from '@tiphys/runtime';
import { ExpiringCache } from '../expiring-cache.ts';
import type { TokenAnswer, TokenAuthenticator } from './bearer-token.ts';

const TOKENS_CACHED_MAX = 32 * 1024;
const SECRET_BYTES = 32;

export interface TokenCacheOptions {
  clock: Clock;
  random: Random;
  /** How long a user stays known, and how long a token stays unknown. 0 remembers nothing. */
  successTtlMs: number;
  failureTtlMs: number;
}

interface Remembered {
  answer: TokenAnswer;
}

export function cachedTokenAuthenticator(tokens: TokenAuthenticator, options: TokenCacheOptions): TokenAuthenticator {
  const { clock, random, successTtlMs, failureTtlMs } = options;
  const remembered = new ExpiringCache<Remembered>(clock, TOKENS_CACHED_MAX);
  const underWay = new Map<string, Promise<TokenAnswer>>();
  const secret = random.bytes(SECRET_BYTES);
  const keep = (key: string, answer: TokenAnswer): TokenAnswer => {
    remembered.set(key, { answer }, answer ? successTtlMs : failureTtlMs);
    return answer;
  };
  return {
    authenticateToken(token, audiences) {
      const key = createHmac('sha256', secret)
        .update(JSON.stringify([token, audiences ?? []]))
        .digest('base64');
      const known = remembered.get(key);
      if (known) return known.answer;
      const waiting = underWay.get(key);
      if (waiting) return waiting;
      const asked = tokens.authenticateToken(token, audiences);
      if (!(asked instanceof Promise)) return keep(key, asked);
      const settled = asked.then((answer) => keep(key, answer)).finally(() => underWay.delete(key));
      underWay.set(key, settled);
      return settled;
    },
  };
}
