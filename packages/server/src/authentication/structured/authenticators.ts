// The issuers that the configuration file names, replaced as a whole when the file changes and the new ones can be used
// (pkg/kubeapiserver/authenticator/config.go updateAuthenticationConfig).
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Logger, Random, Timer } from '@tiphys/runtime';
import { ConfigurationFileError } from '../../configuration-file.ts';
import { type TokenAuthenticator, unionTokenAuthenticator } from '../bearer-token.ts';
import { cachedTokenAuthenticator } from '../token-cache.ts';
import { type AnonymousConfiguration, parseAuthenticationConfiguration } from './configuration.ts';
import { type JwtAuthenticator, jwtAuthenticator } from './jwt-authenticator.ts';

/** New issuers must be usable by then, else the old ones stay. */
const UPDATE_TIMEOUT_MS = 60_000;
/** Requests under way may still be judged by the old ones. */
const OLD_KEPT_MS = 60_000;
/** A user stays known so long, as upstream's --token-auth success cache has it. */
const SUCCESS_TTL_MS = 10_000;

interface Generation {
  authenticators: readonly JwtAuthenticator[];
  tokens: TokenAuthenticator;
}

export interface StructuredAuthentication extends TokenAuthenticator {
  /** As the file had it at the start; absent when it says nothing. */
  readonly anonymous: AnonymousConfiguration | undefined;
  /** Takes the file's new text. Rejects with ConfigurationFileError, and all stays as it was. */
  update(text: string): Promise<void>;
  /** Resolves when every issuer has answered once. */
  ready(): Promise<void>;
  close(): void;
}

export interface StructuredAuthenticationOptions {
  text: string;
  ownIssuers: readonly string[];
  clock: Clock;
  random: Random;
  log: Logger;
}

export function structuredAuthentication(options: StructuredAuthenticationOptions): StructuredAuthentication {
  const { clock, log, ownIssuers } = options;
  const build = (text: string): { generation: Generation; anonymous: AnonymousConfiguration | undefined } => {
    const { jwt, anonymous } = parseAuthenticationConfiguration(text, ownIssuers);
    const authenticators = jwt.map((compiled) => jwtAuthenticator(compiled, { clock, log }));
    const union = unionTokenAuthenticator(authenticators);
    return {
      generation: {
        authenticators,
        tokens: cachedTokenAuthenticator(union, { clock, random: options.random, successTtlMs: SUCCESS_TTL_MS, failureTtlMs: 0 }),
      },
      anonymous,
    };
  };
  const end = ({ authenticators }: Generation) => {
    for (const each of authenticators) each.close();
  };
  const first = build(options.text);
  let current = first.generation;
  let newest = 0;
  const retired = new Map<Generation, Timer>();
  const usable = async ({ authenticators }: Generation) => {
    const timeout = new AbortController();
    const ready = Promise.all(authenticators.map((each) => each.ready)).finally(() => timeout.abort());
    await Promise.race([ready, clock.sleep(UPDATE_TIMEOUT_MS, timeout.signal).catch(() => {})]);
    return authenticators.map((each) => each.problem()).filter((problem) => problem !== undefined);
  };
  return {
    anonymous: first.anonymous,
    authenticateToken: (token, audiences) => current.tokens.authenticateToken(token, audiences),
    ready: async () => void (await Promise.all(current.authenticators.map((each) => each.ready))),
    async update(text) {
      const number = ++newest;
      const { generation, anonymous } = build(text);
      if (!isDeepStrictEqual(anonymous, first.anonymous)) {
        end(generation);
        throw new ConfigurationFileError('anonymous: Forbidden: changed from initial configuration file');
      }
      const problems = await usable(generation);
      if (problems.length > 0 || number !== newest) {
        end(generation);
        if (number !== newest) return;
        throw new ConfigurationFileError(problems.join(', '));
      }
      const old = current;
      current = generation;
      retired.set(
        old,
        clock.after(OLD_KEPT_MS, () => {
          retired.delete(old);
          end(old);
        }),
      );
    },
    close() {
      newest++;
      end(current);
      for (const [generation, timer] of retired) {
        timer.cancel();
        end(generation);
      }
      retired.clear();
    },
  };
}
