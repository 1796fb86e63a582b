// A webhook's matchConditions (apiserver admission/plugin/webhook/generic/webhook.go, webhook/matchconditions).
import { cel } from '@tiphys/machinery';
import type { AdmissionAttributes, Authorizer } from '../../interfaces.ts';
import { forbidden } from '../attributes.ts';
import { AccessAnswers } from '../policy/access.ts';
import { type CompiledCondition, compileConditions, evaluateConditions } from '../policy/conditions.ts';
import { inputsOf } from '../policy/inputs.ts';
import type { Shown } from './ask.ts';
import type { Hook } from './hooks.ts';

const compiled = new WeakMap<Hook, CompiledCondition[]>();

function conditionsOf(hook: Hook): CompiledCondition[] {
  const known = compiled.get(hook);
  if (known) return known;
  const made = compileConditions(new cel.PolicyCompiler({ params: false, authorizer: true }), hook.matchConditions);
  compiled.set(hook, made);
  return made;
}

const NOBODY: Authorizer = { authorize: () => ({ decision: 'noOpinion', reason: '' }) };

/** Whether the webhook wants this request. Throws Forbidden when that cannot be told and its failure policy is to fail. */
export async function conditionsHold(
  hook: Hook,
  attributes: AdmissionAttributes,
  shown: Shown,
  authorizer: Authorizer = NOBODY,
): Promise<boolean> {
  if (!hook.matchConditions?.length) return true;
  const answers = new AccessAnswers(authorizer);
  const inputs = inputsOf({ attributes, shown, answers, namespace: false });
  const result = await answers.settled(() => evaluateConditions(conditionsOf(hook), inputs));
  if (result === 'match' || result === 'noMatch') return result === 'match';
  if (hook.failurePolicy === 'Ignore') return false;
  throw forbidden(attributes, result.error);
}
