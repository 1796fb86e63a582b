// Well-known user and group names (apiserver authentication/user/user.go, authentication/serviceaccount/util.go).

export const ANONYMOUS = 'system:anonymous';
export const GROUP_AUTHENTICATED = 'system:authenticated';
export const GROUP_UNAUTHENTICATED = 'system:unauthenticated';
export const GROUP_MASTERS = 'system:masters';
export const GROUP_NODES = 'system:nodes';
export const NODE_USER_PREFIX = 'system:node:';
export const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:';
export const GROUP_SERVICE_ACCOUNTS = 'system:serviceaccounts';
export const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';
export const POD_NAME = 'authentication.kubernetes.io/pod-name';
export const POD_UID = 'authentication.kubernetes.io/pod-uid';
export const NODE_NAME = 'authentication.kubernetes.io/node-name';
export const NODE_UID = 'authentication.kubernetes.io/node-uid';

export const serviceAccountUserName = (namespace: string, name: string) => `${SERVICE_ACCOUNT_PREFIX}${namespace}:${name}`;
export const serviceAccountGroups = (namespace: string) => [GROUP_SERVICE_ACCOUNTS, `${GROUP_SERVICE_ACCOUNTS}:${namespace}`];

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const SUBDOMAIN_LENGTH_MAX = 253;

/** `system:serviceaccount:ns:name` taken apart; undefined when it isn't of that form. */
export function splitServiceAccountName(userName: string): { namespace: string; name: string } | undefined {
  if (!userName.startsWith(SERVICE_ACCOUNT_PREFIX)) return undefined;
  const [namespace, name, ...more] = userName.slice(SERVICE_ACCOUNT_PREFIX.length).split(':');
  if (!namespace || !name || more.length > 0) return undefined;
  if (!LABEL.test(namespace) || name.length > SUBDOMAIN_LENGTH_MAX || !SUBDOMAIN.test(name)) return undefined;
  return { namespace, name };
}

/** The node's name of a user that is a node (pkg/auth/nodeidentifier), undefined for others. */
export function nodeOf(user: { name: string; groups: readonly string[] }): string | undefined {
  if (!user.name.startsWith(NODE_USER_PREFIX) || !user.groups.includes(GROUP_NODES)) return undefined;
  return user.name.slice(NODE_USER_PREFIX.length);
}
