// How the user of a request is told to the server behind (client-go transport/round_trippers.go SetAuthProxyHeaders).
import type { UserInfo } from '@tiphys/machinery';

export const USER_HEADER = 'x-remote-user';
export const UID_HEADER = 'x-remote-uid';
export const GROUP_HEADER = 'x-remote-group';
export const EXTRA_HEADER_PREFIX = 'x-remote-extra-';

export type Headers = Record<string, string | readonly string[]>;

/** Characters that may not stand in a header's name, and the escape itself, as %XX. */
const escapedKey = (key: string): string =>
  Array.from(Buffer.from(key), (byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9!#$&'*+\-.^_`|~]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');

/** Whether a header says who the user is; those of the caller are never passed on. */
export const isIdentity = (name: string): boolean =>
  name === USER_HEADER || name === UID_HEADER || name === GROUP_HEADER || name.startsWith(EXTRA_HEADER_PREFIX);

export function identityHeaders(user: UserInfo): Headers {
  const headers: Headers = { [USER_HEADER]: user.name };
  if (user.uid) headers[UID_HEADER] = user.uid;
  if (user.groups.length > 0) headers[GROUP_HEADER] = user.groups;
  for (const [key, values] of Object.entries(user.extra ?? {})) {
    headers[`${EXTRA_HEADER_PREFIX}${escapedKey(key.toLowerCase())}`] = values;
  }
  return headers;
}
