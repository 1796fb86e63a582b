// Defaults of a definition's schema must themselves be valid and known (apiextensions apiserver/schema/defaulting/validation.go).
import { append } from '@tiphys/std';
import { compileSchemaRules } from '../cel/schema/rules.ts';
import { type FieldError, fieldError } from '../field-error.ts';
import { formatFor } from './formats.ts';
import type { JsonSchema } from './json-schema.ts';
import { unknownFieldsOf } from './prune.ts';
import { validateAgainst } from './validate.ts';

const META_FIELDS = new Set(['metadata', 'kind', 'apiVersion']);

/** What is wrong with the identity and the metadata of resources embedded in a value, which are changed to what the server keeps of them. */
export type JudgeEmbedded = (schema: JsonSchema, value: unknown, at: string) => FieldError[];

const TEXT_OR_LIST: JsonSchema[] = [{ type: 'string' }, { type: 'array' }];

/**
 * The schema as upstream's validator of defaults has it: nothing is known of integers that may be texts, and a format that means nothing is
 * still one, which only texts and lists may have where there is no type.
 */
function forDefaults({ 'x-kubernetes-int-or-string': isEither, ...schema }: JsonSchema): JsonSchema {
  const { properties, items, not, additionalProperties: additional } = schema;
  const all = (inner: readonly JsonSchema[]) => inner.map(forDefaults);
  const isOdd = schema.format && !schema.type && !isEither && !formatFor(schema);
  const made: JsonSchema = { ...schema };
  if (properties) made.properties = Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, forDefaults(property)]));
  if (items) made.items = forDefaults(items);
  if (not) made.not = forDefaults(not);
  if (typeof additional === 'object') made.additionalProperties = forDefaults(additional);
  for (const list of ['allOf', 'anyOf', 'oneOf'] as const) if (schema[list]) made[list] = all(schema[list]);
  return isOdd ? { ...made, allOf: [...(made.allOf ?? []), { anyOf: TEXT_OR_LIST }] } : made;
}

/** The sentences speak of the value as of a whole object: only the fields tell where it stands. */
const standing = (errors: readonly FieldError[], at: string): FieldError[] =>
  errors.map((error) => ({ ...error, field: error.field === '' || error.field === '<nil>' ? at : `${at}.${error.field}` }));

/** Its shape, and its rules only where that is right. */
function valueErrors(schema: JsonSchema, value: unknown, at: string, isRoot: boolean): FieldError[] {
  const errors = standing(validateAgainst(forDefaults(schema), value), at);
  if (errors.length > 0) return errors;
  const rules = compileSchemaRules(schema, isRoot)?.validateDefault(value) ?? [];
  // Here a place is one of the definition's.
  return rules.map((error) => ({
    ...error,
    field: error.field === '<nil>' ? at : `${at}${error.field.startsWith('[') ? '' : '.'}${error.field}`,
  }));
}

/** A resource of which a value is part: its schema, and how it looks around the value. */
interface Around {
  schema: JsonSchema;
  with(value: unknown): object;
}

const aroundRoot = (schema: JsonSchema): Around => ({
  schema: { ...schema, 'x-kubernetes-embedded-resource': true },
  with: (value) => ({ kind: 'Validation', apiVersion: 'validation/v1', ...(value as object) }),
});

const within = (around: Around, wrap: (value: unknown) => unknown): Around => ({ ...around, with: (value) => around.with(wrap(value)) });

/** A value in a resource's metadata, or its kind or version, is judged in the resource that it makes. */
function metadataErrors(value: unknown, at: string, around: Around, judge: JudgeEmbedded): FieldError[] {
  const texts = judge(around.schema, around.with(structuredClone(value)), '').map(({ field, message }) => `${field}: ${message}`);
  if (texts.length === 0) return [];
  const [first, ...more] = new Set(texts);
  const told = more.length > 0 ? `[${[first, ...more].join(', ')}]` : first;
  return [fieldError.invalid(at, value, `must result in valid metadata: ${told}`)];
}

export function defaultErrors(
  schema: JsonSchema,
  path: string,
  judge: JudgeEmbedded,
  around: Around = aroundRoot(schema),
  place: 'resource' | 'metadata' | 'content' = 'resource',
): FieldError[] {
  const errors: FieldError[] = [];
  const isResource = place === 'resource' || schema['x-kubernetes-embedded-resource'] === true;
  const isMetadata = place === 'metadata' && !isResource;
  const here = isResource ? aroundRoot(schema) : around;
  const { default: value } = schema;
  const at = `${path}.default`;
  if (value !== undefined && value !== null) {
    if (!isMetadata && unknownFieldsOf(value, schema).length > 0) {
      errors.push(fieldError.invalid(at, value, 'must not have unknown fields'));
    }
    const misplaced = isMetadata ? metadataErrors(value, at, here, judge) : judge(isResource ? here.schema : schema, value, at);
    append(errors, misplaced.length > 0 ? misplaced : valueErrors(schema, value, at, isResource));
  }
  const inner = isMetadata ? 'metadata' : 'content';
  const item = within(here, (value) => [value]);
  if (schema.items) append(errors, defaultErrors(schema.items, `${path}.items`, judge, item, inner));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const kind = isResource && META_FIELDS.has(name) ? 'metadata' : inner;
    const field = within(here, (value) => ({ [name]: value }));
    append(errors, defaultErrors(property, `${path}.properties[${name}]`, judge, field, kind));
  }
  return errors;
}
