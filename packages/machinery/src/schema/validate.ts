// Validates a value against a structural schema with upstream's messages (kube-openapi pkg/validation/validate and errors;
// apiextensions apiserver/validation/validation.go turns them into field errors).
import { RE2JS } from 're2js';
import { type FieldError, fieldError } from '../field-error.ts';
import { jsonEqual } from '../patch/json-value.ts';
import { hasFormat } from './formats.ts';
import { additionalSchema, type JsonSchema } from './json-schema.ts';
import { listTypeErrors } from './list-types.ts';

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

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

const child = (path: string, key: string) => (path === '' ? key : `${path}.${key}`);
const inBody = (path: string, what: string) => `${path} in body ${what}`;
const invalid = (path: string, value: unknown, what: string) => fieldError.invalid(path, value, inBody(path, what));

function typeErrors(schema: JsonSchema, value: unknown, path: string): FieldError[] {
  const types = schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : schema.type ? [schema.type] : [];
  if (types.length === 0) return [];
  const actual = typeName(value);
  const fits =
    types.includes(actual) || (actual === 'integer' && types.includes('number')) || (actual === 'null' && schema.nullable === true);
  if (fits) return [];
  return [fieldError.typeInvalid(path, actual, inBody(path, `must be of type ${types.join(',')}: ${JSON.stringify(actual)}`))];
}

function numberErrors(schema: JsonSchema, value: number, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { multipleOf, maximum, minimum } = schema;
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) {
    errors.push(invalid(path, value, `should be a multiple of ${multipleOf}`));
  }
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum)) {
    errors.push(invalid(path, value, `should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${maximum}`));
  }
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum)) {
    errors.push(invalid(path, value, `should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${minimum}`));
  }
  return errors;
}

function stringErrors(schema: JsonSchema, value: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const length = schema.maxLength === undefined && schema.minLength === undefined ? 0 : [...value].length;
  if (schema.maxLength !== undefined && length > schema.maxLength) errors.push(fieldError.tooLong(path, schema.maxLength));
  if (schema.minLength !== undefined && length < schema.minLength) {
    errors.push(invalid(path, value, `should be at least ${schema.minLength} chars long`));
  }
  if (schema.pattern && !compiledPattern(schema.pattern).matcher(value).find()) {
    errors.push(invalid(path, value, `should match '${schema.pattern}'`));
  }
  if (schema.format && !hasFormat(schema.format, value)) {
    errors.push(fieldError.typeInvalid(path, value, inBody(path, `must be of type ${schema.format}: ${JSON.stringify(value)}`)));
  }
  return errors;
}

function listErrors(schema: JsonSchema, value: readonly unknown[], path: string): FieldError[] {
  const { items } = schema;
  const errors = items ? value.flatMap((item, i) => schemaErrors(items, item, `${path}[${i}]`)) : [];
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    errors.push(invalid(path, value.length, `should have at least ${schema.minItems} items`));
  }
  if (schema.maxItems !== undefined && value.length > schema.maxItems) errors.push(fieldError.tooMany(path, value.length, schema.maxItems));
  if (schema.uniqueItems && value.some((item, i) => value.slice(0, i).some((other) => jsonEqual(item, other)))) {
    errors.push(invalid(path, '', "shouldn't contain duplicates"));
  }
  return errors;
}

function objectErrors(schema: JsonSchema, value: Record<string, unknown>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const keys = Object.keys(value);
  if (schema.minProperties !== undefined && keys.length < schema.minProperties) {
    errors.push(invalid(path, keys.length, `should have at least ${schema.minProperties} properties`));
  }
  if (schema.maxProperties !== undefined && keys.length > schema.maxProperties) {
    errors.push(fieldError.tooMany(path, keys.length, schema.maxProperties));
  }
  const additional = additionalSchema(schema);
  for (const key of keys) {
    const declared = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : additional;
    if (declared) errors.push(...schemaErrors(declared, value[key], child(path, key)));
  }
  for (const key of schema.required ?? []) if (!Object.hasOwn(value, key)) errors.push(fieldError.required(child(path, key)));
  return errors;
}

const shortest = (results: readonly FieldError[][]) => results.reduce((best, errors) => (errors.length < best.length ? errors : best));
/** Upstream reports these at the root of the object. */
const combined = (message: string): FieldError => fieldError.invalid('<nil>', '', message);

function combinationErrors(schema: JsonSchema, value: unknown, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const quoted = JSON.stringify(path);
  const results = (list: readonly JsonSchema[]) => list.map((part) => schemaErrors(part, value, path));
  if (schema.anyOf?.length) {
    const all = results(schema.anyOf);
    if (all.every((e) => e.length > 0)) errors.push(combined(`${quoted} must validate at least one schema (anyOf)`), ...shortest(all));
  }
  if (schema.oneOf?.length) {
    const all = results(schema.oneOf);
    const count = all.filter((e) => e.length === 0).length;
    if (count === 0) errors.push(combined(`${quoted} must validate one and only one schema (oneOf). Found none valid`), ...shortest(all));
    else if (count > 1) {
      errors.push(combined(`${quoted} must validate one and only one schema (oneOf). Found ${count} valid alternatives`));
    }
  }
  if (schema.allOf?.length) {
    const all = results(schema.allOf);
    const failed = all.filter((e) => e.length > 0);
    errors.push(...failed.flat());
    if (failed.length > 0) {
      errors.push(combined(`${quoted} must validate all the schemas (allOf)${failed.length === all.length ? '. None validated' : ''}`));
    }
  }
  if (schema.not && schemaErrors(schema.not, value, path).length === 0) {
    errors.push(combined(`${quoted} must not validate the schema (not)`));
  }
  return errors;
}

function schemaErrors(schema: JsonSchema, value: unknown, path: string): FieldError[] {
  if (value === null && schema.nullable) return [];
  const errors = typeErrors(schema, value, path);
  if (errors.length > 0) return errors;
  errors.push(...combinationErrors(schema, value, path));
  if (schema.enum && !schema.enum.some((allowed) => jsonEqual(allowed, value))) {
    const allowed = schema.enum.map((entry) => (typeof entry === 'string' ? entry : JSON.stringify(entry)));
    errors.push(fieldError.notSupported(path, value, allowed));
  }
  if (typeof value === 'number') errors.push(...numberErrors(schema, value, path));
  else if (typeof value === 'string') errors.push(...stringErrors(schema, value, path));
  else if (Array.isArray(value)) errors.push(...listErrors(schema, value, path));
  else if (typeof value === 'object' && value !== null) {
    errors.push(...objectErrors(schema, value as Record<string, unknown>, path));
  }
  return errors;
}

/** Everything wrong with a value: its schema, and the uniqueness its list types ask for. Rules: see compileSchemaRules(). */
export function validateAgainst(schema: JsonSchema, value: unknown, path = ''): FieldError[] {
  return [...schemaErrors(schema, value, path), ...listTypeErrors(schema, value, path)];
}
