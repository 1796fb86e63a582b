// The rules a custom resource's schema must itself satisfy (apiextensions apiserver/schema/validation.go and complete.go).
import { append } from '@tiphys/std';
import { RE2JS } from 're2js';
import { type FieldError, fieldError } from '../field-error.ts';
import { jsonEqual } from '../patch/json-value.ts';
import type { JsonSchema } from './json-schema.ts';

type Level = 'root' | 'item' | 'field';

const INT_OR_STRING: JsonSchema[] = [{ type: 'integer' }, { type: 'string' }];
const TYPE_NEEDED: Record<Level, string> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

function typeErrors(schema: JsonSchema, level: Level, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const at = `${path}.type`;
  const embedded = schema['x-kubernetes-embedded-resource'];
  const mustBeObject = 'must be object if x-kubernetes-embedded-resource is true';
  if (embedded && schema.type !== 'object') {
    errors.push(schema.type ? fieldError.invalid(at, schema.type, mustBeObject) : fieldError.required(at, mustBeObject));
  } else if (!schema.type && !schema['x-kubernetes-int-or-string'] && !schema['x-kubernetes-preserve-unknown-fields']) {
    errors.push(fieldError.required(at, TYPE_NEEDED[level]));
  }
  if (embedded && schema.additionalProperties !== undefined) {
    errors.push(fieldError.forbidden(`${path}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'));
  }
  if (level === 'root' && schema.type && schema.type !== 'object') {
    errors.push(fieldError.invalid(at, schema.type, 'must be object at the root'));
  }
  if (embedded && !schema['x-kubernetes-preserve-unknown-fields'] && Object.keys(schema.properties ?? {}).length === 0) {
    const why = 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    errors.push(fieldError.required(`${path}.properties`, why));
  }
  return errors;
}

function extensionErrors(schema: JsonSchema, path: string): FieldError[] {
  if (!schema['x-kubernetes-int-or-string']) return [];
  const names = ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const;
  return names
    .filter((name) => schema[name])
    .map((name) => fieldError.invalid(`${path}.${name}`, true, 'must be false if x-kubernetes-int-or-string is true'));
}

const isSet = (value: unknown) => value !== undefined && value !== false && value !== '' && !(Array.isArray(value) && value.length === 0);

function metadataErrors(schema: JsonSchema, level: Level, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const checked = level === 'root' || schema['x-kubernetes-embedded-resource'];
  if (checked) {
    for (const key of ['kind', 'apiVersion']) {
      const property = schema.properties?.[key];
      if (property && property.type !== 'string') {
        errors.push(fieldError.invalid(`${path}.properties[${key}].type`, property.type ?? '', 'must be string'));
      }
    }
  }
  const metadata = schema.properties?.metadata;
  if (!metadata) return errors;
  const at = `${path}.properties[metadata]`;
  if (checked && metadata.type !== 'object') errors.push(fieldError.invalid(`${at}.type`, metadata.type ?? '', 'must be object'));
  if (level === 'root') {
    const { type: _, properties = {}, default: __, ...rest } = metadata;
    const others = Object.keys(properties).filter((key) => key !== 'name' && key !== 'generateName');
    if (others.length > 0 || Object.values(rest).some(isSet)) {
      const why = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
      errors.push(fieldError.forbidden(at, why));
    }
  }
  return errors;
}

const MUST_BE_ABSENT: readonly (readonly [keyof JsonSchema, string])[] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

/** Inside allOf, anyOf, oneOf and not only validations may stand; structure belongs outside. */
function nestedErrors(schema: JsonSchema, path: string, skipAnyOf: boolean): FieldError[] {
  const errors = combinationErrors(schema, path, skipAnyOf, false);
  for (const [name, why] of MUST_BE_ABSENT)
    if (isSet(schema[name]) || (name === 'default' && schema.default === false)) errors.push(fieldError.forbidden(`${path}.${name}`, why));
  if (schema.items) append(errors, nestedErrors(schema.items, `${path}.items`, false));
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    append(errors, nestedErrors(property, `${path}.properties[${key}]`, false));
  }
  if (schema.properties?.metadata) {
    errors.push(fieldError.forbidden(`${path}.properties[metadata]`, 'must not be specified in a nested context'));
  }
  return errors;
}

function combinationErrors(schema: JsonSchema, path: string, skipAnyOf: boolean, skipFirstAllOf: boolean): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['anyOf', 'allOf', 'oneOf'] as const) {
    if (name === 'anyOf' && skipAnyOf) continue;
    for (const [i, part] of (schema[name] ?? []).entries()) {
      append(errors, nestedErrors(part, `${path}.${name}[${i}]`, name === 'allOf' && skipFirstAllOf && i === 0));
    }
  }
  if (schema.not) append(errors, nestedErrors(schema.not, `${path}.not`, false));
  if (schema.pattern) {
    try {
      RE2JS.compile(schema.pattern);
    } catch (error) {
      const why = `must be a valid regular expression, but isn't: ${(error as Error).message}`;
      errors.push(fieldError.invalid(`${path}.pattern`, schema.pattern, why));
    }
  }
  return errors;
}

/** Everything a nested validation speaks of must be declared outside. */
function completenessErrors(nested: JsonSchema, schema: JsonSchema | undefined, at: string, path: string): FieldError[] {
  if (!schema) return [fieldError.required(at, `because it is defined in ${path}`)];
  const errors = nestedParts(nested, path).flatMap(([part, inner]) => completenessErrors(part, schema, at, inner));
  if (nested.items) append(errors, completenessErrors(nested.items, schema.items, `${at}.items`, `${path}.items`));
  for (const [key, property] of Object.entries(nested.properties ?? {})) {
    const inner = `${path}.properties[${key}]`;
    append(errors, completenessErrors(property, schema.properties?.[key], `${at}.properties[${key}]`, inner));
  }
  return errors;
}

function nestedParts(schema: JsonSchema, path: string): [JsonSchema, string][] {
  const parts: [JsonSchema, string][] = schema.not ? [[schema.not, `${path}.not`]] : [];
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const) {
    for (const [i, part] of (schema[name] ?? []).entries()) parts.push([part, `${path}.${name}[${i}]`]);
  }
  return parts;
}

function levelErrors(schema: JsonSchema, level: Level, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (schema.type === 'array' && !schema.items) errors.push(fieldError.required(`${path}.items`, 'must be specified'));
  if (schema.items) append(errors, levelErrors(schema.items, 'item', `${path}.items`));
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    append(errors, levelErrors(property, 'field', `${path}.properties[${key}]`));
  }
  if (schema.additionalProperties !== undefined) {
    if (level === 'root') errors.push(fieldError.forbidden(`${path}.additionalProperties`, 'must not be used at the root'));
    if (typeof schema.additionalProperties === 'object') {
      append(errors, levelErrors(schema.additionalProperties, 'field', `${path}.additionalProperties`));
    }
  }
  const skipAnyOf = jsonEqual(schema.anyOf, INT_OR_STRING);
  const skipFirstAllOf = jsonEqual(schema.allOf?.[0]?.anyOf, INT_OR_STRING);
  errors.push(...extensionErrors(schema, path), ...combinationErrors(schema, path, skipAnyOf, skipFirstAllOf));
  errors.push(...typeErrors(schema, level, path), ...metadataErrors(schema, level, path));
  return errors;
}

/** What keeps a schema from being structural; path is where it stands in the definition, such as `spec.validation.openAPIV3Schema`. */
export function structuralErrors(schema: JsonSchema, path: string): FieldError[] {
  const errors = levelErrors(schema, 'root', path);
  // Upstream looks for what is nowhere declared at the root alone.
  for (const [part, inner] of nestedParts(schema, path)) append(errors, completenessErrors(part, schema, path, inner));
  const text = (error: FieldError) => `${error.field}: ${error.message}`;
  return errors.sort((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0));
}
