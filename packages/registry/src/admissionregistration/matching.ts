// What webhooks and policies match: rules, resources and conditions (apis/admissionregistration/validation/validation.go).
import type { admissionregistrationv1 } from '@tiphys/api';
import { cel, fieldError } from '@tiphys/machinery';
import { complain, type Errors } from '../rules/errors.ts';
import { isPathSegment, isQualifiedName } from '../rules/formats.ts';
import { checkLabelSelector } from '../rules/labels.ts';

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const MUTATED_OPERATIONS = ['*', 'CONNECT', 'CREATE', 'UPDATE'];
const MATCH_CONDITIONS_MAX = 64;

/** One of a closed list. An empty one is there, and none of them. */
export function oneOfGiven(errors: Errors, path: string, value: string | null | undefined, supported: readonly string[]): void {
  if (value === undefined || value === null) errors.push(fieldError.required(path));
  else if (!supported.includes(value)) errors.push(fieldError.notSupported(path, value, supported));
}

/** Resources and subresources, of which a wildcard may stand for others (validateResources). */
function checkResources(errors: Errors, at: string, resources: readonly string[]): void {
  const [all, everywhere] = [new Set<string>(), new Set<string>()];
  let last: string | undefined;
  resources.forEach((resource, i) => {
    const slash = resource.indexOf('/');
    if (resource === '') errors.push(fieldError.required(`${at}[${i}]`));
    // Only the last one without a subresource counts.
    else if (slash < 0) last = resource;
    if (slash < 0) return;
    const [name, subresource] = [resource.slice(0, slash), resource.slice(slash + 1)];
    const covered = (by: string) =>
      errors.push(fieldError.invalid(`${at}[${i}]`, resource, `if '${by}' is present, must not specify ${resource}`));
    if (all.has(name)) covered(`${name}/*`);
    if (everywhere.has(subresource)) covered(`*/${subresource}`);
    if (subresource === '*') all.add(name);
    if (name === '*') everywhere.add(subresource);
  });
  if (resources.length > 1 && resources.includes('*/*')) {
    errors.push(fieldError.invalid(at, resources, "if '*/*' is present, must not specify other resources"));
  }
  if (resources.includes('*') && last !== undefined && last !== '*') {
    errors.push(fieldError.invalid(at, resources, "if '*' is present, must not specify other resources without subresources"));
  }
}

export function checkRule(errors: Errors, at: string, rule: admissionregistrationv1.RuleWithOperations): void {
  for (const name of ['apiGroups', 'apiVersions', 'resources', 'operations'] as const) {
    const values = rule[name] ?? [];
    if (!values.length) errors.push(fieldError.required(`${at}.${name}`));
    if (values.length > 1 && values.includes('*') && name !== 'resources') {
      errors.push(
        fieldError.invalid(
          `${at}.${name}`,
          values,
          "if '*' is present, must not specify other " +
            (name === 'apiGroups' ? 'API groups' : name === 'apiVersions' ? 'API versions' : name),
        ),
      );
    }
  }
  checkResources(errors, `${at}.resources`, rule.resources ?? []);
  rule.apiVersions?.forEach((value, i) => {
    if (!value) errors.push(fieldError.required(`${at}.apiVersions[${i}]`));
  });
  rule.operations?.forEach((value, i) => {
    if (!OPERATIONS.includes(value)) errors.push(fieldError.notSupported(`${at}.operations[${i}]`, value, OPERATIONS));
  });
  if (rule.scope !== undefined && !['*', 'Cluster', 'Namespaced'].includes(rule.scope)) {
    errors.push(fieldError.notSupported(`${at}.scope`, rule.scope, ['*', 'Cluster', 'Namespaced']));
  }
}

/** `mutating`: what is deleted cannot be changed. */
export function checkMatchResources(
  errors: Errors,
  at: string,
  match: admissionregistrationv1.MatchResources | undefined,
  mutating: boolean,
): void {
  if (!match) return;
  oneOfGiven(errors, `${at}.matchPolicy`, match.matchPolicy, ['Equivalent', 'Exact']);
  for (const name of ['namespaceSelector', 'objectSelector'] as const) {
    if (!match[name]) errors.push(fieldError.required(`${at}.${name}`));
    else checkLabelSelector(errors, `${at}.${name}`, match[name]);
  }
  for (const list of ['resourceRules', 'excludeResourceRules'] as const) {
    match[list]?.forEach((rule, i) => {
      const names = new Set<string>();
      rule.resourceNames?.forEach((name, j) => {
        complain(errors, `${at}.${list}[${i}].resourceNames[${j}]`, name, isPathSegment(name));
        if (names.has(name)) errors.push(fieldError.duplicate(`${at}.${list}[${i}].resourceNames[${j}]`, name));
        names.add(name);
      });
      checkRule(errors, `${at}.${list}[${i}]`, rule as admissionregistrationv1.RuleWithOperations);
    });
  }
  if (!mutating) return;
  for (const operation of match.resourceRules?.flatMap((rule) => rule.operations ?? []) ?? []) {
    if (!MUTATED_OPERATIONS.includes(operation))
      errors.push(fieldError.notSupported(`${at}.resourceRules.operations`, operation, MUTATED_OPERATIONS));
  }
}

/** Reports what keeps an expression from being compiled. */
export function checkCompiled(errors: Errors, at: string, { text, error }: cel.PolicyExpression): void {
  if (error !== undefined) errors.push(fieldError.invalid(at, text, error));
}

export function checkMatchConditions(
  errors: Errors,
  at: string,
  conditions: readonly admissionregistrationv1.MatchCondition[] = [],
  params: boolean,
): void {
  if (conditions.length > MATCH_CONDITIONS_MAX) errors.push(fieldError.tooMany(at, conditions.length, MATCH_CONDITIONS_MAX));
  const compiler = new cel.PolicyCompiler({ params, authorizer: true, variables: false });
  const seen = new Set<string>();
  conditions.forEach(({ name, expression }, i) => {
    const path = `${at}[${i}]`;
    const trimmed = expression?.trim() ?? '';
    if (trimmed === '') errors.push(fieldError.required(`${path}.expression`));
    else checkCompiled(errors, `${path}.expression`, compiler.compile(trimmed, cel.RETURNS.bool));
    if (!name) errors.push(fieldError.required(`${path}.name`));
    else complain(errors, `${path}.name`, name, isQualifiedName(name));
    if (name && seen.has(name)) errors.push(fieldError.duplicate(`${path}.name`, name));
    seen.add(name);
  });
}
