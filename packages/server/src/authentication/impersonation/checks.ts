// What a caller must be allowed for each part of the user it wants to act as: by the verb `impersonate`, or by one of the constrained
// verbs (KEP-5284; apiserver endpoints/filters/impersonation/mode.go impersonationModeState).
import type { UserInfo } from '@tiphys/machinery';
import { authorizationForbidden } from '../../authorization/forbidden.ts';
import { quotedList } from '../../authorization/rule-covers.ts';
import type { AuthorizationAttributes, Authorizer } from '../../interfaces.ts';
import * as names from '../names.ts';
import { domainPathErrors } from '../structured/validation.ts';

/** With so many parts one wildcard question is tried before one for each. */
const MANY_PARTS = 4;

export interface Verb {
  name: string;
  /** The constrained verbs know nodes, and refuse what the old one lets through. */
  isConstrained: boolean;
}

const NODE_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const NODE_NAME_LENGTH_MAX = 253;

/** The node that a user name stands for. */
export function nodeNamed(userName: string): string | undefined {
  if (!userName.startsWith(names.NODE_USER_PREFIX)) return undefined;
  const name = userName.slice(names.NODE_USER_PREFIX.length);
  return name.length <= NODE_NAME_LENGTH_MAX && NODE_NAME.test(name) ? name : undefined;
}

/** Throws 403 unless the authorizer allows it. */
export async function checkAllowed(authorizer: Authorizer, attributes: AuthorizationAttributes, shown = attributes): Promise<void> {
  const { decision, reason, error } = await authorizer.authorize(attributes);
  if (decision === 'allow') return;
  throw authorizationForbidden(shown, error === undefined ? reason : reason ? `${error}: ${reason}` : error);
}

export const questionOf = (user: UserInfo, verb: string, more: Partial<AuthorizationAttributes>): AuthorizationAttributes => ({
  user,
  verb,
  isResourceRequest: true,
  path: '',
  apiGroup: 'authentication.k8s.io',
  apiVersion: 'v1',
  namespace: '',
  resource: '',
  subresource: '',
  name: '',
  ...more,
});

type Ask = (more: Partial<AuthorizationAttributes>) => Promise<void>;

function extraProblem(extra: Readonly<Record<string, readonly string[]>>): string | undefined {
  for (const [key, values] of Object.entries(extra)) {
    if (key === '') return 'impersonating the empty string key in extra is not allowed';
    const errors = domainPathErrors('extra.key', key).map(({ field, message }) => `${field}: ${message}`);
    if (errors.length > 0) {
      return `impersonating an invalid key in extra is not allowed: ${errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`}`;
    }
    if (key !== key.toLowerCase()) return `impersonating a non-lowercase key in extra is not allowed: ${JSON.stringify(key)}`;
    if (values.length === 0) return 'impersonating empty values in extra is not allowed';
    if (values.includes('')) return 'impersonating the empty string value in extra is not allowed';
  }
  return undefined;
}

async function allowed(question: Promise<void>): Promise<boolean> {
  return question.then(
    () => true,
    () => false,
  );
}

async function checkGroups(ask: Ask, verb: Verb, group: string, wanted: readonly string[], refuse: (more: object, why: string) => never) {
  const question = { apiGroup: group, resource: 'groups' };
  if (verb.isConstrained) {
    if (wanted.includes('')) refuse(question, 'impersonating the empty string group is not allowed');
    if (wanted.includes(names.GROUP_MASTERS)) {
      refuse({ ...question, name: names.GROUP_MASTERS }, 'impersonating the system:masters group is not allowed');
    }
    if (wanted.length >= MANY_PARTS && (await allowed(ask({ ...question, name: '*' })))) return;
  }
  for (const name of wanted) await ask({ ...question, name });
}

async function checkExtra(
  ask: Ask,
  verb: Verb,
  extra: Readonly<Record<string, readonly string[]>>,
  refuse: (more: object, why: string) => never,
) {
  const question = { resource: 'userextras' };
  const values = Object.entries(extra).flatMap(([key, each]) => each.map((value) => ({ key, value })));
  if (verb.isConstrained && Object.keys(extra).length > 0) {
    const problem = extraProblem(extra);
    if (problem) refuse(question, problem);
    const isLarge = Object.keys(extra).length >= MANY_PARTS || values.length >= MANY_PARTS;
    if (isLarge && (await allowed(ask({ ...question, subresource: '*', name: '*' })))) return;
  }
  for (const { key, value } of values) await ask({ ...question, subresource: key, name: value });
}

/** The user to go on with. Throws 403 when the caller may not act as any part of it. */
export async function checkParts(
  verb: Verb,
  authorizer: Authorizer,
  caller: UserInfo,
  wanted: UserInfo,
  nodeAs?: string,
): Promise<UserInfo> {
  const { name, uid, extra = {} } = wanted;
  // The old verb asks about users and groups in the core group.
  const group = verb.isConstrained ? 'authentication.k8s.io' : '';
  const ask: Ask = (more) => checkAllowed(authorizer, questionOf(caller, verb.name, more));
  const refuse = (more: Partial<AuthorizationAttributes>, why: string): never => {
    throw authorizationForbidden(questionOf(caller, verb.name, more), why);
  };
  const account = names.splitServiceAccountName(name);
  const node = verb.isConstrained ? nodeNamed(name) : undefined;
  let groups = [...wanted.groups];
  if (node !== undefined) {
    if (groups.length > 0)
      refuse({ resource: 'nodes', name: node }, `when impersonating a node, cannot impersonate groups ${quotedList(groups)}`);
    groups = [names.GROUP_NODES];
    await ask({ apiGroup: group, resource: 'nodes', name: nodeAs ?? node });
  } else if (account) {
    const question = { apiGroup: group, resource: 'serviceaccounts', ...account };
    if (verb.isConstrained && groups.length > 0) {
      refuse(question, `when impersonating a service account, cannot impersonate groups ${quotedList(groups)}`);
    }
    if (groups.length === 0) groups = names.serviceAccountGroups(account.namespace);
    await ask(question);
  } else await ask({ apiGroup: group, resource: 'users', name });
  if (uid) await ask({ resource: 'uids', name: uid });
  await checkGroups(ask, verb, group, wanted.groups, refuse);
  await checkExtra(ask, verb, extra, refuse);
  return { ...wanted, groups: withAuthentication(name, groups) };
}

function withAuthentication(name: string, groups: readonly string[]): string[] {
  const group = name === names.ANONYMOUS ? names.GROUP_UNAUTHENTICATED : names.GROUP_AUTHENTICATED;
  return groups.includes(group) || groups.includes(names.GROUP_UNAUTHENTICATED) ? [...groups] : [...groups, group];
}
