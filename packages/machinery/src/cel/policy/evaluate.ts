// Evaluates compiled expressions of policies within one budget (apiserver admission/plugin/cel/{activation,condition}.go).
import { EvaluationFailure } from '../environment.ts';
import { CelError, LazyMap, type Value } from '../values.ts';
import type { PolicyExpression } from './compile.ts';

/** What all expressions of a policy may cost for one request (apiserver pkg/apis/cel). */
export const POLICY_COST_MAX = 10_000_000;
export const MATCH_CONDITIONS_COST_MAX = 2_500_000;

export type ExpressionResult = { value: Value } | { error: string };

/** Nothing more is evaluated. */
export class OutOfBudgetError extends Error {
  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run');
  }
}

/** The variables of one request and what their evaluation may still cost. */
export class PolicyEvaluation {
  readonly #values: Readonly<Record<string, Value | undefined>>;
  readonly #variables: LazyMap;
  #budget: number;

  constructor(values: Readonly<Record<string, Value | undefined>>, variables: ReadonlyMap<string, PolicyExpression>, budget: number) {
    this.#values = values;
    this.#budget = budget;
    this.#variables = new LazyMap(new Map([...variables].map(([name, expression]) => [name, () => this.#variable(name, expression)])));
  }

  #lookUp = (name: string): Value | undefined => (name === 'variables' ? this.#variables : this.#values[name]);

  #variable(name: string, { program, error }: PolicyExpression): Value {
    const quoted = JSON.stringify(name);
    if (!program) throw new CelError(`composited variable ${quoted} fails to compile: ${error}`);
    try {
      const { value, cost } = program.evaluate(this.#lookUp);
      this.#spend(cost);
      return value;
    } catch (failure) {
      if (!(failure instanceof EvaluationFailure)) throw failure;
      this.#spend(failure.cost);
      if (!(failure.cause instanceof CelError)) throw failure.cause;
      throw new CelError(`composited variable ${quoted} fails to evaluate: ${failure.cause.message}`);
    }
  }

  #spend(cost: number): void {
    this.#budget -= cost;
    if (this.#budget < 0) throw new OutOfBudgetError();
  }

  /** Throws OutOfBudgetError, and whatever else a variable's source throws. */
  evaluate({ text, program, error }: PolicyExpression): ExpressionResult {
    if (!program) return { error: `compilation error: ${error}` };
    try {
      const { value, cost } = program.evaluate(this.#lookUp);
      this.#spend(cost);
      return { value };
    } catch (failure) {
      if (!(failure instanceof EvaluationFailure)) throw failure;
      this.#spend(failure.cost);
      if (!(failure.cause instanceof CelError)) throw failure.cause;
      return { error: `expression '${text}' resulted in error: ${failure.cause.message}` };
    }
  }
}
