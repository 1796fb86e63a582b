// "Who is this?" asked over the API: TokenReview and SelfSubjectReview (pkg/registry/authentication).
import { type authenticationv1, type KubeObject, timeText } from '@tiphys/api';
import { statusError, type UserInfo } from '@tiphys/machinery';
import type { RuleContext } from '@tiphys/registry';
import type { TokenAuthenticator, TokenResult } from './bearer-token.ts';
import { withAuthenticatedGroup } from './union.ts';

export type ReviewFunction = (object: any, context: RuleContext) => Promise<KubeObject>;

/** The answers by resource name. */
export function authenticationReviews(tokens: TokenAuthenticator, apiAudiences: readonly string[]): Record<string, ReviewFunction> {
  return {
    async tokenreviews(review: authenticationv1.TokenReview) {
      const { token, audiences = [] } = review.spec;
      if (!token) throw statusError.badRequest('token is required for TokenReview in authentication');
      // What the caller put there stays where nothing is known better.
      const { authenticated: _, ...given } = { user: {}, ...review.status };
      return { ...review, status: { ...given, ...(await tokenStatus(tokens, token, audiences.length > 0 ? audiences : apiAudiences)) } };
    },
    async selfsubjectreviews(review: authenticationv1.SelfSubjectReview, context) {
      const creationTimestamp = timeText(context.runtime.clock.now());
      return { ...review, metadata: { creationTimestamp }, status: { userInfo: userInfo(context.user) } };
    },
  };
}

async function tokenStatus(
  tokens: TokenAuthenticator,
  token: string,
  audiences: readonly string[],
): Promise<authenticationv1.TokenReviewStatus> {
  let result: TokenResult | undefined;
  try {
    result = await tokens.authenticateToken(token, audiences);
  } catch (error) {
    return { error: `[invalid bearer token, ${(error as Error).message}]` };
  }
  if (!result) return { error: 'invalid bearer token' };
  return {
    authenticated: true,
    user: userInfo(withAuthenticatedGroup(result.user)),
    audiences: [...(result.audiences ?? audiences)],
  };
}

function userInfo(user: UserInfo): authenticationv1.UserInfo {
  const extra = Object.fromEntries(Object.entries(user.extra ?? {}).map(([key, values]) => [key, [...values]]));
  return {
    username: user.name,
    ...(user.uid ? { uid: user.uid } : {}),
    groups: [...user.groups],
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
