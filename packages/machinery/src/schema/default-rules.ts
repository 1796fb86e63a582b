// Defaults of a definition's schema must themselves be valid and known (apiextensions apiserver/schema/defaulting/validation.go).
import { type FieldError, fieldError } from '../field-error.ts';
import type { JsonSchema } from './json-schema.ts';
import { listTypeErrors } from './list-types.ts';
import { unknownFieldsOf } from './prune.ts';
import { validateAgainst } from './validate.ts';

const META_FIELDS = new Set(['metadata', 'kind', 'apiVersion']);

/** The sentences speak of the value as of a whole object: only the fields tell where it stands. */
function valueErrors(schema: JsonSchema, value: unknown, at: string): FieldError[] {
  return [...validateAgainst(schema, value), ...listTypeErrors(schema, value, '')].map((error) => {
    const { field } = error;
    if (field === '' || field === '<nil>') return { ...error, field: at };
    return { ...error, field: field.startsWith('[') ? `${at}${field}` : `${at}.${field}` };
  });
}

export function defaultErrors(schema: JsonSchema, path: string, isEmbedded = true, insideMeta = false): FieldError[] {
  const errors: FieldError[] = [];
  const embedded = isEmbedded || schema['x-kubernetes-embedded-resource'] === true;
  const inMeta = insideMeta && !embedded;
  const { default: value } = schema;
  if (value !== undefined && value !== null) {
    if (!inMeta && unknownFieldsOf(value, schema).length > 0) {
      errors.push(fieldError.invalid(`${path}.default`, value, 'must not have unknown fields'));
    }
    const missing = embedded && typeof value === 'object' ? ['apiVersion', 'kind'].filter((name) => !Object.hasOwn(value, name)) : [];
    for (const name of missing) errors.push(fieldError.required(`${path}.default.${name}`));
    if (missing.length === 0) errors.push(...valueErrors(schema, value, `${path}.default`));
  }
  if (schema.items) errors.push(...defaultErrors(schema.items, `${path}.items`, false, inMeta));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const isMeta = inMeta || (embedded && META_FIELDS.has(name));
    errors.push(...defaultErrors(property, `${path}.properties[${name}]`, false, isMeta));
  }
  return errors;
}
