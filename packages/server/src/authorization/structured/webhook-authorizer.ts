// Asks a webhook by SubjectAccessReview and remembers what it said (apiserver plugin/pkg/authorizer/webhook/webhook.go).
import type { authorizationv1 } from '@tiphys/api';
import type { Runtime } from '@tiphys/runtime';
import { ExpiringCache } from '../../expiring-cache.ts';
import type { AuthorizationAttributes, Authorizer, Decision } from '../../interfaces.ts';
import type { RemoteTarget } from '../../remote/kubeconfig.ts';
import { reviewClient } from '../../remote/review-client.ts';
import type { WebhookConfiguration } from './configuration.ts';
import { conditionsMatch } from './match-conditions.ts';
import { reviewSpec } from './review-spec.ts';

const ANSWERS_CACHED_MAX = 8192;
/** What callers can make as long as they like: longer questions aren't remembered. */
const QUESTION_LENGTH_CACHED_MAX = 10_000;
const NO_OPINION: Decision = Object.freeze({ decision: 'noOpinion', reason: '' });

export interface WebhookAuthorizer extends Authorizer {
  close(): void;
}

export interface WebhookAuthorizerOptions {
  name: string;
  configuration: WebhookConfiguration;
  target: RemoteTarget;
  runtime: Runtime;
}

type Status = Partial<authorizationv1.SubjectAccessReviewStatus>;

function decisionOf({ allowed, denied, reason = '' }: Status): Decision {
  if (denied && allowed) {
    return { decision: 'deny', reason, error: 'webhook subject access review returned both allow and deny response' };
  }
  return { decision: denied ? 'deny' : allowed ? 'allow' : 'noOpinion', reason };
}

const questionLength = ({ namespace, verb, apiGroup, apiVersion, resource, subresource, name, path }: AuthorizationAttributes) =>
  [namespace, verb, apiGroup, apiVersion, resource, subresource, name, path].reduce((sum, each) => sum + each.length, 0);

export function webhookAuthorizer({ name, configuration, target, runtime }: WebhookAuthorizerOptions): WebhookAuthorizer {
  const { version, timeoutMs, decisionOnError, authorizedTtlMs, unauthorizedTtlMs, conditions } = configuration;
  const client = reviewClient({ target, runtime, timeoutMs });
  const remembered = new ExpiringCache<Status>(runtime.clock, ANSWERS_CACHED_MAX);
  const failed = (error: string): Decision => ({ decision: decisionOnError, reason: '', error });
  const ask = async (spec: object, key: string, attributes: AuthorizationAttributes): Promise<Decision> => {
    const review = {
      kind: 'SubjectAccessReview',
      apiVersion: `authorization.k8s.io/${version}`,
      metadata: {},
      spec,
      status: { allowed: false },
    };
    let status: Status;
    try {
      status = (await client.post(review))?.status ?? {};
    } catch (error) {
      runtime.log.warning('the authorization webhook could not be asked', { name, error: (error as Error).message });
      return failed((error as Error).message);
    }
    if (questionLength(attributes) < QUESTION_LENGTH_CACHED_MAX) {
      remembered.set(key, status, status.allowed ? authorizedTtlMs : unauthorizedTtlMs);
    }
    return decisionOf(status);
  };
  return {
    authorize(attributes) {
      const spec = reviewSpec(attributes);
      const matches = conditionsMatch(conditions, spec);
      if (typeof matches === 'object') return failed(matches.error);
      if (!matches) return NO_OPINION;
      const key = JSON.stringify(spec);
      const known = remembered.get(key);
      return known ? decisionOf(known) : ask(wireSpec(spec, version), key, attributes);
    },
    close: () => client.close(),
  };
}

/** The old version says `group` for groups. */
function wireSpec(spec: authorizationv1.SubjectAccessReviewSpec, version: WebhookConfiguration['version']): object {
  if (version === 'v1') return spec;
  const { groups, ...rest } = spec;
  return { ...rest, ...(groups ? { group: groups } : {}) };
}
