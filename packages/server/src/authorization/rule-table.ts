// Policy rules compiled so that a question costs a few map lookups (pkg/apis/rbac/v1/evaluation_helpers.go has the matching).
import type { rbacv1 } from '@tiphys/api';

export interface Request {
  verb: string;
  apiGroup: string;
  resource: string;
  subresource: string;
  name: string;
}

interface CompiledRule {
  anyVerb: boolean;
  verbs: ReadonlySet<string>;
  /** Absent: every name. */
  names?: ReadonlySet<string>;
  /** Says which binding the rule came by. */
  source: string;
}

interface PathRule extends CompiledRule {
  path: string;
}

export class RuleTable {
  /** API group → `resource` or `resource/subresource` → rules; '*' stands for all in both. */
  readonly #resources = new Map<string, Map<string, CompiledRule[]>>();
  readonly #paths: PathRule[] = [];

  add(rule: rbacv1.PolicyRule, source: string): void {
    const compiled: CompiledRule = {
      anyVerb: rule.verbs.includes('*'),
      verbs: new Set(rule.verbs),
      ...(rule.resourceNames?.length ? { names: new Set(rule.resourceNames) } : {}),
      source,
    };
    for (const group of rule.apiGroups ?? []) {
      let resources = this.#resources.get(group);
      if (!resources) {
        resources = new Map();
        this.#resources.set(group, resources);
      }
      for (const resource of rule.resources ?? []) {
        const rules = resources.get(resource);
        if (rules) rules.push(compiled);
        else resources.set(resource, [compiled]);
      }
    }
    for (const path of rule.nonResourceURLs ?? []) this.#paths.push({ ...compiled, path });
  }

  /** The source of a rule that allows the request. */
  allows(request: Request): string | undefined {
    const combined = request.subresource === '' ? request.resource : `${request.resource}/${request.subresource}`;
    return this.#inGroup(request.apiGroup, combined, request) ?? this.#inGroup('*', combined, request);
  }

  allowsPath(verb: string, path: string): string | undefined {
    return this.#paths.find((rule) => (rule.anyVerb || rule.verbs.has(verb)) && pathMatches(rule.path, path))?.source;
  }

  #inGroup(group: string, combined: string, request: Request): string | undefined {
    const resources = this.#resources.get(group);
    if (!resources) return undefined;
    const { subresource } = request;
    return (
      firstAllowing(resources.get(combined), request) ??
      firstAllowing(resources.get('*'), request) ??
      (subresource === '' ? undefined : firstAllowing(resources.get(`*/${subresource}`), request))
    );
  }
}

function firstAllowing(rules: readonly CompiledRule[] | undefined, request: Request): string | undefined {
  if (!rules) return undefined;
  for (const rule of rules) {
    if ((rule.anyVerb || rule.verbs.has(request.verb)) && (!rule.names || rule.names.has(request.name))) return rule.source;
  }
  return undefined;
}

export function pathMatches(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true;
  return pattern.endsWith('*') && path.startsWith(pattern.replace(/\*+$/, ''));
}
