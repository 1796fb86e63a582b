// Asks authorizers in turn; the first with an opinion decides (apiserver authorization/union/union.go).
import { GROUP_MASTERS } from '../authentication/names.ts';
import type { AuthorizationAttributes, Authorizer, Decision } from '../interfaces.ts';

const NO_OPINION: Decision = Object.freeze({ decision: 'noOpinion', reason: '' });
const ALLOWED: Decision = Object.freeze({ decision: 'allow', reason: '' });

/** Members of system:masters may do anything, whatever roles say. */
export function superuserAuthorizer(groups: readonly string[] = [GROUP_MASTERS]): Authorizer {
  return { authorize: ({ user }) => (groups.some((group) => user.groups.includes(group)) ? ALLOWED : NO_OPINION) };
}

export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  const ask = (attributes: AuthorizationAttributes, from: number, reasons: readonly string[]): Decision | Promise<Decision> => {
    let gathered = reasons;
    for (let i = from; i < authorizers.length; i++) {
      const decision = authorizers[i]!.authorize(attributes);
      // Authorizers that answer at once are not made to wait for a turn of the event loop.
      if (decision instanceof Promise) {
        return decision.then((d) => (d.decision === 'noOpinion' ? ask(attributes, i + 1, withReason(gathered, d)) : d));
      }
      if (decision.decision !== 'noOpinion') return decision;
      gathered = withReason(gathered, decision);
    }
    return gathered.length === 0 ? NO_OPINION : { decision: 'noOpinion', reason: gathered.join('\n') };
  };
  return { authorize: (attributes) => ask(attributes, 0, []) };
}

const withReason = (reasons: readonly string[], decision: Decision) => (decision.reason === '' ? reasons : [...reasons, decision.reason]);
