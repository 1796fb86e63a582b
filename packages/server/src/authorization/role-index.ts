// Which rules apply to whom. Bindings are indexed by subject, and the rules of one user are compiled at the first question;
// all of it is thrown away when a role or binding changes (pkg/registry/rbac/validation/rule.go has the resolution).
import { rbacv1 } from '@tiphys/api';
import type { UserInfo } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import { serviceAccountUserName } from '../authentication/names.ts';
import { RuleTable } from './rule-table.ts';

/** Users whose compiled rules are kept; past this all are forgotten and compiled anew when asked for. */
const USERS_COMPILED_MAX = 4096;

type Binding = rbacv1.ClusterRoleBinding | rbacv1.RoleBinding;

interface Grant {
  binding: Binding;
  subject: rbacv1.Subject;
  /** '' for cluster role bindings. */
  namespace: string;
  /** Position in the listing, so that reasons come in a steady order. */
  order: number;
}

export interface ResolvedRules {
  rules: rbacv1.PolicyRule[];
  errors: string[];
}

interface CompiledScope {
  table: RuleTable;
  errors: string[];
}

export interface CompiledUser {
  cluster: CompiledScope;
  namespaces: Map<string, CompiledScope>;
}

const TYPES = [rbacv1.clusterroles, rbacv1.clusterrolebindings, rbacv1.roles, rbacv1.rolebindings];

function subjectKey(subject: rbacv1.Subject, namespace: string): string | undefined {
  if (subject.kind === 'User') return `u:${subject.name}`;
  if (subject.kind === 'Group') return `g:${subject.name}`;
  const accountNamespace = subject.namespace || namespace;
  if (subject.kind !== 'ServiceAccount' || accountNamespace === '') return undefined;
  return `u:${serviceAccountUserName(accountNamespace, subject.name)}`;
}

function describe(grant: Grant): string {
  const { binding, subject, namespace } = grant;
  const { name } = binding.metadata!;
  const kind = namespace === '' ? 'ClusterRoleBinding' : 'RoleBinding';
  const bindingName = namespace === '' ? name : `${name}/${namespace}`;
  const subjectName = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || namespace}` : subject.name;
  return `${kind} ${JSON.stringify(bindingName)} of ${binding.roleRef.kind} ${JSON.stringify(binding.roleRef.name)} to ${subject.kind} ${JSON.stringify(subjectName)}`;
}

export class RoleIndex {
  readonly #reader: ResourceReader;
  #seen = TYPES.map(() => -1);
  #grants = new Map<string, Grant[]>();
  #byIdentity = new WeakMap<UserInfo, CompiledUser>();
  #byName = new Map<string, CompiledUser>();

  constructor(reader: ResourceReader) {
    this.#reader = reader;
  }

  /** The compiled rules of a user, as of now. */
  of(user: UserInfo): CompiledUser {
    this.#refresh();
    const known = this.#byIdentity.get(user);
    if (known) return known;
    const name = `${user.name}\n${user.groups.join('\n')}`;
    let compiled = this.#byName.get(name);
    if (!compiled) {
      compiled = this.#compile(user);
      if (this.#byName.size >= USERS_COMPILED_MAX) this.#byName.clear();
      this.#byName.set(name, compiled);
    }
    this.#byIdentity.set(user, compiled);
    return compiled;
  }

  /** The user's rules as they are written: cluster-wide ones and, when a namespace is given, those within it. */
  rulesFor(user: UserInfo, namespace: string): ResolvedRules {
    this.#refresh();
    const result: ResolvedRules = { rules: [], errors: [] };
    for (const grant of this.#grantsOf(user)) {
      if (grant.namespace !== '' && grant.namespace !== namespace) continue;
      const found = this.roleRules(grant.binding.roleRef, grant.namespace);
      if (typeof found === 'string') result.errors.push(found);
      else result.rules.push(...found);
    }
    return result;
  }

  /** A role's rules, or the reason why there are none. */
  roleRules(reference: rbacv1.RoleRef, namespace: string): readonly rbacv1.PolicyRule[] | string {
    if (reference.kind === 'Role') {
      const role = this.#reader.get(rbacv1.roles, reference.name, namespace);
      return role ? (role.rules ?? []) : `role.rbac.authorization.k8s.io ${JSON.stringify(reference.name)} not found`;
    }
    if (reference.kind === 'ClusterRole') {
      const role = this.#reader.get(rbacv1.clusterroles, reference.name);
      return role ? (role.rules ?? []) : `clusterrole.rbac.authorization.k8s.io ${JSON.stringify(reference.name)} not found`;
    }
    return `unsupported role reference kind: ${JSON.stringify(reference.kind)}`;
  }

  #refresh(): void {
    let same = true;
    for (let i = 0; i < TYPES.length; i++) {
      const revision = this.#reader.revisionOf(TYPES[i]!);
      if (revision !== this.#seen[i]) {
        this.#seen[i] = revision;
        same = false;
      }
    }
    if (same) return;
    this.#grants = new Map();
    this.#byIdentity = new WeakMap();
    this.#byName = new Map();
    let order = 0;
    const addAll = (bindings: readonly Binding[], namespaced: boolean) => {
      for (const binding of bindings) this.#addGrants(binding, namespaced ? (binding.metadata?.namespace ?? '') : '', order++);
    };
    addAll(this.#reader.list(rbacv1.clusterrolebindings), false);
    addAll(this.#reader.list(rbacv1.rolebindings), true);
  }

  #addGrants(binding: Binding, namespace: string, order: number): void {
    for (const subject of binding.subjects ?? []) {
      const key = subjectKey(subject, namespace);
      if (key === undefined) continue;
      const grant = { binding, subject, namespace, order };
      const grants = this.#grants.get(key);
      if (grants) grants.push(grant);
      else this.#grants.set(key, [grant]);
    }
  }

  /** Each binding once, however many of its subjects are the user. */
  #grantsOf(user: UserInfo): Grant[] {
    const byBinding = new Map<Binding, Grant>();
    for (const key of [`u:${user.name}`, ...user.groups.map((group) => `g:${group}`)]) {
      for (const grant of this.#grants.get(key) ?? []) if (!byBinding.has(grant.binding)) byBinding.set(grant.binding, grant);
    }
    return [...byBinding.values()].sort((a, b) => a.order - b.order);
  }

  #compile(user: UserInfo): CompiledUser {
    const compiled: CompiledUser = { cluster: { table: new RuleTable(), errors: [] }, namespaces: new Map() };
    for (const grant of this.#grantsOf(user)) {
      let scope = grant.namespace === '' ? compiled.cluster : compiled.namespaces.get(grant.namespace);
      if (!scope) {
        scope = { table: new RuleTable(), errors: [] };
        compiled.namespaces.set(grant.namespace, scope);
      }
      const rules = this.roleRules(grant.binding.roleRef, grant.namespace);
      if (typeof rules === 'string') scope.errors.push(rules);
      else for (const rule of rules) scope.table.add(rule, describe(grant));
    }
    return compiled;
  }
}
