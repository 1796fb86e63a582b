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

export function defaultErrors(
  schema: JsonSchema,
  path: string,
  judgeEmbedded: JudgeEmbedded,
  isEmbedded = true,
  insideMeta = false,
): FieldError[] {
  const errors: FieldError[] = [];
  const embedded = isEmbedded || schema['x-kubernetes-embedded-resource'] === true;
  const inMeta = insideMeta && !embedded;
  const { default: value } = schema;
  if (value !== undefined && value !== null) {
    if (!inMeta && unknownFieldsOf(value, schema).length > 0) {
      errors.push(fieldError.invalid(`${path}.default`, value, 'must not have unknown fields'));
    }
    const whole = embedded ? { ...schema, 'x-kubernetes-embedded-resource': true } : schema;
    const misplaced = inMeta ? [] : judgeEmbedded(whole, value, `${path}.default`);
    append(errors, misplaced.length > 0 ? misplaced : valueErrors(schema, value, `${path}.default`, embedded));
  }
  if (schema.items) append(errors, defaultErrors(schema.items, `${path}.items`, judgeEmbedded, false, inMeta));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const isMeta = inMeta || (embedded && META_FIELDS.has(name));
    append(errors, defaultErrors(property, `${path}.properties[${name}]`, judgeEmbedded, false, isMeta));
  }
  return errors;
}
