// What webhooks and policies match: rules, resources and conditions (apis/admissionregistration/validation/validation.go).
import type { admissionregistrationv1 } from '@tiphys/api';
import { cel, fieldError } from '@tiphys/machinery';
import { complain, type Errors, oneOf } from '../rules/errors.ts';
import { isPathSegment, isQualifiedName } from '../rules/formats.ts';
import { checkLabelSelector } from '../rules/labels.ts';

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const MUTATED_OPERATIONS = ['*', 'CONNECT', 'CREATE', 'UPDATE'];
const MATCH_CONDITIONS_MAX = 64;

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
  oneOf(errors, `${at}.matchPolicy`, match.matchPolicy, ['Equivalent', 'Exact']);
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
