// Gives the definitions that are answered rather than stored their answers: reviews, and the token subresource.
import type { ResourceDefinition, SubresourceDefinition } from '@tiphys/registry';
import type { TokenAuthenticator } from './authentication/bearer-token.ts';
import { authenticationReviews } from './authentication/reviews.ts';
import { tokenRequestHandler } from './authentication/token-request.ts';
import type { TokenSigner } from './authentication/token-signer.ts';
import { accessReviews } from './authorization/reviews.ts';
import type { RulesResolver } from './authorization/structured/authorizers.ts';
import type { Authorizer } from './interfaces.ts';

export interface ReviewParts {
  tokens: TokenAuthenticator;
  signer: TokenSigner;
  apiAudiences: readonly string[];
  authorizer: Authorizer;
  resolver: RulesResolver;
}

type Definition = ResourceDefinition<any>;

/** The same definitions, with `review` and serviceaccounts/token filled in. */
export function withReviews(definitions: readonly Definition[], parts: ReviewParts): Definition[] {
  const reviews = {
    'authentication.k8s.io': authenticationReviews(parts.tokens, parts.apiAudiences),
    'authorization.k8s.io': accessReviews(parts.authorizer, parts.resolver),
  } as Record<string, Record<string, Definition['review']>>;
  const create = tokenRequestHandler(parts);
  const token: SubresourceDefinition = {
    name: 'token',
    verbs: ['create'],
    kind: 'TokenRequest',
    group: 'authentication.k8s.io',
    version: 'v1',
  };
  return definitions.map((definition) => {
    const { group, resource } = definition.type;
    const review = reviews[group]?.[resource];
    if (review) return Object.freeze({ ...definition, review });
    if (group !== '' || resource !== 'serviceaccounts') return definition;
    const known = definition.subresources ?? [];
    const own = known.find((each) => each.name === 'token') ?? token;
    return Object.freeze({ ...definition, subresources: [...known.filter((each) => each.name !== 'token'), { ...own, create }] });
  });
}
