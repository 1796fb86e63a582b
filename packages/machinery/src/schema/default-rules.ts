// Defaults of a definition's schema must themselves be valid and known (apiextensions apiserver/schema/defaulting/validation.go).
import { compileSchemaRules } from '../cel/schema/rules.ts';
import { type FieldError, fieldError } from '../field-error.ts';
import type { JsonSchema } from './json-schema.ts';
import { unknownFieldsOf } from './prune.ts';
import { validateAgainst } from './validate.ts';

const META_FIELDS = new Set(['metadata', 'kind', 'apiVersion']);

/** What is wrong with the identity and the metadata of resources embedded in a value, which are changed to what the server keeps of them. */
export type JudgeEmbedded = (schema: JsonSchema, value: unknown, at: string) => FieldError[];

/** A number of either kind is as good as a text here: upstream's validator has lost what the schema says of that. */
function withoutIntOrString({ 'x-kubernetes-int-or-string': _, ...schema }: JsonSchema): JsonSchema {
  const { properties, items, additionalProperties: additional } = schema;
  const each = (inner: Record<string, JsonSchema>) =>
    Object.fromEntries(Object.entries(inner).map(([name, property]) => [name, withoutIntOrString(property)]));
  return {
    ...schema,
    ...(properties ? { properties: each(properties) } : {}),
    ...(items ? { items: withoutIntOrString(items) } : {}),
    ...(typeof additional === 'object' ? { additionalProperties: withoutIntOrString(additional) } : {}),
  };
}

/** The sentences speak of the value as of a whole object: only the fields tell where it stands. */
const standing = (errors: readonly FieldError[], at: string): FieldError[] =>
  errors.map((error) => ({ ...error, field: error.field === '' || error.field === '<nil>' ? at : `${at}.${error.field}` }));

/** Its shape, and its rules only where that is right. */
function valueErrors(schema: JsonSchema, value: unknown, at: string, isRoot: boolean): FieldError[] {
  const errors = standing(validateAgainst(withoutIntOrString(schema), value), at);
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
    errors.push(...(misplaced.length > 0 ? misplaced : valueErrors(schema, value, `${path}.default`, embedded)));
  }
  if (schema.items) errors.push(...defaultErrors(schema.items, `${path}.items`, judgeEmbedded, false, inMeta));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const isMeta = inMeta || (embedded && META_FIELDS.has(name));
    errors.push(...defaultErrors(property, `${path}.properties[${name}]`, judgeEmbedded, false, isMeta));
  }
  return errors;
}
