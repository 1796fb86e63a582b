// Acting as somebody else by the Impersonate-* headers (apiserver endpoints/filters/impersonation).
import { type ApiRequest, statusError, type UserInfo } from '@tiphys/machinery';
import { authorizationForbidden } from '../authorization/forbidden.ts';
import type { AuthorizationAttributes, Authorizer } from '../interfaces.ts';
import { ANONYMOUS, GROUP_AUTHENTICATED, GROUP_UNAUTHENTICATED, serviceAccountGroups, splitServiceAccountName } from './names.ts';

const EXTRA_PREFIX = 'impersonate-extra-';

interface Requested {
  resource: 'users' | 'groups' | 'serviceaccounts' | 'userextras' | 'uids';
  group: string;
  namespace: string;
  name: string;
  extraKey: string;
}

/** Repeated headers arrive joined by a comma and a space. */
const valuesOf = (header: string | undefined): string[] => (header === undefined ? [] : header.split(', '));

function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function requestedOf(headers: ApiRequest['headers']): Requested[] {
  const result: Requested[] = [];
  const add = (resource: Requested['resource'], name: string, more: Partial<Requested> = {}) =>
    result.push({ resource, group: '', namespace: '', name, extraKey: '', ...more });
  const userName = headers['impersonate-user'];
  if (userName) {
    const account = splitServiceAccountName(userName);
    if (account) add('serviceaccounts', account.name, { namespace: account.namespace });
    else add('users', userName);
  }
  for (const group of valuesOf(headers['impersonate-group'])) add('groups', group);
  for (const header of Object.keys(headers)) {
    if (!header.startsWith(EXTRA_PREFIX)) continue;
    const extraKey = unescaped(header.slice(EXTRA_PREFIX.length));
    for (const value of valuesOf(headers[header])) add('userextras', value, { group: 'authentication.k8s.io', extraKey });
  }
  if (headers['impersonate-uid']) add('uids', headers['impersonate-uid'], { group: 'authentication.k8s.io' });
  if (result.length > 0 && !userName) {
    throw statusError.internal(`requested ${JSON.stringify(result.map((each) => each.name))} without impersonating a user`);
  }
  return result;
}

/**
 * The user to go on with: the caller's own when no Impersonate header is set. Throws 403 when the caller may not act as
 * the one asked for.
 */
export async function impersonatedUser(request: ApiRequest, caller: UserInfo, authorizer: Authorizer): Promise<UserInfo> {
  const requested = requestedOf(request.headers);
  if (requested.length === 0) return caller;
  for (const each of requested) {
    const attributes: AuthorizationAttributes = {
      user: caller,
      verb: 'impersonate',
      isResourceRequest: true,
      path: '',
      apiGroup: each.group,
      apiVersion: 'v1',
      namespace: each.namespace,
      resource: each.resource,
      subresource: each.extraKey,
      name: each.name,
    };
    const decision = await authorizer.authorize(attributes);
    if (decision.decision !== 'allow') throw authorizationForbidden(attributes, decision.reason);
  }
  return userFrom(requested, request.headers['impersonate-user']!);
}

function userFrom(requested: readonly Requested[], name: string): UserInfo {
  const groups = requested.filter((each) => each.resource === 'groups').map((each) => each.name);
  const account = requested.find((each) => each.resource === 'serviceaccounts');
  if (account && groups.length === 0) groups.push(...serviceAccountGroups(account.namespace));
  if (name !== ANONYMOUS) {
    if (!groups.includes(GROUP_AUTHENTICATED) && !groups.includes(GROUP_UNAUTHENTICATED)) groups.push(GROUP_AUTHENTICATED);
  } else if (!groups.includes(GROUP_UNAUTHENTICATED)) groups.push(GROUP_UNAUTHENTICATED);
  const extra: Record<string, string[]> = {};
  for (const each of requested) {
    if (each.resource === 'userextras') extra[each.extraKey] = [...(extra[each.extraKey] ?? []), each.name];
  }
  const uid = requested.find((each) => each.resource === 'uids')?.name;
  return { name, ...(uid ? { uid } : {}), groups, ...(Object.keys(extra).length > 0 ? { extra } : {}) };
}
