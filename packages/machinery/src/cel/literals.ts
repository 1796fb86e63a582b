// Literals that can never be right are refused when an expression is compiled (cel-go cel/validator.go).
import type { Expr } from './ast.ts';
import { patternProblem } from './library/regex.ts';
import type { Issue } from './source.ts';
import { parseDurationText, parseTimestampText } from './time-text.ts';

/** What is wrong with a function's literal argument. */
const CHECKS: Record<string, { position: number; isWrong: (text: string) => boolean; what: string }> = {
  duration: { position: 0, isWrong: (text) => parseDurationText(text) === undefined, what: 'duration' },
  timestamp: { position: 0, isWrong: (text) => parseTimestampText(text) === undefined, what: 'timestamp' },
  matches: { position: 0, isWrong: (text) => patternProblem(text) !== undefined, what: 'matches' },
};

export function literalIssues(root: Expr): Issue[] {
  const issues: Issue[] = [];
  const visit = (expression: Expr): void => {
    if (expression.kind === 'call') {
      const check = CHECKS[expression.name];
      const argument = expression.args[check && expression.name === 'matches' && !expression.target ? 1 : (check?.position ?? 0)];
      if (check && argument?.kind === 'literal' && typeof argument.value === 'string' && check.isWrong(argument.value)) {
        issues.push({ offset: argument.offset, message: `invalid ${check.what} argument` });
      }
    }
    for (const part of partsOf(expression)) visit(part);
  };
  visit(root);
  return issues;
}

export function partsOf(expression: Expr): Expr[] {
  switch (expression.kind) {
    case 'select':
      return [expression.operand];
    case 'call':
      return expression.target ? [expression.target, ...expression.args] : expression.args;
    case 'list':
      return expression.elements;
    case 'map':
      return expression.entries.flatMap(({ key, value }) => [key, value]);
    case 'struct':
      return expression.fields.map(({ value }) => value);
    case 'comprehension':
      return [expression.range, expression.init, expression.condition, expression.step, expression.result];
    default:
      return [];
  }
}
