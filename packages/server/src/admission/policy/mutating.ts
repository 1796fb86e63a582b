// MutatingAdmissionPolicy (apiserver admission/plugin/policy/mutating/{dispatcher,reinvocationcontext,compilation}.go).
import { admissionregistrationv1, type KubeObject } from '@tiphys/api';
import { cel, jsonEqual, StatusError } from '@tiphys/machinery';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from '../../interfaces.ts';
import { forbidden } from '../attributes.ts';
import { AccessAnswers } from './access.ts';
import { type CompiledCondition, compileConditions, evaluateConditions } from './conditions.ts';
import { inputsOf, shownTo } from './inputs.ts';
import { isOutsidePolicies, type Match, matchResources } from './matching.ts';
import { collectParameters } from './parameters.ts';
import { applyConfiguration, applyOperations } from './patches.ts';
import { type Binding, type BoundPolicy, policySource } from './sources.ts';

type Policy = admissionregistrationv1.MutatingAdmissionPolicy;

interface Compiled {
  conditions: CompiledCondition[];
  variables: ReadonlyMap<string, cel.PolicyExpression>;
  mutations: { patchType: string; expression: cel.PolicyExpression }[];
}

function compile({ spec }: Policy): Compiled {
  const params = spec?.paramKind !== undefined;
  const conditions = compileConditions(new cel.PolicyCompiler({ params, authorizer: true }), spec?.matchConditions);
  const compiler = new cel.PolicyCompiler({ params, authorizer: true, patches: true });
  const variables = new Map((spec?.variables ?? []).map(({ name, expression }) => [name, compiler.variable(name, expression)]));
  const mutations = (spec?.mutations ?? []).map(({ patchType, applyConfiguration: apply, jsonPatch }) => ({
    patchType,
    expression:
      patchType === 'JSONPatch'
        ? compiler.compile(jsonPatch?.expression ?? '', cel.RETURNS.jsonPatch)
        : compiler.compile(apply?.expression ?? '', cel.RETURNS.apply),
  }));
  return { conditions, variables, mutations };
}

interface Invocation {
  key: string;
  policy: Policy;
  binding: Binding;
  compiled: Compiled;
  match: Match;
  parameter: KubeObject | undefined;
}

interface Failure {
  policy: Policy;
  binding?: Binding;
  message: string;
  reason?: string;
}

function failureText({ policy, binding, message }: Failure): string {
  const name = policy.metadata!.name!;
  return binding
    ? `policy '${name}' with binding '${binding.metadata!.name}' denied request: ${message}`
    : `policy ${JSON.stringify(name)} denied request: ${message}`;
}

function refusal(attributes: AdmissionAttributes, failures: readonly Failure[]): StatusError {
  const base = forbidden(attributes, 'admission request denied by policy');
  const causes = failures.map((failure) => ({ message: failureText(failure) }));
  return new StatusError(base.code, failures[0]!.reason ?? base.reason, causes[0]!.message, { ...base.details, causes });
}

/** Which invocations are made again when something changed after them. */
class Rounds {
  readonly #made = new Set<string>();
  again: Set<string> | undefined;
  last: KubeObject | undefined;

  made(key: string): void {
    this.#made.add(key);
  }
  changed(): void {
    this.again ??= new Set();
    for (const key of this.#made) this.again.add(key);
    this.#made.clear();
  }
}

export function mutatingPolicies(authorizer: Authorizer): AdmissionPlugin {
  const source = policySource<Policy, Compiled>(
    admissionregistrationv1.mutatingadmissionpolicies,
    admissionregistrationv1.mutatingadmissionpolicybindings,
    compile,
  );
  const rounds = new WeakMap<AdmissionAttributes, Rounds>();
  return {
    name: 'MutatingAdmissionPolicy',
    admit(attributes) {
      const bound = source(attributes.reader);
      if (bound.length === 0 || isOutsidePolicies(attributes) || !attributes.object) return;
      const known = rounds.get(attributes);
      const state = known ?? new Rounds();
      rounds.set(attributes, state);
      return mutate(authorizer, bound, attributes, state, known === undefined);
    },
  };
}

async function mutate(
  authorizer: Authorizer,
  bound: readonly BoundPolicy<Policy, Compiled>[],
  attributes: AdmissionAttributes,
  state: Rounds,
  isFirst: boolean,
): Promise<void> {
  // Webhooks have changed the object since.
  if (!isFirst && !jsonEqual(state.last, attributes.object)) state.changed();
  const invocations: Invocation[] = [];
  const failures: Failure[] = [];
  for (const { policy, compiled, bindings } of bound) collect(policy, compiled, bindings, attributes, invocations, failures);
  const answers = new AccessAnswers(authorizer);
  const run = new Run(attributes, answers, failures);
  if (isFirst) {
    for (const invocation of invocations) await run.invoke(invocation, state);
  }
  const { again } = state;
  state.again = undefined;
  if (again) for (const invocation of invocations) if (again.has(invocation.key)) await run.invoke(invocation, state);
  state.last = structuredClone(attributes.object);
  const lasting = failures.filter(({ policy }) => policy.spec?.failurePolicy !== 'Ignore');
  if (lasting.length > 0) throw refusal(attributes, lasting);
}

function collect(
  policy: Policy,
  compiled: Compiled,
  bindings: readonly Binding[],
  attributes: AdmissionAttributes,
  invocations: Invocation[],
  failures: Failure[],
): void {
  const match = matchResources(policy.spec?.matchConstraints ?? {}, attributes);
  if (!match) return;
  for (const binding of bindings) {
    if (binding.spec?.matchResources && !matchResources(binding.spec.matchResources, attributes)) continue;
    try {
      for (const parameter of collectParameters(policy.spec?.paramKind, binding.spec?.paramRef, attributes)) {
        const { name, namespace } = parameter?.metadata ?? {};
        const key = JSON.stringify([policy.metadata!.name, binding.metadata!.name, namespace, name]);
        invocations.push({ key, policy, binding, compiled, match, parameter });
      }
    } catch (error) {
      failures.push({ policy, binding, message: `failed to configure binding: ${(error as Error).message}` });
    }
  }
}

/** Puts the new content into the object that the request's other stages hold. */
function replaceContent(object: KubeObject, content: KubeObject): void {
  const plain = object as Record<string, unknown>;
  for (const key of Object.keys(plain)) delete plain[key];
  Object.assign(plain, content);
}

class Run {
  readonly #attributes: AdmissionAttributes;
  readonly #answers: AccessAnswers;
  readonly #failures: Failure[];

  constructor(attributes: AdmissionAttributes, answers: AccessAnswers, failures: Failure[]) {
    this.#attributes = attributes;
    this.#answers = answers;
    this.#failures = failures;
  }

  async invoke(invocation: Invocation, state: Rounds): Promise<void> {
    const { policy, binding, compiled, match, parameter, key } = invocation;
    const fail = (message: string) => void this.#failures.push({ policy, binding, message, reason: 'Invalid' });
    const attributes = this.#attributes;
    const first = await shownTo(match, attributes);
    const options = { attributes, answers: this.#answers, parameter };
    const conditionInputs = inputsOf({ ...options, shown: first, namespace: false });
    const matched = await this.#answers.settled(() => evaluateConditions(compiled.conditions, conditionInputs));
    if (matched === 'noMatch') return;
    if (matched !== 'match') return fail(matched.error);
    let changed = false;
    for (const mutation of compiled.mutations) {
      const shown = await shownTo(match, attributes);
      const inputs = inputsOf({ ...options, shown, namespace: true });
      try {
        const result = await this.#answers.settled(() =>
          new cel.PolicyEvaluation(inputs, compiled.variables, cel.POLICY_COST_MAX).evaluate(mutation.expression),
        );
        if ('error' in result) fail(result.error);
        else if (await this.#apply(mutation.patchType, result.value, shown.object!, match)) changed = true;
      } catch (error) {
        if (error instanceof StatusError) throw error;
        fail(error instanceof cel.CelError ? error.message : (error as Error).message);
      }
    }
    if (changed) state.changed();
    if (policy.spec?.reinvocationPolicy === 'IfNeeded') state.made(key);
  }

  /** True when the object was changed. */
  async #apply(patchType: string, value: cel.Value, object: KubeObject, { equivalent }: Match): Promise<boolean> {
    const attributes = this.#attributes;
    const type = equivalent ? equivalent.mergeType() : attributes.mergeType?.();
    const patched = patchType === 'JSONPatch' ? applyOperations(value, object) : applyConfiguration(value, object, type!);
    const restored = equivalent ? await equivalent.restore(patched) : patched;
    const complete = attributes.complete?.(restored) ?? restored;
    if (jsonEqual(complete, attributes.object)) return false;
    replaceContent(attributes.object!, complete);
    return true;
  }
}
