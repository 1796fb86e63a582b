// The audit policy: which requests are written down, and how much of each (apiserver pkg/audit/policy, pkg/apis/audit/validation).

import type { UserInfo } from '@tiphys/machinery';
import { type FieldError, fieldError } from '@tiphys/machinery';
import { ConfigurationFileError, parseConfigurationFile } from '../configuration-file.ts';
import type { RequestInfo } from '../interfaces.ts';

export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type AuditLevel = (typeof LEVELS)[number];
export type AuditStage = (typeof STAGES)[number];

/** How one request is audited. */
export interface AuditRule {
  level: AuditLevel;
  omitStages: ReadonlySet<AuditStage>;
  omitManagedFields: boolean;
}

interface GroupResources {
  group?: string;
  resources?: string[];
  resourceNames?: string[];
}

interface PolicyRule {
  level?: AuditLevel;
  users?: string[];
  userGroups?: string[];
  verbs?: string[];
  resources?: GroupResources[];
  namespaces?: string[];
  nonResourceURLs?: string[];
  omitStages?: AuditStage[];
  omitManagedFields?: boolean;
}

interface Policy {
  rules?: PolicyRule[];
  omitStages?: AuditStage[];
  omitManagedFields?: boolean;
}

const RULE = {
  level: 'string',
  users: 'strings',
  userGroups: 'strings',
  verbs: 'strings',
  resources: [{ group: 'string', resources: 'strings', resourceNames: 'strings' }],
  namespaces: 'strings',
  nonResourceURLs: 'strings',
  omitStages: 'strings',
  omitManagedFields: 'boolean',
} as const;

const FORMAT = {
  apiVersions: ['audit.k8s.io/v1'],
  kind: 'Policy',
  shape: { metadata: 'any', rules: [RULE], omitStages: 'strings', omitManagedFields: 'boolean' },
} as const;

function stageErrors(stages: readonly string[] | undefined, path: string): FieldError[] {
  return (stages ?? []).flatMap((stage, i) =>
    (STAGES as readonly string[]).includes(stage)
      ? []
      : [fieldError.invalid(`${path}.omitStages[${i}]`, stage, `allowed stages are ${STAGES.join(',')}`)],
  );
}

function urlErrors(urls: readonly string[], path: string): FieldError[] {
  return urls.flatMap((url, i) => {
    if (url === '*') return [];
    const errors: FieldError[] = [];
    if (!url.startsWith('/')) {
      errors.push(fieldError.invalid(`${path}[${i}]`, url, "non-resource URL rules must begin with a '/' character"));
    }
    if (url.slice(0, -1).includes('*')) {
      errors.push(fieldError.invalid(`${path}[${i}]`, url, "non-resource URL wildcards '*' must be the final character of the rule"));
    }
    return errors;
  });
}

function ruleErrors(rule: PolicyRule, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!rule.level) errors.push(fieldError.required(`${path}.level`, ''));
  else if (!LEVELS.includes(rule.level)) errors.push(fieldError.notSupported(`${path}.level`, rule.level, [...LEVELS]));
  const urls = rule.nonResourceURLs ?? [];
  errors.push(...urlErrors(urls, `${path}.nonResourceURLs`));
  for (const { resources, resourceNames } of rule.resources ?? []) {
    if (resourceNames?.length && !resources?.length) {
      errors.push(
        fieldError.invalid(`${path}.resources.resourceNames`, resourceNames, 'using resourceNames requires at least one resource'),
      );
    }
  }
  errors.push(...stageErrors(rule.omitStages, path));
  if (urls.length > 0 && ((rule.resources?.length ?? 0) > 0 || (rule.namespaces?.length ?? 0) > 0)) {
    errors.push(fieldError.invalid(`${path}.nonResourceURLs`, urls, 'rules cannot apply to both regular resources and non-resource URLs'));
  }
  return errors;
}

function resourceMatches({ group = '', resources = [], resourceNames = [] }: GroupResources, info: RequestInfo): boolean {
  if (group !== info.apiGroup && group !== '*') return false;
  if (resources.length === 0) return true;
  if (resourceNames.length > 0 && !resourceNames.includes(info.name)) return false;
  const combined = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  return resources.some(
    (each) =>
      each === combined || each === '*' || (info.subresource !== '' && each === `*/${info.subresource}`) || each === `${info.resource}/*`,
  );
}

const pathMatches = (path: string, pattern: string): boolean =>
  pattern === '*' || pattern === path || (pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, '')));

const some = (list: readonly string[] | undefined): list is readonly string[] => list !== undefined && list.length > 0;

function ruleMatches(rule: PolicyRule, info: RequestInfo, user: UserInfo | undefined): boolean {
  if (some(rule.users) && !(user && rule.users.includes(user.name))) return false;
  if (some(rule.userGroups) && !user?.groups.some((group) => rule.userGroups!.includes(group))) return false;
  if (some(rule.verbs) && !rule.verbs.includes(info.verb)) return false;
  if (some(rule.namespaces) || (rule.resources?.length ?? 0) > 0) {
    if (!info.isResourceRequest || (some(rule.namespaces) && !rule.namespaces.includes(info.namespace))) return false;
    return !rule.resources?.length || rule.resources.some((each) => resourceMatches(each, info));
  }
  if (some(rule.nonResourceURLs)) return !info.isResourceRequest && rule.nonResourceURLs.some((each) => pathMatches(info.path, each));
  return true;
}

export interface AuditPolicy {
  /** undefined: nothing of it is written down. Without a user: it is not known who asks. */
  ruleFor(info: RequestInfo, user: UserInfo | undefined): AuditRule | undefined;
}

/** Reads a policy file. Throws ConfigurationFileError. */
export function auditPolicy(text: string): AuditPolicy {
  const policy: Policy = parseConfigurationFile(text, FORMAT);
  const rules = policy.rules ?? [];
  const errors = [...stageErrors(policy.omitStages, ''), ...rules.flatMap((rule, i) => ruleErrors(rule, `rules[${i}]`))];
  if (errors.length > 0)
    throw new ConfigurationFileError(errors.map(({ field, message }) => `${field.replace(/^\./, '')}: ${message}`).join(', '));
  if (rules.length === 0) throw new ConfigurationFileError('loaded illegal policy with 0 rules');
  const answers = rules.map((rule) => ({
    rule,
    answer: {
      level: rule.level!,
      omitStages: new Set([...(rule.omitStages ?? []), ...(policy.omitStages ?? [])]),
      omitManagedFields: rule.omitManagedFields ?? policy.omitManagedFields ?? false,
    },
  }));
  return {
    ruleFor(info, user) {
      const found = answers.find(({ rule }) => ruleMatches(rule, info, user));
      return !found || found.answer.level === 'None' ? undefined : found.answer;
    },
  };
}
