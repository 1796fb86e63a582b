// Rules of FlowSchemas (apis/flowcontrol/validation).
import type { flowcontrolv1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors } from '../rules/errors.ts';
import { nameIsLabel, nameIsSubdomain } from '../rules/formats.ts';

type FlowSchema = flowcontrolv1.FlowSchema;
type Subject = flowcontrolv1.Subject;

const PRECEDENCE_MAX = 10_000;
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
const METHODS = ['ByNamespace', 'ByUser'];
const SUBJECT_FIELDS = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const;
type SubjectKind = keyof typeof SUBJECT_FIELDS;
const SUBJECT_KINDS: readonly SubjectKind[] = ['ServiceAccount', 'User', 'Group'];
const hasWildcard = (values: readonly string[] | null | undefined) => values?.includes('*') ?? false;

function checkSubject(errors: Errors, path: string, subject: Subject): void {
  const kind = subject.kind as SubjectKind;
  if (!SUBJECT_KINDS.includes(kind)) {
    errors.push(fieldError.notSupported(`${path}.kind`, subject.kind ?? '', ['Group', 'ServiceAccount', 'User']));
    return;
  }
  const field = SUBJECT_FIELDS[kind];
  const named = subject[field];
  if (!named) errors.push(fieldError.required(`${path}.${field}`, `${field} is required when subject kind is '${kind}'`));
  else if (!named.name) errors.push(fieldError.required(`${path}.${field}.name`));
  else if (kind === 'ServiceAccount' && named.name !== '*') {
    complain(errors, `${path}.${field}.name`, named.name, nameIsSubdomain(named.name, false));
  }
  if (kind === 'ServiceAccount' && subject.serviceAccount) {
    const { namespace } = subject.serviceAccount;
    if (namespace) complain(errors, `${path}.${field}.namespace`, namespace, nameIsLabel(namespace, false));
    else errors.push(fieldError.required(`${path}.${field}.namespace`, 'must specify namespace for service account'));
  }
  for (const other of SUBJECT_KINDS) {
    const name = SUBJECT_FIELDS[other];
    if (other === kind || subject[name] === undefined) continue;
    errors.push(fieldError.forbidden(`${path}.${name}`, `${name} is forbidden when subject kind is not '${other}'`));
  }
}

function checkVerbs(errors: Errors, path: string, verbs: readonly string[] | null | undefined): void {
  if (!verbs?.length) errors.push(fieldError.required(path, 'verbs must contain at least one value'));
  else if (hasWildcard(verbs)) {
    if (verbs.length > 1) errors.push(fieldError.invalid(path, verbs, "if '*' is present, must not specify other verbs"));
  } else if (!verbs.every((verb) => VERBS.includes(verb))) errors.push(fieldError.notSupported(path, verbs, VERBS));
}

function checkSome(errors: Errors, path: string, values: readonly string[] | null | undefined, need: string, others: string): void {
  if (!values?.length) errors.push(fieldError.required(path, need));
  else if (values.length > 1 && hasWildcard(values)) {
    errors.push(fieldError.invalid(path, values, `if '*' is present, must not specify other ${others}`));
  }
}

function checkUrl(errors: Errors, path: string, url: string): void {
  const fault = urlFault(url);
  if (fault) errors.push(fieldError.invalid(path, url, fault));
}

function urlFault(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (url === '/') return undefined;
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  const wildcards = url.split('*').length - 1;
  return wildcards > 1 || (wildcards === 1 && !url.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined;
}

function checkNamespaces(errors: Errors, path: string, { namespaces, clusterScope }: flowcontrolv1.ResourcePolicyRule): void {
  if (!namespaces?.length && !clusterScope) {
    errors.push(fieldError.required(path, 'resource rules that are not cluster scoped must supply at least one namespace'));
  } else if (hasWildcard(namespaces)) {
    if (namespaces!.length > 1) errors.push(fieldError.invalid(path, namespaces, "if '*' is present, must not specify other namespaces"));
  } else {
    namespaces?.forEach((namespace, i) => {
      const faults = nameIsLabel(namespace, false).map((why) => `each member of this list must be '*' or a DNS-1123 label; ${why}`);
      complain(errors, `${path}[${i}]`, namespace, faults);
    });
  }
}

function checkRule(errors: Errors, path: string, rule: flowcontrolv1.PolicyRulesWithSubjects): void {
  if (!rule.subjects?.length) errors.push(fieldError.required(`${path}.subjects`, 'subjects must contain at least one value'));
  rule.subjects?.forEach((subject, i) => {
    checkSubject(errors, `${path}.subjects[${i}]`, subject);
  });
  if (!rule.resourceRules?.length && !rule.nonResourceRules?.length) {
    errors.push(fieldError.required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  }
  rule.resourceRules?.forEach((resources, i) => {
    const at = `${path}.resourceRules[${i}]`;
    checkVerbs(errors, `${at}.verbs`, resources.verbs);
    checkSome(errors, `${at}.apiGroups`, resources.apiGroups, 'resource rules must supply at least one api group', 'api groups');
    checkSome(errors, `${at}.resources`, resources.resources, 'resource rules must supply at least one resource', 'resources');
    checkNamespaces(errors, `${at}.namespaces`, resources);
  });
  rule.nonResourceRules?.forEach(({ verbs, nonResourceURLs: urls }, i) => {
    const at = `${path}.nonResourceRules[${i}]`;
    checkVerbs(errors, `${at}.verbs`, verbs);
    checkSome(errors, `${at}.nonResourceURLs`, urls, 'nonResourceURLs must contain at least one value', 'non-resource URLs');
    if (hasWildcard(urls)) return;
    urls?.forEach((url, j) => {
      checkUrl(errors, `${at}.nonResourceURLs[${j}]`, url);
    });
  });
}

/** Each type once, and none empty; of both kinds of the group. */
export function checkConditions(errors: Errors, conditions: readonly { type?: string }[] | undefined): void {
  const seen = new Set<string>();
  conditions?.forEach(({ type = '' }, i) => {
    if (seen.has(type)) errors.push(fieldError.duplicate(`status.conditions[${i}].type`, type));
    seen.add(type);
    if (!type) errors.push(fieldError.required(`status.conditions[${i}].type`));
  });
}

export function validateSchema({ metadata, spec, status }: FlowSchema): Errors {
  const errors: Errors = [];
  const precedence = spec?.matchingPrecedence ?? 0;
  if (precedence <= 0) errors.push(fieldError.invalid('spec.matchingPrecedence', precedence, 'must be a positive value'));
  if (precedence > PRECEDENCE_MAX) {
    errors.push(fieldError.invalid('spec.matchingPrecedence', precedence, `must not be greater than ${PRECEDENCE_MAX}`));
  }
  if (precedence === 1 && metadata?.name !== 'exempt') {
    errors.push(fieldError.invalid('spec.matchingPrecedence', precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  }
  const method = spec?.distinguisherMethod;
  if (method && !METHODS.includes(method.type ?? '')) {
    errors.push(fieldError.notSupported('spec.distinguisherMethod.type', { Type: method.type ?? '' }, METHODS));
  }
  const level = spec?.priorityLevelConfiguration?.name;
  if (level) complain(errors, 'spec.priorityLevelConfiguration.name', level, nameIsSubdomain(level, false));
  else errors.push(fieldError.required('spec.priorityLevelConfiguration.name', 'must reference a priority level'));
  spec?.rules?.forEach((rule, i) => {
    checkRule(errors, `spec.rules[${i}]`, rule);
  });
  checkConditions(errors, status?.conditions);
  return errors;
}
