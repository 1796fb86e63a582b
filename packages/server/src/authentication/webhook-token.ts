// Tokens that a webhook knows, asked by TokenReview (apiserver plugin/pkg/authenticator/token/webhook). The kubeconfig that names the
// webhook is upstream's --authentication-token-webhook-config-file.
import type { authenticationv1 } from '@tiphys/api';
import type { Runtime } from '@tiphys/runtime';
import type { RemoteTarget } from '../remote/kubeconfig.ts';
import { reviewClient } from '../remote/review-client.ts';
import type { TokenAnswer, TokenAuthenticator } from './bearer-token.ts';
import { cachedTokenAuthenticator } from './token-cache.ts';

const REQUEST_TIMEOUT_MS = 10_000;
export const TOKEN_WEBHOOK_CACHE_TTL_MS = 120_000;
export type ReviewVersion = 'v1' | 'v1beta1';

export interface TokenWebhookOptions {
  target: RemoteTarget;
  runtime: Runtime;
  /** Of TokenReview; upstream's default is v1beta1. */
  version?: ReviewVersion;
  /** Default: two minutes. */
  cacheTtlMs?: number;
  /** What tokens are for of which the webhook doesn't say. */
  apiAudiences: readonly string[];
}

export interface TokenWebhook extends TokenAuthenticator {
  close(): void;
}

function answerOf(
  { status }: authenticationv1.TokenReview,
  wanted: readonly string[] | undefined,
  apiAudiences: readonly string[],
): TokenAnswer {
  const { authenticated, audiences, error, user } = status ?? {};
  let common: string[] | undefined;
  if (wanted && wanted.length > 0) {
    const given = audiences?.length ? audiences : apiAudiences;
    common = wanted.filter((audience) => given.includes(audience));
    if (common.length === 0) return undefined;
  }
  if (authenticated !== true) {
    if (error) throw new Error(error);
    return undefined;
  }
  const { username = '', uid, groups, extra } = user ?? {};
  return {
    user: { name: username, ...(uid ? { uid } : {}), groups: groups ?? [], ...(extra ? { extra } : {}) },
    ...(common ? { audiences: common } : {}),
  };
}

export function tokenWebhook(options: TokenWebhookOptions): TokenWebhook {
  const { target, runtime, version = 'v1beta1', cacheTtlMs = TOKEN_WEBHOOK_CACHE_TTL_MS, apiAudiences } = options;
  const client = reviewClient({ target, runtime, timeoutMs: REQUEST_TIMEOUT_MS });
  const asking: TokenAuthenticator = {
    async authenticateToken(token, audiences) {
      const spec = { token, ...(audiences?.length ? { audiences } : {}) };
      const review = { kind: 'TokenReview', apiVersion: `authentication.k8s.io/${version}`, metadata: {}, spec, status: { user: {} } };
      let answer: authenticationv1.TokenReview;
      try {
        answer = await client.post(review);
      } catch (error) {
        runtime.log.warning('the authentication webhook could not be asked', { error: (error as Error).message });
        throw error;
      }
      return answerOf(answer, audiences, apiAudiences);
    },
  };
  const cached = cachedTokenAuthenticator(asking, { ...runtime, successTtlMs: cacheTtlMs, failureTtlMs: cacheTtlMs });
  return { authenticateToken: (token, audiences) => cached.authenticateToken(token, audiences), close: () => client.close() };
}
