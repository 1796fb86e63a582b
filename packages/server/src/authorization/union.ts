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
  const ask = (attributes: AuthorizationAttributes, from: number, before: Gathered): Decision | Promise<Decision> => {
    let gathered = before;
    for (let i = from; i < authorizers.length; i++) {
      const decision = authorizers[i]!.authorize(attributes);
      // Authorizers that answer at once are not made to wait for a turn of the event loop.
      if (decision instanceof Promise) {
        return decision.then((d) => (d.decision === 'noOpinion' ? ask(attributes, i + 1, withDecision(gathered, d)) : d));
      }
      if (decision.decision !== 'noOpinion') return decision;
      gathered = withDecision(gathered, decision);
    }
    const { reasons, errors } = gathered;
    if (reasons.length === 0 && errors.length === 0) return NO_OPINION;
    const error = errors.length > 1 ? `[${[...new Set(errors)].join(', ')}]` : errors[0];
    return { decision: 'noOpinion', reason: reasons.join('\n'), ...(error === undefined ? {} : { error }) };
  };
  return { authorize: (attributes) => ask(attributes, 0, NOTHING_YET) };
}

interface Gathered {
  reasons: readonly string[];
  errors: readonly string[];
}

const NOTHING_YET: Gathered = { reasons: [], errors: [] };

const withDecision = ({ reasons, errors }: Gathered, { reason, error }: Decision): Gathered => ({
  reasons: reason === '' ? reasons : [...reasons, reason],
  errors: error === undefined ? errors : [...errors, error],
});
