// Acting as somebody else: constrained modes first, which also ask whether the caller may do this very thing as another, then the
// verb `impersonate` that has always been (KEP-5284; apiserver endpoints/filters/impersonation).
import type { ApiRequest, UserInfo } from '@tiphys/machinery';
import type { Authenticated, Authenticator, AuthorizationAttributes, Authorizer } from '../../interfaces.ts';
import { requestInfo } from '../../request/request-info.ts';
import { NODE_NAME, splitServiceAccountName } from '../names.ts';
import { checkAllowed, checkParts, nodeNamed } from './checks.ts';
import { asksForAnother, wantedUser } from './headers.ts';

/** Callers of whom is remembered which mode worked last, which is tried first. */
const CALLERS_REMEMBERED_MAX = 10_000;

interface Mode {
  /** Part of the verbs; absent for the verb `impersonate`. */
  name?: string;
  applies(wanted: UserInfo, caller: UserInfo): boolean;
}

const onlyName = ({ uid, groups, extra }: UserInfo) => !uid && groups.length === 0 && Object.keys(extra ?? {}).length === 0;
const isAccount = (name: string) => splitServiceAccountName(name) !== undefined;

function runsOnNode(caller: UserInfo, node: string | undefined): boolean {
  const nodes = caller.extra?.[NODE_NAME];
  return node !== undefined && isAccount(caller.name) && nodes?.length === 1 && nodes[0] === node;
}

const ASSOCIATED_NODE: Mode = {
  name: 'associated-node',
  applies: (wanted, caller) => onlyName(wanted) && runsOnNode(caller, nodeNamed(wanted.name)),
};
const MODES: readonly Mode[] = [
  ASSOCIATED_NODE,
  { name: 'arbitrary-node', applies: (wanted) => onlyName(wanted) && nodeNamed(wanted.name) !== undefined },
  { name: 'serviceaccount', applies: (wanted) => onlyName(wanted) && isAccount(wanted.name) },
  { name: 'user-info', applies: ({ name }) => nodeNamed(name) === undefined && !isAccount(name) },
  { applies: () => true },
];

/** Of its node a caller's right is asked for all nodes alike: what it says of itself besides isn't part of the question. */
const associatedCaller = (caller: UserInfo): UserInfo => ({
  ...caller,
  extra: { 'authentication.kubernetes.io/associated-node-keys': Object.keys(caller.extra ?? {}).sort() },
});

export interface Impersonated {
  user: UserInfo;
  /** The constrained verb that allowed it, for audit; absent for the old one. */
  constraint?: string;
}

async function tryMode(mode: Mode, wanted: UserInfo, request: AuthorizationAttributes, authorizer: Authorizer): Promise<Impersonated> {
  if (mode.name === undefined) {
    return { user: await checkParts({ name: 'impersonate', isConstrained: false }, authorizer, request.user, wanted) };
  }
  const isAssociated = mode === ASSOCIATED_NODE;
  const user = isAssociated ? associatedCaller(request.user) : request.user;
  await checkAllowed(authorizer, { ...request, user, verb: `impersonate-on:${mode.name}:${request.verb}` });
  const constraint = `impersonate:${mode.name}`;
  const verb = { name: constraint, isConstrained: true };
  return { user: await checkParts(verb, authorizer, user, wanted, isAssociated ? '*' : undefined), constraint };
}

export interface Impersonator {
  /** undefined when no header asks for it. Throws BadRequest or 403. */
  impersonated(request: ApiRequest, caller: UserInfo): Promise<Impersonated | undefined>;
}

export function impersonator(authorizer: Authorizer): Impersonator {
  const lastMode = new Map<string, Mode>();
  const remember = (caller: string, mode: Mode) => {
    lastMode.delete(caller);
    lastMode.set(caller, mode);
    if (lastMode.size > CALLERS_REMEMBERED_MAX) lastMode.delete(lastMode.keys().next().value!);
  };
  return {
    async impersonated(request, caller) {
      const wanted = wantedUser(request.headers);
      if (!wanted) return undefined;
      const attributes = { ...attributesOf(request), user: caller };
      const last = lastMode.get(caller.name);
      const modes = last ? [last, ...MODES.filter((mode) => mode !== last)] : MODES;
      let failure: unknown;
      for (const mode of modes) {
        if (!mode.applies(wanted, caller)) continue;
        try {
          const impersonated = await tryMode(mode, wanted, attributes, authorizer);
          remember(caller.name, mode);
          return impersonated;
        } catch (error) {
          failure ??= error;
        }
      }
      throw failure;
    },
  };
}

function attributesOf(request: ApiRequest): Omit<AuthorizationAttributes, 'user'> {
  const { query, ...info } = requestInfo(request.method, request.url);
  const selects = info.verb === 'list' || info.verb === 'watch' || info.verb === 'deletecollection';
  const fieldSelector = selects && query.get('fieldSelector');
  const labelSelector = selects && query.get('labelSelector');
  return { ...info, ...(fieldSelector ? { fieldSelector } : {}), ...(labelSelector ? { labelSelector } : {}) };
}

/** Callers by whom they act as, for audit. */
const callers = new WeakMap<UserInfo, { user: UserInfo; constraint?: string }>();

/** Who acts as this user, when somebody else does. */
export const callerBehind = (user: UserInfo): { user: UserInfo; constraint?: string } | undefined => callers.get(user);

/** Users that the authenticator finds may act as others, as far as the authorizer lets them. */
export function impersonating(authenticator: Authenticator, authorizer: Authorizer): Authenticator {
  const { impersonated } = impersonator(authorizer);
  const asAnother = async (request: ApiRequest): Promise<Authenticated> => {
    const user = await authenticator.authenticate(request);
    const other = user && (await impersonated(request, user));
    if (!other) return user;
    callers.set(other.user, { user, ...(other.constraint ? { constraint: other.constraint } : {}) });
    return other.user;
  };
  return {
    authenticate: (request) => (asksForAnother(request.headers) ? asAnother(request) : authenticator.authenticate(request)),
  };
}
