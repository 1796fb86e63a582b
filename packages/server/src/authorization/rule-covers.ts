// Whether somebody's rules cover those they are about to grant (component-helpers auth/rbac/validation/policy_comparator.go,
// pkg/registry/rbac/validation/policy_compact.go).
import type { rbacv1 } from '@tiphys/api';

type Rule = rbacv1.PolicyRule;

/** Takes a rule apart into rules of one group, resource, verb and name each. */
function breakDown(rule: Rule): Rule[] {
  const result: Rule[] = [];
  for (const group of rule.apiGroups ?? []) {
    for (const resource of rule.resources ?? []) {
      for (const verb of rule.verbs) {
        const base = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (rule.resourceNames?.length) for (const name of rule.resourceNames) result.push({ ...base, resourceNames: [name] });
        else result.push(base);
      }
    }
  }
  for (const url of rule.nonResourceURLs ?? []) for (const verb of rule.verbs) result.push({ nonResourceURLs: [url], verbs: [verb] });
  return result;
}

const hasAll = (set: readonly string[], wanted: readonly string[]) => wanted.every((each) => set.includes(each));

function resourcesCover(owner: readonly string[], wanted: readonly string[]): boolean {
  if (owner.includes('*')) return true;
  return wanted.every((path) => owner.includes(path) || (path.includes('/') && owner.includes(`*/${path.slice(path.indexOf('/') + 1)}`)));
}

function urlCovers(owner: string, wanted: string): boolean {
  return owner === wanted || (owner.endsWith('*') && wanted.startsWith(owner.replace(/\*+$/, '')));
}

function covers(owner: Rule, wanted: Rule): boolean {
  const ownerNames = owner.resourceNames ?? [];
  const names = wanted.resourceNames ?? [];
  return (
    (owner.verbs.includes('*') || hasAll(owner.verbs, wanted.verbs)) &&
    ((owner.apiGroups ?? []).includes('*') || hasAll(owner.apiGroups ?? [], wanted.apiGroups ?? [])) &&
    resourcesCover(owner.resources ?? [], wanted.resources ?? []) &&
    (wanted.nonResourceURLs ?? []).every((url) => (owner.nonResourceURLs ?? []).some((each) => urlCovers(each, url))) &&
    (ownerNames.length === 0 || (names.length > 0 && hasAll(ownerNames, names)))
  );
}

/** What `wanted` grants and `owned` does not; empty when all is covered. */
export function missingRules(owned: readonly Rule[], wanted: readonly Rule[]): Rule[] {
  return wanted.flatMap(breakDown).filter((each) => !owned.some((owner) => covers(owner, each)));
}

/** Joins rules that differ in their verb only. */
export function compactRules(rules: readonly Rule[]): Rule[] {
  const byTarget = new Map<string, Rule>();
  const result: Rule[] = [];
  for (const rule of rules) {
    const simple = rule.apiGroups?.length === 1 && rule.resources?.length === 1 && (rule.resourceNames ?? []).length <= 1;
    if (!simple) {
      result.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources, rule.resourceNames ?? []]);
    const known = byTarget.get(key);
    if (known) known.verbs.push(...rule.verbs.filter((verb) => !known.verbs.includes(verb)));
    else {
      const copy = { ...rule, verbs: [...rule.verbs] };
      byTarget.set(key, copy);
      result.push(copy);
    }
  }
  return result;
}

/** A list as Go prints it with %q. */
export const quotedList = (values: readonly string[]) => `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`: upstream's short form of a rule. */
export function ruleText(rule: Rule): string {
  const parts: string[] = [];
  const add = (name: string, values: readonly string[] | undefined) => {
    if (values?.length) parts.push(`${name}:${quotedList(values)}`);
  };
  add('APIGroups', rule.apiGroups);
  add('Resources', rule.resources);
  add('NonResourceURLs', rule.nonResourceURLs);
  add('ResourceNames', rule.resourceNames);
  add('Verbs', rule.verbs);
  return `{${parts.join(', ')}}`;
}
