// Validates a value against a structural schema with upstream's messages (kube-openapi pkg/validation/validate and errors;
// apiextensions apiserver/validation: validation.go turns them into field errors, ratcheting.go forgives what hasn't changed).
import { append } from '@tiphys/std';
import { RE2JS } from 're2js';
import { type FieldError, fieldError } from '../field-error.ts';
import type { Correlated } from './correlated.ts';
import { formatFor, hasFormat, isKnownFormat } from './formats.ts';
import { additionalSchema, type JsonSchema } from './json-schema.ts';
import { enumErrors, inBody, numberErrors } from './validate-scalars.ts';

const PATTERNS_MAX = 1000;
const patterns = new Map<string, RE2JS>();

function compiledPattern(pattern: string): RE2JS {
  const known = patterns.get(pattern);
  if (known) return known;
  const compiled = RE2JS.compile(pattern);
  if (patterns.size >= PATTERNS_MAX) patterns.clear();
  patterns.set(pattern, compiled);
  return compiled;
}

/** What is wrong, and how many checks were made: of several alternatives the one with most is told about. */
interface Result {
  errors: FieldError[];
  checks: number;
}

function take(into: Result, from: Result): void {
  // One by one: there may be more of them than a call takes arguments.
  for (const error of from.errors) into.errors.push(error);
  into.checks += from.checks;
}

const fieldOf = (path: string) => path.replace(/^\./, '') || '<nil>';
const invalid = (path: string, value: unknown, what: string) => fieldError.invalid(fieldOf(path), value, inBody(path, what));
const child = (path: string, key: string) => (path === '' ? key : `${path}.${key}`);
/** Upstream reports these at the root of what is validated. */
const combined = (message: string): FieldError => fieldError.invalid('<nil>', '', message);

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

const typesOf = (schema: JsonSchema): string[] =>
  schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : schema.type ? [schema.type] : [];

function typeErrors(schema: JsonSchema, format: string, value: unknown, path: string): FieldError[] {
  const types = typesOf(schema);
  const mustBe = (wanted: string, actual: string) => [
    fieldError.typeInvalid(fieldOf(path), actual, inBody(path, `must be of type ${wanted}: ${JSON.stringify(actual)}`)),
  ];
  const actual = typeName(value);
  if (value === null) return types.length > 0 && !schema.nullable ? mustBe(types.join(','), actual) : [];
  if (types.length === 0 && format === '') return [];
  const isIntegerForNumber = actual === 'integer' && types.includes('number');
  const hasFormatOfItsOwn = typeof value === 'string' || Array.isArray(value);
  const numberFormat = actual === 'integer' ? 'int64' : actual === 'number' ? 'float64' : '';
  if (!hasFormatOfItsOwn && format !== '' && !(types.includes(actual) || numberFormat === format || isIntegerForNumber))
    return mustBe(format, numberFormat);
  // Texts with a format are the format's matter; upstream lets lists pass there too.
  if (hasFormatOfItsOwn && format !== '' && !types.includes('number') && !types.includes('integer')) return [];
  return types.includes(actual) || isIntegerForNumber ? [] : mustBe(types.join(','), actual);
}

/** The first thing that is wrong. */
function stringErrors(schema: JsonSchema, value: string, path: string): FieldError[] {
  const length = schema.maxLength === undefined && schema.minLength === undefined ? 0 : [...value].length;
  if (schema.maxLength !== undefined && length > schema.maxLength) return [fieldError.tooLong(fieldOf(path), schema.maxLength)];
  if (schema.minLength !== undefined && length < schema.minLength)
    return [invalid(path, value, `should be at least ${schema.minLength} chars long`)];
  if (schema.pattern && !compiledPattern(schema.pattern).matcher(value).find())
    return [invalid(path, value, `should match '${schema.pattern}'`)];
  return [];
}

function listResult(schema: JsonSchema, value: readonly unknown[], path: string, ratchet: Ratchet): Result {
  const { items } = schema;
  const result: Result = { errors: [], checks: 1 };
  if (items) {
    for (const [i, item] of value.entries()) take(result, innerResult(items, item, `${path}[${i}]`, ratchet && (() => ratchet.index(i))));
  }
  if (schema.minItems !== undefined && value.length < schema.minItems)
    result.errors.push(invalid(path, value.length, `should have at least ${schema.minItems} items`));
  if (schema.maxItems !== undefined && value.length > schema.maxItems)
    result.errors.push(fieldError.tooMany(fieldOf(path), value.length, schema.maxItems));
  return result;
}

const isTypeMeta = (path: string, key: string) => path === '' && (key === 'kind' || key === 'apiVersion');

function objectResult(schema: JsonSchema, value: Record<string, unknown>, path: string, ratchet: Ratchet): Result {
  const result: Result = { errors: [], checks: 0 };
  const keys = Object.keys(value);
  if (schema.minProperties !== undefined && keys.length < schema.minProperties)
    result.errors.push(invalid(path, keys.length, `should have at least ${schema.minProperties} properties`));
  if (schema.maxProperties !== undefined && keys.length > schema.maxProperties)
    result.errors.push(fieldError.tooMany(fieldOf(path), keys.length, schema.maxProperties));
  const additional = additionalSchema(schema);
  for (const key of keys) {
    const declared = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const inner = declared ?? additional;
    if (!inner) continue;
    const at = declared ? child(path, key) : `${path}.${key}`;
    take(result, innerResult(inner, value[key], at, ratchet && !isTypeMeta(path, key) ? () => ratchet.key(key) : undefined));
  }
  for (const key of schema.required ?? [])
    if (!Object.hasOwn(value, key)) result.errors.push(fieldError.required(fieldOf(`${path}.${key}`)));
  return result;
}

function alternatives(parts: readonly JsonSchema[], value: unknown, path: string, ratchet: Ratchet) {
  const results = parts.map((part) => resultOf(part, value, path, ratchet));
  const valid = results.filter(({ errors }) => errors.length === 0);
  // The first with the most checks.
  const best = results.reduce((most, each) => (each.checks > most.checks ? each : most));
  return { results, valid, best };
}

function combinationResult(schema: JsonSchema, value: unknown, path: string, ratchet: Ratchet): Result {
  const result: Result = { errors: [], checks: 1 };
  const quoted = JSON.stringify(path);
  if (schema.anyOf?.length) {
    const { valid, best } = alternatives(schema.anyOf, value, path, ratchet);
    if (valid.length === 0) result.errors.push(combined(`${quoted} must validate at least one schema (anyOf)`));
    take(result, valid[0] ?? best);
  }
  if (schema.oneOf?.length) {
    const { valid, best } = alternatives(schema.oneOf, value, path, ratchet);
    const found = valid.length === 0 ? 'Found none valid' : `Found ${valid.length} valid alternatives`;
    if (valid.length !== 1) result.errors.push(combined(`${quoted} must validate one and only one schema (oneOf). ${found}`));
    if (valid.length < 2) take(result, valid[0] ?? best);
  }
  if (schema.allOf?.length) {
    const { results, valid } = alternatives(schema.allOf, value, path, ratchet);
    for (const each of results) take(result, each);
    if (valid.length < results.length) {
      result.errors.push(combined(`${quoted} must validate all the schemas (allOf)${valid.length === 0 ? '. None validated' : ''}`));
    }
  }
  if (schema.not && resultOf(schema.not, value, path, ratchet).errors.length === 0)
    result.errors.push(combined(`${quoted} must not validate the schema (not)`));
  return result;
}

type Ratchet = Correlated | undefined;

/** A field's or an item's: what is as it was before is let be (KEP-4008). */
function innerResult(schema: JsonSchema, value: unknown, path: string, correlated?: () => Ratchet): Result {
  const ratchet = correlated?.();
  const result = resultOf(schema, value, path, ratchet);
  return result.errors.length > 0 && ratchet?.same ? { errors: [], checks: result.checks } : result;
}

function resultOf(schema: JsonSchema, value: unknown, path: string, ratchet: Ratchet): Result {
  const format = formatFor(schema);
  const types = typeErrors(schema, format, value, path);
  const result: Result = { errors: types, checks: types.length === 0 ? 1 : 0 };
  if (value === null) {
    append(result.errors, enumErrors(schema, value, path));
    return result;
  }
  if (typesOf(schema).length > 0 || format !== '') result.checks++;
  else result.checks = 0;
  take(result, combinationResult(schema, value, path, ratchet));
  append(result.errors, enumErrors(schema, value, path));
  // One for each that was asked: combinations, the enumeration and the whole, and the one of the value's kind.
  result.checks += 3;
  if (typeof value === 'number') {
    append(result.errors, numberErrors(schema, format, value, path));
    result.checks += 2;
  } else if (typeof value === 'string') {
    append(result.errors, stringErrors(schema, value, path));
    result.checks++;
    if (isKnownFormat(format)) {
      if (!hasFormat(format, value))
        result.errors.push(
          fieldError.typeInvalid(fieldOf(path), value, inBody(path, `must be of type ${format}: ${JSON.stringify(value)}`)),
        );
      result.checks++;
    }
  } else if (Array.isArray(value)) {
    take(result, listResult(schema, value, path, ratchet));
    result.checks++;
  } else if (typeof value === 'object') {
    take(result, objectResult(schema, value as Record<string, unknown>, path, ratchet));
    result.checks++;
  }
  return result;
}

/** Everything in a value that its schema doesn't allow. With `before`, what hasn't changed since is let be. List types: listTypeErrors(). */
export function validateAgainst(schema: JsonSchema, value: unknown, before?: Correlated): FieldError[] {
  return innerResult(schema, value, '', before && (() => before)).errors;
}
