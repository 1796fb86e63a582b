// Numbers and closed lists of values (kube-openapi pkg/validation/validate values.go, validator.go numberValidator and
// basicCommonValidator).
import { append } from '@tiphys/std';
import { type FieldError, fieldError } from '../field-error.ts';
import { goText } from '../go-text.ts';
import { jsonEqual } from '../patch/json-value.ts';
import type { JsonSchema } from './json-schema.ts';

const INT32 = 2 ** 31;
const INT64 = 2 ** 63;
const FLOAT32_MAX = 3.4028234663852886e38;

export const inBody = (path: string, what: string) => `${path} in body ${what}`;
const fieldOf = (path: string) => path.replace(/^\./, '') || '<nil>';
const invalid = (path: string, value: unknown, what: string) => fieldError.invalid(fieldOf(path), value, inBody(path, what));

/** The type whose range counts: of a single type, and its format where it belongs to it. */
function rangeOf(schema: JsonSchema, format: string): { type: string; format: string } {
  if (schema['x-kubernetes-int-or-string']) return { type: '', format: '' };
  if (schema.type === 'integer') return { type: 'integer', format: ['int32', 'int64'].includes(format) ? format : '' };
  if (schema.type === 'number') return { type: 'number', format: ['float', 'double'].includes(format) ? format : '' };
  return { type: '', format: '' };
}

function rangeErrors(value: number, { type, format }: { type: string; format: string }, what: string, path: string): FieldError[] {
  const bound = format === 'int32' ? INT32 : INT64;
  const fits =
    type === 'integer' ? Number.isInteger(value) && value >= -bound && value < bound : format !== 'float' || Math.abs(value) <= FLOAT32_MAX;
  if (fits) return [];
  const kind = format === '' ? `${type} (default format)` : `${type} with format ${format}`;
  return [fieldError.invalid('<nil>', '', `${what} value must be of type ${kind} in ${path}`)];
}

function isMultiple(value: number, factor: number): boolean {
  const quotient = factor < 1 ? (1 / factor) * value : value / factor;
  const nearest = Math.round(quotient);
  return quotient === nearest || Math.abs(quotient - nearest) < 1e-9 * Math.max(1, Math.abs(quotient));
}

export function numberErrors(schema: JsonSchema, format: string, value: number, path: string): FieldError[] {
  const range = rangeOf(schema, format);
  const errors = rangeErrors(value, range, 'Checked', path);
  const { multipleOf, maximum, minimum } = schema;
  const isInteger = Number.isInteger(value);
  // Limits of integers are cut to integers, unless they aren't of the type anyway.
  const limit = (what: string, given: number): number => {
    const wrong = rangeErrors(given, range, what, path);
    append(errors, wrong);
    return wrong.length === 0 && isInteger ? Math.trunc(given) : given;
  };
  if (multipleOf !== undefined && multipleOf !== null) {
    const factor = limit('MultipleOf', multipleOf);
    if (factor <= 0) {
      errors.push(fieldError.invalid(fieldOf(path), factor, `factor MultipleOf declared for ${path} must be positive: ${goText(factor)}`));
    } else if (!isMultiple(value, factor)) errors.push(invalid(path, value, `should be a multiple of ${goText(factor)}`));
  }
  if (maximum !== undefined && maximum !== null) {
    const end = limit('Maximum boundary', maximum);
    if (schema.exclusiveMaximum ? value >= end : value > end)
      errors.push(invalid(path, value, `should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${goText(end)}`));
  }
  if (minimum !== undefined && minimum !== null) {
    const begin = limit('Minimum boundary', minimum);
    if (schema.exclusiveMinimum ? value <= begin : value < begin)
      errors.push(invalid(path, value, `should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${goText(begin)}`));
  }
  return errors;
}

/** Go converts an integer to the text of its code point. */
const isText = (allowed: unknown, value: unknown) =>
  typeof allowed === 'string' && typeof value === 'number' && Number.isInteger(value) && allowed === textOf(value);

const textOf = (code: number) =>
  code >= 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000) ? String.fromCodePoint(code) : '\ufffd';

/** null is in no list. */
export function enumErrors({ enum: list }: JsonSchema, value: unknown, path: string): FieldError[] {
  if (!list || list.length === 0) return [];
  if (value !== null && list.some((allowed) => jsonEqual(allowed, value) || isText(allowed, value))) return [];
  const allowed = list.map((entry) => (typeof entry === 'string' ? entry : JSON.stringify(entry)));
  return [fieldError.notSupported(fieldOf(path), value, allowed)];
}
