// Literals that can never be right are refused when an expression is compiled (cel-go cel/validator.go).
import type { Expr } from './ast.ts';
import { patternProblem } from './library/regex.ts';
import type { Issue } from './source.ts';
import { parseDurationText, parseTimestampText } from './time-text.ts';
import { type CelType, isOptional, sameType, typeText } from './types.ts';

/** What is wrong with a function's literal argument. */
const CHECKS: Record<string, { position: number; isWrong: (text: string) => boolean; what: string }> = {
  duration: { position: 0, isWrong: (text) => parseDurationText(text) === undefined, what: 'duration' },
  timestamp: { position: 0, isWrong: (text) => parseTimestampText(text) === undefined, what: 'timestamp' },
  matches: { position: 0, isWrong: (text) => patternProblem(text) !== undefined, what: 'matches' },
};

/** Reports the first of the expressions whose type is not that of those before it. */
function sameTypes(expressions: readonly { part: Expr; optional: boolean }[], issues: Issue[]): void {
  let first: CelType | undefined;
  for (const { part, optional } of expressions) {
    const type = optional && part.type && isOptional(part.type) ? part.type.parameters[0]! : part.type!;
    first ??= type;
    if (sameType(first, type)) continue;
    issues.push({ offset: part.offset, message: `expected type '${typeText(first)}' but found '${typeText(type)}'` });
    return;
  }
}

/** Lists and maps hold values of one type, except inside the arguments of format(). */
function checkHomogeneous(expression: Expr, issues: Issue[]): void {
  if (expression.kind === 'list')
    sameTypes(
      expression.elements.map((part, i) => ({ part, optional: expression.optional.has(i) })),
      issues,
    );
  if (expression.kind !== 'map') return;
  sameTypes(
    expression.entries.map(({ key }) => ({ part: key, optional: false })),
    issues,
  );
  sameTypes(
    expression.entries.map(({ value, optional }) => ({ part: value, optional })),
    issues,
  );
}

export function literalIssues(root: Expr): Issue[] {
  const issues: Issue[] = [];
  const visit = (expression: Expr, exempt: boolean): void => {
    if (!exempt) checkHomogeneous(expression, issues);
    if (expression.kind === 'call') {
      const check = CHECKS[expression.name];
      const argument = expression.args[check && expression.name === 'matches' && !expression.target ? 1 : (check?.position ?? 0)];
      if (check && argument?.kind === 'literal' && typeof argument.value === 'string' && check.isWrong(argument.value)) {
        issues.push({ offset: argument.offset, message: `invalid ${check.what} argument` });
      }
    }
    const isFormat = expression.kind === 'call' && expression.name === 'format';
    for (const part of partsOf(expression)) visit(part, exempt || isFormat);
  };
  visit(root, false);
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
