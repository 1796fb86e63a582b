// ValidatingAdmissionPolicy (apiserver admission/plugin/policy/validating/{dispatcher,validator}.go).
import { admissionregistrationv1, type KubeObject } from '@tiphys/api';
import { cel, StatusError } from '@tiphys/machinery';
import type { AdmissionAttributes, AdmissionPlugin, Authorizer } from '../../interfaces.ts';
import { forbidden } from '../attributes.ts';
import { AccessAnswers } from './access.ts';
import { type CompiledCondition, compileConditions, evaluateConditions } from './conditions.ts';
import { inputsOf, type Shown, shownTo } from './inputs.ts';
import { isOutsidePolicies, type Match, matchResources } from './matching.ts';
import { collectParameters } from './parameters.ts';
import { type Binding, type BoundPolicy, policySource } from './sources.ts';

type Policy = admissionregistrationv1.ValidatingAdmissionPolicy;
type Validation = admissionregistrationv1.Validation;

const MESSAGE_BYTES_MAX = 5 * 1024;
const ANNOTATION_LENGTH_MAX = 10 * 1024;
const FAILURE_ANNOTATION = 'validation.policy.admission.k8s.io/validation_failure';
const CODES: Record<string, number> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413, Invalid: 422 };
const UNPROCESSABLE = 422;

interface Compiled {
  conditions: CompiledCondition[];
  variables: ReadonlyMap<string, cel.PolicyExpression>;
  validations: { source: Validation; expression: cel.PolicyExpression; message?: cel.PolicyExpression }[];
  annotations: { key: string; source: string; expression: cel.PolicyExpression }[];
}

function compile({ spec }: Policy): Compiled {
  const params = spec?.paramKind !== undefined;
  const conditions = compileConditions(new cel.PolicyCompiler({ params, authorizer: true }), spec?.matchConditions);
  const compiler = new cel.PolicyCompiler({ params, authorizer: true });
  const variables = new Map((spec?.variables ?? []).map(({ name, expression }) => [name, compiler.variable(name, expression)]));
  return {
    conditions,
    variables,
    validations: (spec?.validations ?? []).map((source) => ({
      source,
      expression: compiler.compile(source.expression, cel.RETURNS.bool),
      ...(source.messageExpression ? { message: compiler.compile(source.messageExpression, cel.RETURNS.string) } : {}),
    })),
    annotations: (spec?.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      source: valueExpression,
      expression: compiler.compile(valueExpression, cel.RETURNS.annotation),
    })),
  };
}

/** Something that speaks against the request. */
interface Denial {
  message: string;
  reason?: string;
  /** Which validation; -1: none of them. */
  index: number;
  /** Denies whatever the binding's actions are. */
  always?: boolean;
}

interface Refusal extends Denial {
  policy: Policy;
  binding?: Binding;
}

type Inputs = Readonly<Record<string, cel.Value>>;
type Annotate = (key: string, value: string) => void;

/** What one evaluation of a policy says. */
function evaluate(compiled: Compiled, ignoresErrors: boolean, conditionInputs: Inputs, inputs: Inputs, annotate: Annotate): Denial[] {
  const failed = (message: string, index = -1): Denial[] => (ignoresErrors ? [] : [{ message, index }]);
  const matched = evaluateConditions(compiled.conditions, conditionInputs);
  if (matched === 'noMatch') return [];
  if (matched !== 'match') return failed(matched.error);
  const evaluation = new cel.PolicyEvaluation(inputs, compiled.variables, cel.POLICY_COST_MAX);
  try {
    const results = compiled.validations.map(({ expression }) => evaluation.evaluate(expression));
    const denials = results.flatMap((result, i): Denial[] => {
      if ('error' in result) return failed(result.error, i);
      if (result.value === true) return [];
      const { source, message } = compiled.validations[i]!;
      return [{ message: messageOf(source, message, evaluation), reason: source.reason ?? 'Invalid', index: i }];
    });
    return [...denials, ...annotations(compiled, ignoresErrors, inputs, annotate)];
  } catch (error) {
    if (!(error instanceof cel.OutOfBudgetError)) throw error;
    return failed(error.message);
  }
}

function messageOf(source: Validation, expression: cel.PolicyExpression | undefined, evaluation: cel.PolicyEvaluation): string {
  const result = expression && evaluation.evaluate(expression);
  const text = result && 'value' in result && typeof result.value === 'string' ? result.value.trim() : '';
  const usable = text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= MESSAGE_BYTES_MAX;
  return (usable ? text : '') || (source.message ?? '').trim() || `failed expression: ${source.expression.trim()}`;
}

function annotations(compiled: Compiled, ignoresErrors: boolean, inputs: Inputs, annotate: Annotate): Denial[] {
  const evaluation = new cel.PolicyEvaluation(inputs, compiled.variables, cel.POLICY_COST_MAX);
  return compiled.annotations.flatMap(({ key, expression }): Denial[] => {
    const result = evaluation.evaluate(expression);
    if ('error' in result) return ignoresErrors ? [] : [{ message: result.error, index: -1, always: true }];
    const value = typeof result.value === 'string' ? result.value.trim() : '';
    if (value !== '') annotate(key, value.slice(0, ANNOTATION_LENGTH_MAX));
    return [];
  });
}

function refuse(attributes: AdmissionAttributes, { policy, binding, message, reason = 'Invalid' }: Refusal): StatusError {
  const bound = binding ? ` with binding '${binding.metadata!.name}'` : '';
  const text = `ValidatingAdmissionPolicy '${policy.metadata!.name}'${bound} denied request: ${message}`;
  const base = forbidden(attributes, text);
  return new StatusError(CODES[reason] ?? UNPROCESSABLE, reason, base.message, { ...base.details, causes: [{ message: text }] });
}

/** Values of one annotation from several bindings stand side by side. */
class Annotations {
  readonly #values = new Map<string, Set<string>>();
  readonly add: Annotate = (key, value) => void this.#values.set(key, (this.#values.get(key) ?? new Set()).add(value));
  publish(policy: Policy, attributes: AdmissionAttributes): void {
    for (const [key, values] of this.#values) attributes.annotate?.(`${policy.metadata!.name}/${key}`, [...values].join(', '));
  }
}

/** Applies the binding's actions; what denies is returned. */
function act(denial: Denial, policy: Policy, binding: Binding, attributes: AdmissionAttributes): Refusal[] {
  if (denial.always) return [{ ...denial, policy, binding }];
  const { validationActions = [], policyName } = binding.spec ?? {};
  const { message, index } = denial;
  const refusals: Refusal[] = [];
  for (const action of validationActions) {
    if (action === 'Deny') refusals.push({ ...denial, policy, binding });
    else if (action === 'Warn') {
      attributes.warn(
        `Validation failed for ValidatingAdmissionPolicy '${policy.metadata!.name}' with binding '${binding.metadata!.name}': ${message}`,
      );
    } else if (action === 'Audit') {
      const value = [
        { message, policy: policyName, binding: binding.metadata!.name, expressionIndex: Math.max(index, 0), validationActions },
      ];
      attributes.annotate?.(FAILURE_ANNOTATION, JSON.stringify(value));
    }
  }
  return refusals;
}

export function validatingPolicies(authorizer: Authorizer): AdmissionPlugin {
  const types = [admissionregistrationv1.validatingadmissionpolicies, admissionregistrationv1.validatingadmissionpolicybindings] as const;
  const source = policySource<Policy, Compiled>(types[0], types[1], compile);
  return {
    name: 'ValidatingAdmissionPolicy',
    validate(attributes) {
      const bound = source(attributes.reader);
      return bound.length === 0 || isOutsidePolicies(attributes) ? undefined : judge(authorizer, bound, attributes);
    },
  };
}

async function judge(
  authorizer: Authorizer,
  bound: readonly BoundPolicy<Policy, Compiled>[],
  attributes: AdmissionAttributes,
): Promise<void> {
  const answers = new AccessAnswers(authorizer);
  const refusals: Refusal[] = [];
  for (const { policy, compiled, bindings } of bound) {
    const match = matchResources(policy.spec?.matchConstraints ?? {}, attributes);
    if (match) refusals.push(...(await dispatch(policy, compiled, bindings, match, attributes, answers)));
  }
  if (refusals.length > 0) throw refuse(attributes, refusals[0]!);
}

async function dispatch(
  policy: Policy,
  compiled: Compiled,
  bindings: readonly Binding[],
  match: Match,
  attributes: AdmissionAttributes,
  answers: AccessAnswers,
): Promise<Refusal[]> {
  const ignoresErrors = policy.spec?.failurePolicy === 'Ignore';
  const refusals: Refusal[] = [];
  const collected = new Annotations();
  let shown: Shown | undefined;
  for (const binding of bindings) {
    if (binding.spec?.matchResources && !matchResources(binding.spec.matchResources, attributes)) continue;
    let parameters: (KubeObject | undefined)[];
    try {
      parameters = collectParameters(policy.spec?.paramKind, binding.spec?.paramRef, attributes);
      shown ??= await shownTo(match, attributes);
    } catch (error) {
      const message = `failed to configure binding: ${(error as Error).message}`;
      if (!ignoresErrors) refusals.push({ policy, binding, message, index: -1 });
      continue;
    }
    for (const parameter of parameters) {
      const options = { attributes, shown, answers, parameter };
      const conditionInputs = inputsOf({ ...options, namespace: false });
      const inputs = inputsOf({ ...options, namespace: true });
      const denials = await answers.settled(() => evaluate(compiled, ignoresErrors, conditionInputs, inputs, collected.add));
      for (const denial of denials) refusals.push(...act(denial, policy, binding, attributes));
    }
  }
  collected.publish(policy, attributes);
  return refusals;
}
