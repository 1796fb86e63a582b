// Defaults of webhooks and admission policies (pkg/apis/admissionregistration/*/defaults.go).
import type {
  MatchResources,
  MutatingWebhook,
  RuleWithOperations,
  ValidatingWebhook,
} from '../generated/admissionregistration-v1.types.ts';
import type { DefaultFunction } from './types.ts';

const TIMEOUT_SECONDS = 10;
const HTTPS_PORT = 443;

function defaultWebhook(webhook: ValidatingWebhook | MutatingWebhook): void {
  webhook.failurePolicy ??= 'Fail';
  defaultMatch(webhook);
  webhook.timeoutSeconds ??= TIMEOUT_SECONDS;
}

function defaultMatch(match: MatchResources | ValidatingWebhook | MutatingWebhook): void {
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
}

const defaultRule: DefaultFunction = (rule: RuleWithOperations) => {
  rule.scope ??= '*';
};

const defaultFailurePolicy: DefaultFunction = (spec: { failurePolicy?: string }) => {
  spec.failurePolicy ??= 'Fail';
};

/** Shared by the groups that call services. */
export const defaultServicePort: DefaultFunction = (reference: { port?: number }) => {
  reference.port ??= HTTPS_PORT;
};

const GROUP = 'io.k8s.api.admissionregistration';

export const admissionDefaults: Record<string, DefaultFunction> = {
  [`${GROUP}.v1.ValidatingWebhook`]: defaultWebhook,
  [`${GROUP}.v1.MutatingWebhook`]: (webhook: MutatingWebhook) => {
    defaultWebhook(webhook);
    webhook.reinvocationPolicy ??= 'Never';
  },
  [`${GROUP}.v1.ServiceReference`]: defaultServicePort,
};

for (const version of ['v1', 'v1beta1', 'v1alpha1']) {
  admissionDefaults[`${GROUP}.${version}.RuleWithOperations`] = defaultRule;
  admissionDefaults[`${GROUP}.${version}.NamedRuleWithOperations`] = defaultRule;
  admissionDefaults[`${GROUP}.${version}.MatchResources`] = defaultMatch;
  admissionDefaults[`${GROUP}.${version}.ValidatingAdmissionPolicySpec`] = defaultFailurePolicy;
  admissionDefaults[`${GROUP}.${version}.MutatingAdmissionPolicySpec`] = defaultFailurePolicy;
}
