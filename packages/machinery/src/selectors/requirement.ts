// One condition on labels, and its checks (apimachinery labels/selector.go, NewRequirement and Matches).
import { isLabelValue, isQualifiedName } from '@tiphys/api';
import { type FieldError, fieldError } from '../field-error.ts';

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface Requirement {
  key: string;
  operator: LabelOperator;
  values: readonly string[];
}

export type Labels = Readonly<Record<string, string>>;

const INTEGER = /^[+-]?\d+$/;
const INT64_MAX = 2n ** 63n - 1n;

function int64(text: string): bigint | undefined {
  if (!INTEGER.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return value > INT64_MAX || value < -INT64_MAX - 1n ? undefined : value;
}

function countErrors({ operator, values }: Requirement): FieldError[] {
  const invalid = (why: string) => [fieldError.invalid('values', values, why)];
  switch (operator) {
    case 'in':
    case 'notin':
      return values.length === 0 ? invalid("for 'in', 'notin' operators, values set can't be empty") : [];
    case '=':
    case '==':
    case '!=':
      return values.length === 1 ? [] : invalid('exact-match compatibility requires one single value');
    case 'exists':
    case '!':
      return values.length === 0 ? [] : invalid('values set must be empty for exists and does not exist');
    case 'gt':
    case 'lt':
      return [
        ...(values.length === 1 ? [] : invalid("for 'Gt', 'Lt' operators, exactly one value is required")),
        ...values.flatMap((value, index) =>
          int64(value) === undefined
            ? [fieldError.invalid(`values[${index}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer")]
            : [],
        ),
      ];
  }
}

/** Everything wrong with a requirement, with the field paths upstream gives. */
export function requirementErrors(requirement: Requirement): FieldError[] {
  const keyProblems = isQualifiedName(requirement.key);
  const errors = keyProblems.length ? [fieldError.invalid('key', requirement.key, keyProblems.join('; '))] : [];
  errors.push(...countErrors(requirement));
  requirement.values.forEach((value, index) => {
    const problems = isLabelValue(value);
    if (problems.length) errors.push(fieldError.invalid(`values[${index}][${requirement.key}]`, value, problems.join('; ')));
  });
  return errors;
}

export function requirementMatches({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt': {
      const left = value === undefined ? undefined : int64(value);
      const right = values.length === 1 ? int64(values[0]!) : undefined;
      if (left === undefined || right === undefined) return false;
      return operator === 'gt' ? left > right : left < right;
    }
  }
}

const joined = (values: readonly string[]) => [...values].sort().join(',');

/** The requirement in the grammar that parseLabelSelector() reads. */
export function requirementText({ key, operator, values }: Requirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${joined(values)})`;
    case 'gt':
      return `${key}>${joined(values)}`;
    case 'lt':
      return `${key}<${joined(values)}`;
    default:
      return `${key}${operator}${joined(values)}`;
  }
}
