// Who asks, and then as whom: impersonation is part of finding out the user.
import type { Authenticator, Authorizer } from '../interfaces.ts';
import { impersonatedUser } from './impersonation.ts';

/** Users that the authenticator finds may act as others, as far as the authorizer lets them. */
export function impersonating(authenticator: Authenticator, authorizer: Authorizer): Authenticator {
  return {
    async authenticate(request) {
      const user = await authenticator.authenticate(request);
      return user && impersonatedUser(request, user, authorizer);
    },
  };
}
