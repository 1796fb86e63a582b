// The form of a schema in a custom resource definition, at every level (apiextensions apis/apiextensions/validation/validation.go
// ValidateCustomResourceDefinitionOpenAPISchema).
import { append } from '@tiphys/std';
import { ruleFormErrors } from '../cel/schema/rule-form.ts';
import { type FieldError, fieldError } from '../field-error.ts';
import type { JsonSchema } from './json-schema.ts';
import { unsupportedErrors } from './unsupported.ts';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const META_FIELDS = new Set(['metadata', 'kind', 'apiVersion']);

interface Context {
  isRoot: boolean;
  /** Inside the schema of metadata, kind or apiVersion. */
  insideMeta: boolean;
  /** Why there must be no default. */
  noDefault?: string;
}

function listErrors(schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { 'x-kubernetes-list-type': list, 'x-kubernetes-list-map-keys': keys = [], items } = schema;
  const of = 'must be array if x-kubernetes-list-type is specified';
  const asSet = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  if (list !== undefined && schema.type !== 'array') {
    errors.push(schema.type ? fieldError.invalid(`${path}.type`, schema.type, of) : fieldError.required(`${path}.type`, of));
  } else if (list === 'set' && items) {
    const { 'x-kubernetes-list-type': inner, 'x-kubernetes-map-type': map } = items;
    if (items.type === 'array' && inner !== undefined && inner !== 'atomic') {
      errors.push(fieldError.invalid(`${path}.items.x-kubernetes-list-type`, inner, asSet));
    }
    // Upstream shows the list's type here too.
    if (items.type === 'object' && map !== 'atomic') errors.push(fieldError.invalid(`${path}.items.x-kubernetes-map-type`, inner, asSet));
  }
  if (list !== undefined && !['atomic', 'set', 'map'].includes(list)) {
    errors.push(fieldError.notSupported(`${path}.x-kubernetes-list-type`, list, ['atomic', 'set', 'map']));
  }
  if (keys.length > 0 && list !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    const at = `${path}.x-kubernetes-list-type`;
    errors.push(list === undefined ? fieldError.required(at, why) : fieldError.invalid(at, list, why));
  }
  if (list === 'map') append(errors, mapListErrors(schema, keys, path));
  if ((list === 'map' || list === 'set') && items?.nullable) {
    errors.push(fieldError.forbidden(`${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${list}`));
  }
  return errors;
}

function mapListErrors({ items }: JsonSchema, keys: readonly string[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  const keysAt = `${path}.x-kubernetes-list-map-keys`;
  if (keys.length === 0) errors.push(fieldError.required(keysAt, 'must not be empty if x-kubernetes-list-type is map'));
  if (!items || Array.isArray(items)) {
    const none = fieldError.required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map');
    const shown = { Schema: null, JSONSchemas: items ?? null };
    const other = fieldError.invalid(`${path}.items`, shown, 'must only have a single schema if x-kubernetes-list-type is map');
    errors.push(items === undefined ? none : other);
    return errors;
  }
  if (items.type !== 'object') {
    errors.push(
      fieldError.invalid(`${path}.items.type`, items.type ?? '', "must be object if parent array's x-kubernetes-list-type is map"),
    );
  }
  for (const [i, key] of keys.entries()) {
    const property = items.properties?.[key];
    const at = `${path}.items.properties[${key}]`;
    if (items.type === 'object') {
      if (!property) errors.push(fieldError.invalid(keysAt, keys, 'entries must all be names of item properties'));
      else if (property.type === 'array' || property.type === 'object') {
        const why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
        errors.push(fieldError.invalid(`${at}.type`, items.type, why));
      }
      if (keys.indexOf(key) < i) errors.push(fieldError.invalid(keysAt, keys, 'must not contain duplicate entries'));
    }
    if (!property) continue;
    const listed = 'this property is in x-kubernetes-list-map-keys, so it';
    if (!items.required?.includes(key) && property.default === undefined) {
      errors.push(fieldError.required(`${at}.default`, `${listed} must have a default or be a required property`));
    }
    if (property.nullable) errors.push(fieldError.forbidden(`${at}.nullable`, `${listed} cannot be nullable`));
  }
  return errors;
}

function extensionErrors(schema: JsonSchema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const { 'x-kubernetes-map-type': map, type } = schema;
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    errors.push(fieldError.invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  }
  if (map !== undefined) {
    const of = 'must be object if x-kubernetes-map-type is specified';
    if (!type) errors.push(fieldError.required(`${path}.type`, of));
    else if (type !== 'object') errors.push(fieldError.invalid(`${path}.type`, type, of));
    if (map !== 'atomic' && map !== 'granular') {
      errors.push(fieldError.notSupported(`${path}.x-kubernetes-map-type`, map, ['atomic', 'granular']));
    }
  }
  return errors;
}

function ownErrors(schema: JsonSchema, path: string, { insideMeta, noDefault }: Context): FieldError[] {
  const errors = unsupportedErrors(schema, path);
  if (schema.type && !TYPES.includes(schema.type)) errors.push(fieldError.notSupported(`${path}.type`, schema.type, TYPES));
  if (schema.default !== undefined && schema.default !== null && noDefault !== undefined) {
    errors.push(fieldError.forbidden(`${path}.default`, `must not be set ${noDefault}`));
  }
  if (insideMeta && schema['x-kubernetes-embedded-resource']) {
    errors.push(fieldError.forbidden(`${path}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'));
  }
  if (schema.uniqueItems) {
    const why = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    errors.push(fieldError.forbidden(`${path}.uniqueItems`, why));
  }
  const { additionalProperties: additional, properties } = schema;
  if (additional !== undefined && additional !== true && Object.keys(properties ?? {}).length > 0) {
    errors.push(fieldError.forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'));
  }
  return [...errors, ...extensionErrors(schema, path), ...listErrors(schema, path), ...ruleFormErrors(schema, path)];
}

function insideErrors(schema: JsonSchema, path: string, context: Context): FieldError[] {
  const errors: FieldError[] = [];
  const inner = { ...context, isRoot: false };
  if (typeof schema.additionalProperties === 'object') {
    const noDefault = 'inside additionalProperties applying to object metadata';
    const within = context.insideMeta ? { ...inner, noDefault } : inner;
    append(errors, formErrors(schema.additionalProperties, `${path}.additionalProperties`, within));
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const isMeta = (context.isRoot || schema['x-kubernetes-embedded-resource'] === true) && META_FIELDS.has(name);
    const noDefault = isMeta && context.isRoot ? { noDefault: `in top-level ${name}` } : {};
    const within = isMeta ? { ...inner, insideMeta: true, ...noDefault } : inner;
    append(errors, formErrors(property, `${path}.properties[${name}]`, within));
  }
  if (schema.not) append(errors, formErrors(schema.not, `${path}.not`, inner));
  for (const name of ['allOf', 'oneOf', 'anyOf'] as const) {
    for (const [i, part] of (schema[name] ?? []).entries()) append(errors, formErrors(part, `${path}.${name}[${i}]`, inner));
  }
  if (Array.isArray(schema.items)) {
    for (const [i, part] of (schema.items as JsonSchema[]).entries()) append(errors, formErrors(part, `${path}.items[${i}]`, inner));
  } else if (schema.items) append(errors, formErrors(schema.items, `${path}.items`, inner));
  return errors;
}

/** What is wrong with the form of a definition's schema and all its parts. */
export function formErrors(schema: JsonSchema, path: string, context: Context = { isRoot: true, insideMeta: false }): FieldError[] {
  return [...ownErrors(schema, path, context), ...insideErrors(schema, path, context)];
}
