// The file of --authorization-config: who is asked, in which order, and how webhooks are (apiserver pkg/apis/apiserver/{types,v1},
// validation/validation.go, pkg/kubeapiserver/authorizer/config.go).
import { statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { formatDuration, parseDuration } from '@tiphys/api';
import { type FieldError, fieldError } from '@tiphys/machinery';
import { contentError, parseConfigurationFile, type Shape } from '../../configuration-file.ts';
import { compileCondition, type MatchCondition } from './match-conditions.ts';

export interface WebhookConfiguration {
  /** 0: not remembered. */
  authorizedTtlMs: number;
  unauthorizedTtlMs: number;
  timeoutMs: number;
  version: 'v1' | 'v1beta1';
  decisionOnError: 'noOpinion' | 'deny';
  kubeconfigFile: string;
  conditions: readonly MatchCondition[];
}

export type AuthorizerConfiguration =
  | { type: 'Node' | 'RBAC' | 'AlwaysAllow' | 'AlwaysDeny'; name: string }
  | { type: 'Webhook'; name: string; webhook: WebhookConfiguration };

const WEBHOOK: Shape = {
  authorizedTTL: 'string',
  cacheAuthorizedRequests: 'boolean',
  unauthorizedTTL: 'string',
  cacheUnauthorizedRequests: 'boolean',
  timeout: 'string',
  subjectAccessReviewVersion: 'string',
  matchConditionSubjectAccessReviewVersion: 'string',
  failurePolicy: 'string',
  connectionInfo: { type: 'string', kubeConfigFile: 'string' },
  matchConditions: [{ expression: 'string' }],
};
const GROUP = 'apiserver.config.k8s.io';
const FORMAT = {
  apiVersions: [`${GROUP}/v1`, `${GROUP}/v1beta1`, `${GROUP}/v1alpha1`],
  kind: 'AuthorizationConfiguration',
  shape: { authorizers: [{ type: 'string', name: 'string', webhook: WEBHOOK }] },
} as const;

const KNOWN_TYPES = ['ABAC', 'AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'];
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const SUBDOMAIN_WHY =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const AUTHORIZED_TTL_DEFAULT = '5m';
const UNAUTHORIZED_TTL_DEFAULT = '30s';
const TIMEOUT_MS_MAX = 30_000;
export const MATCH_CONDITIONS_MAX = 64;

/** Throws ConfigurationFileError naming all that is wrong. */
export function parseAuthorizationConfiguration(text: string): readonly AuthorizerConfiguration[] {
  const { authorizers } = parseConfigurationFile(text, FORMAT) as { authorizers?: any[] | null };
  const errors: FieldError[] = [];
  const result = authorizersOf(authorizers ?? [], errors);
  const lines = errors.map(({ field, message }) => `${field}: ${message}`);
  const misnamed = result.filter(({ type, name }) => type !== 'Webhook' && name !== type.toLowerCase());
  if (lines.length === 0) {
    for (const { type, name } of misnamed) lines.push(`expected name ${type.toLowerCase()} for authorizer ${type} instead of ${name}`);
  }
  if (lines.length > 0) throw contentError(FORMAT.kind, lines);
  return result;
}

function authorizersOf(all: readonly any[], errors: FieldError[]): AuthorizerConfiguration[] {
  if (all.length === 0) errors.push(fieldError.required('authorizers', 'at least one authorization mode must be defined'));
  const types = new Set<string>();
  const names = new Set<string>();
  return all.flatMap(({ type = '', name = '', webhook }: any, i): AuthorizerConfiguration[] => {
    const path = `authorizers[${i}]`;
    const problem = typeProblem(type, `${path}.type`, types);
    if (problem) {
      errors.push(problem);
      return [];
    }
    types.add(type);
    if (name === '') errors.push(fieldError.required(`${path}.name`));
    else if (names.has(name)) errors.push(fieldError.duplicate(`${path}.name`, name));
    else if (!SUBDOMAIN.test(name)) errors.push(fieldError.invalid(`${path}.name`, name, `authorizer name is invalid: ${SUBDOMAIN_WHY}`));
    names.add(name);
    if (type !== 'Webhook') {
      if (webhook) errors.push(fieldError.invalid(`${path}.webhook`, 'non-null', 'may only be specified when type=Webhook'));
      return [{ type, name }];
    }
    if (webhook) return [{ type, name, webhook: webhookOf(webhook, path, errors) }];
    errors.push(fieldError.required(`${path}.webhook`, 'required when type=Webhook'));
    return [];
  });
}

function typeProblem(type: string, field: string, seen: ReadonlySet<string>): FieldError | undefined {
  if (type === '') return fieldError.required(field);
  if (!KNOWN_TYPES.includes(type)) return fieldError.notSupported(field, type, KNOWN_TYPES);
  if (type === 'ABAC') return fieldError.forbidden(field, 'attribute-based access control from a policy file is not built');
  return seen.has(type) && type !== 'Webhook' ? fieldError.duplicate(field, type) : undefined;
}

/** What upstream checks of durations: that they are there and within bounds. */
function duration(text: string | undefined, field: string, tooLarge: (ms: number) => boolean, why: string, errors: FieldError[]): number {
  const ms = text === undefined ? 0 : parseDuration(text);
  if (ms === undefined) errors.push(fieldError.invalid(field, text, 'must be a duration such as 30s'));
  else if (ms === 0) errors.push(fieldError.required(field));
  else if (ms < 0 || tooLarge(ms)) errors.push(fieldError.invalid(field, formatDuration(ms), why));
  return ms ?? 0;
}

const orDefault = (text: string | undefined, otherwise: string) => (text === undefined || parseDuration(text) === 0 ? otherwise : text);

function webhookOf(webhook: any, path: string, errors: FieldError[]): WebhookConfiguration {
  const unbounded = () => false;
  const timeoutMs = duration(webhook.timeout, `${path}.timeout`, (ms) => ms > TIMEOUT_MS_MAX, 'must be > 0s and <= 30s', errors);
  const ttl = (name: 'authorizedTTL' | 'unauthorizedTTL', otherwise: string) =>
    duration(orDefault(webhook[name], otherwise), `${path}.${name}`, unbounded, 'must be > 0s', errors);
  const authorizedTtlMs = ttl('authorizedTTL', AUTHORIZED_TTL_DEFAULT);
  const unauthorizedTtlMs = ttl('unauthorizedTTL', UNAUTHORIZED_TTL_DEFAULT);
  oneOf(webhook.subjectAccessReviewVersion, `${path}.subjectAccessReviewVersion`, ['v1', 'v1beta1'], errors);
  const conditionVersion = `${path}.matchConditionSubjectAccessReviewVersion`;
  if (!webhook.matchConditionSubjectAccessReviewVersion) {
    if (webhook.matchConditions?.length) errors.push(fieldError.required(conditionVersion, 'required if match conditions are specified'));
  } else oneOf(webhook.matchConditionSubjectAccessReviewVersion, conditionVersion, ['v1'], errors);
  oneOf(webhook.failurePolicy, `${path}.failurePolicy`, ['NoOpinion', 'Deny'], errors);
  return {
    authorizedTtlMs: webhook.cacheAuthorizedRequests === false ? 0 : authorizedTtlMs,
    unauthorizedTtlMs: webhook.cacheUnauthorizedRequests === false ? 0 : unauthorizedTtlMs,
    timeoutMs,
    version: webhook.subjectAccessReviewVersion,
    decisionOnError: webhook.failurePolicy === 'Deny' ? 'deny' : 'noOpinion',
    kubeconfigFile: connection(webhook.connectionInfo ?? {}, `${path}.connectionInfo`, errors),
    conditions: conditionsOf(webhook.matchConditions ?? [], `${path}.matchConditions`, errors),
  };
}

function oneOf(value: string | undefined, field: string, known: readonly string[], errors: FieldError[]): void {
  if (!value) errors.push(fieldError.required(field));
  else if (!known.includes(value)) errors.push(fieldError.notSupported(field, value, known));
}

function connection({ type = '', kubeConfigFile: file }: any, path: string, errors: FieldError[]): string {
  const field = `${path}.kubeConfigFile`;
  if (type === '') errors.push(fieldError.required(`${path}.type`));
  else if (type === 'InClusterConfig') {
    // There is no pod to take a service account from.
    errors.push(fieldError.forbidden(`${path}.type`, 'this server does not run in a pod; use KubeConfigFile'));
  } else if (type !== 'KubeConfigFile') errors.push(fieldError.notSupported(`${path}.type`, type, ['InClusterConfig', 'KubeConfigFile']));
  else if (!file) errors.push(fieldError.required(field));
  else if (!isAbsolute(file)) errors.push(fieldError.invalid(field, file, 'must be an absolute path'));
  else {
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found) errors.push(fieldError.invalid(field, file, `error loading file: stat ${file}: no such file or directory`));
    else if (!found.isFile()) errors.push(fieldError.invalid(field, file, 'must be a regular file'));
  }
  return file ?? '';
}

function conditionsOf(conditions: readonly { expression?: string }[], path: string, errors: FieldError[]): MatchCondition[] {
  if (conditions.length > MATCH_CONDITIONS_MAX) {
    errors.push(fieldError.tooMany(path, conditions.length, MATCH_CONDITIONS_MAX));
    return [];
  }
  const seen = new Set<string>();
  return conditions.flatMap(({ expression = '' }, i) => {
    const field = `${path}[${i}].expression`;
    if (expression.trim() === '') errors.push(fieldError.required(field));
    else if (seen.has(expression)) errors.push(fieldError.duplicate(field, expression));
    else {
      seen.add(expression);
      const compiled = compileCondition(expression);
      if (typeof compiled !== 'string') return [compiled];
      errors.push(fieldError.invalid(field, expression, compiled));
    }
    return [];
  });
}
