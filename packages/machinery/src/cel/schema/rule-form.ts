// The form of x-kubernetes-validations, before any is compiled (apiextensions apis/apiextensions/validation/validation.go).
import { type FieldError, fieldError } from '../../field-error.ts';
import type { JsonSchema, ValidationRule } from '../../schema/json-schema.ts';
import { fieldPathOf } from './field-path.ts';

const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

const hasNewlines = (text: string) => /[\n\r]/.test(text);

function oneFormErrors(schema: JsonSchema, rule: ValidationRule, at: string): FieldError[] {
  const errors: FieldError[] = [];
  const { message = '', messageExpression = '', fieldPath = '', reason } = rule;
  const trimmed = (rule.rule ?? '').trim();
  if (trimmed === '') errors.push(fieldError.required(`${at}.rule`, 'rule is not specified'));
  else if (message !== '' && message.trim() === '')
    errors.push(fieldError.invalid(`${at}.message`, message, 'must be non-empty if specified'));
  else if (hasNewlines(message.trim())) errors.push(fieldError.invalid(`${at}.message`, message, 'must not contain line breaks'));
  else if (hasNewlines(trimmed) && message.trim() === '') {
    errors.push(fieldError.required(`${at}.message`, 'message must be specified if rule contains line breaks'));
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    errors.push(fieldError.required(`${at}.messageExpression`, 'messageExpression must be non-empty if specified'));
  }
  if (reason !== undefined && !REASONS.includes(reason)) errors.push(fieldError.notSupported(`${at}.reason`, reason, REASONS));
  if (fieldPath !== '') {
    const invalid = (why: string) => errors.push(fieldError.invalid(`${at}.fieldPath`, fieldPath, why));
    if (fieldPath.trim() === '') invalid('must be non-empty if specified');
    if (hasNewlines(fieldPath)) invalid('must not contain line breaks');
    if (fieldPathOf(fieldPath, schema) === undefined) invalid('must be a valid path');
  }
  return errors;
}

export const ruleFormErrors = (schema: JsonSchema, path: string): FieldError[] =>
  (schema['x-kubernetes-validations'] ?? []).flatMap((rule, i) => oneFormErrors(schema, rule, `${path}.x-kubernetes-validations[${i}]`));
