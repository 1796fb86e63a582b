// All ways to say who one is, in upstream's order (pkg/kubeapiserver/authenticator/config.go): client certificates, then
// bearer tokens, then anonymous.
import { type ApiRequest, type StatusError, statusError, type UserInfo } from '@tiphys/machinery';
import type { Authenticated, Authenticator } from '../interfaces.ts';
import { ANONYMOUS, GROUP_AUTHENTICATED, GROUP_UNAUTHENTICATED } from './names.ts';
import type { AnonymousConfiguration } from './structured/configuration.ts';

const USERS_REMEMBERED: WeakMap<UserInfo, UserInfo> = new WeakMap();

/** Adds system:authenticated, giving the same object for the same input so that later stages can remember by identity. */
export function withAuthenticatedGroup(user: UserInfo): UserInfo {
  if (user.groups.includes(GROUP_AUTHENTICATED) || user.groups.includes(GROUP_UNAUTHENTICATED)) return user;
  let result = USERS_REMEMBERED.get(user);
  if (!result) {
    result = { ...user, groups: [...user.groups, GROUP_AUTHENTICATED] };
    USERS_REMEMBERED.set(user, result);
  }
  return result;
}

export const ANONYMOUS_USER: UserInfo = Object.freeze({
  name: ANONYMOUS,
  groups: Object.freeze([GROUP_UNAUTHENTICATED]) as readonly string[],
});

export interface UnionOptions {
  authenticators: readonly Authenticator[];
  /** Whether requests without credentials are served as system:anonymous, and at which paths. Default true, everywhere. */
  anonymous?: boolean | AnonymousConfiguration;
}

/** Paths are compared whole, without the query (apiserver authentication/request/anonymous). */
function anonymousAllowed(anonymous: boolean | AnonymousConfiguration | undefined): (url: string) => boolean {
  if (anonymous === undefined || typeof anonymous === 'boolean') return () => anonymous !== false;
  const { enabled, conditions = [] } = anonymous;
  if (!enabled || conditions.length === 0) return () => enabled;
  const paths = new Set(conditions.map(({ path }) => path));
  return (url) => paths.has(pathOf(url));
}

function pathOf(url: string): string {
  const path = url.split('?', 1)[0]!;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The authenticator to give the server. Throws 401 for wrong credentials, also when another kind of credential is missing. */
export function unionAuthenticator(options: UnionOptions): Authenticator {
  const mayBeAnonymous = anonymousAllowed(options.anonymous);
  const { authenticators } = options;
  const ask = (request: ApiRequest, first: number, before: StatusError | undefined): Authenticated | Promise<Authenticated> => {
    let failure = before;
    for (let i = first; i < authenticators.length; i++) {
      try {
        const user = authenticators[i]!.authenticate(request);
        if (user instanceof Promise) {
          return user.then(
            (found) => (found ? withAuthenticatedGroup(found) : ask(request, i + 1, failure)),
            (error: StatusError) => ask(request, i + 1, failure ?? error),
          );
        }
        if (user) return withAuthenticatedGroup(user);
      } catch (error) {
        failure ??= error as StatusError;
      }
    }
    if (failure) throw failure;
    if (!mayBeAnonymous(request.url)) throw statusError.unauthorized();
    return ANONYMOUS_USER;
  };
  return { authenticate: (request) => request.user ?? ask(request, 0, undefined) };
}
