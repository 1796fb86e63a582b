// apiextensions.k8s.io/v1 JSONSchemaProps as the wire carries it, as far as structural schemas use it.

export interface ValidationRule {
  rule: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

export interface JsonSchema {
  type?: string;
  format?: string;
  title?: string;
  description?: string;
  default?: unknown;
  example?: unknown;
  nullable?: boolean;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  required?: string[];
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minProperties?: number;
  maxProperties?: number;
  allOf?: JsonSchema[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  not?: JsonSchema;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: 'atomic' | 'granular';
  'x-kubernetes-validations'?: ValidationRule[];
}

/** The schema of keys that are not declared; undefined when none is given. */
export const additionalSchema = (schema: JsonSchema): JsonSchema | undefined =>
  typeof schema.additionalProperties === 'object' ? schema.additionalProperties : schema.additionalProperties ? {} : undefined;

/** Whether any part of the schema has rules in the expression language. */
export const hasRules = (schema: JsonSchema): boolean => someSchema(schema, (part) => (part['x-kubernetes-validations']?.length ?? 0) > 0);

/** Whether that is so of the schema or any part of it. */
export function someSchema(schema: JsonSchema, is: (part: JsonSchema) => boolean): boolean {
  if (is(schema)) return true;
  const parts = [
    ...Object.values(schema.properties ?? {}),
    ...[schema.items, schema.not, additionalSchema(schema)],
    ...[schema.allOf, schema.anyOf, schema.oneOf].flatMap((list) => list ?? []),
  ];
  return parts.some((part) => part !== undefined && part !== null && someSchema(part, is));
}
