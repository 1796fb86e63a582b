// What JSON schema has and schemas of custom resources must not (apiextensions apiserver/schema/convert.go, apis/apiextensions/validation).
import { type FieldError, fieldError } from '../field-error.ts';
import type { JsonSchema } from './json-schema.ts';

type Loose = Record<string, unknown>;

const isFilled = (value: unknown) =>
  value !== undefined && value !== null && value !== '' && value !== false && (typeof value !== 'object' || Object.keys(value).length > 0);
const isGiven = (value: unknown) => value !== undefined && value !== null;

/** With the test that the rules of form use; `$schema` is refused only where nothing else is wrong. */
const UNSUPPORTED: readonly (readonly [name: string, isThere: (value: unknown) => boolean])[] = [
  ['id', isFilled],
  ['additionalItems', isGiven],
  ['patternProperties', isFilled],
  ['definitions', isFilled],
  ['dependencies', isGiven],
  ['$ref', isGiven],
];

export function unsupportedErrors(schema: JsonSchema, path: string): FieldError[] {
  const errors = UNSUPPORTED.filter(([name, isThere]) => isThere((schema as Loose)[name])).map(([name]) =>
    fieldError.forbidden(`${path}.${name}`, `${name} is not supported`),
  );
  if (Array.isArray(schema.items)) errors.push(fieldError.forbidden(`${path}.items`, 'items must be a schema object and not an array'));
  if (schema.type === 'null') {
    errors.push(fieldError.forbidden(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'));
  }
  return errors;
}

export function partsOf(schema: JsonSchema): JsonSchema[] {
  const { additionalProperties: additional, items, not } = schema;
  const parts = [items, not, typeof additional === 'object' ? additional : undefined];
  const lists = [schema.allOf, schema.anyOf, schema.oneOf, Object.values(schema.properties ?? {})];
  return [...parts, ...lists.flatMap((list) => list ?? [])].filter((part) => part !== undefined && part !== null);
}

/** Why the schema can't be understood at all; its structure and rules are then left alone. */
export function conversionFault(schema: JsonSchema): string | undefined {
  const loose = schema as Loose;
  for (const name of ['id', '$schema', '$ref', 'patternProperties', 'dependencies', 'additionalItems', 'definitions']) {
    const isThere = name === 'additionalItems' ? isGiven : isFilled;
    if (isThere(loose[name])) return `OpenAPIV3Schema '${name.replace('$schema', 'schema')}' is not supported`;
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  }
  if (Array.isArray(schema.items)) return "OpenAPIV3Schema 'items' must be a schema, but is an array";
  for (const part of partsOf(schema)) {
    const fault = conversionFault(part);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
