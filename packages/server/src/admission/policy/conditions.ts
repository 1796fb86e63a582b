// matchConditions of policies and webhooks (apiserver admission/plugin/webhook/matchconditions/matcher.go).
import { cel } from '@tiphys/machinery';

export interface CompiledCondition {
  name: string;
  expression: cel.PolicyExpression;
}

export type ConditionsResult = 'match' | 'noMatch' | { error: string };

export function compileConditions(
  compiler: cel.PolicyCompiler,
  conditions: readonly { name: string; expression: string }[] | undefined,
): CompiledCondition[] {
  return (conditions ?? []).map(({ name, expression }) => ({ name, expression: compiler.compile(expression, cel.RETURNS.bool) }));
}

/** One that is false decides; otherwise what went wrong does. */
export function evaluateConditions(
  conditions: readonly CompiledCondition[],
  inputs: Readonly<Record<string, cel.Value>>,
): ConditionsResult {
  if (conditions.length === 0) return 'match';
  const evaluation = new cel.PolicyEvaluation(inputs, new Map(), cel.MATCH_CONDITIONS_COST_MAX);
  const errors: string[] = [];
  for (const { expression } of conditions) {
    try {
      const result = evaluation.evaluate(expression);
      if ('error' in result) errors.push(result.error);
      else if (result.value === false) return 'noMatch';
    } catch (error) {
      if (!(error instanceof cel.OutOfBudgetError)) throw error;
      return { error: error.message };
    }
  }
  if (errors.length === 0) return 'match';
  return { error: errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]` };
}
