// JSON schemas of the built-in types, made from the tables (kube-openapi's form for OpenAPI v2 and v3).

import { findStruct, schemaFacts } from '../schema/nodes.ts';
import type { FieldSchema } from '../schema.ts';
import { describeField, describeType } from './descriptions.ts';

export type JsonSchema = Record<string, unknown>;
export type OpenApiVersion = 2 | 3;

export const V3_REFERENCE = '#/components/schemas/';
export const V2_REFERENCE = '#/definitions/';
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';

/** The schema of one built-in type, with references to others. */
export function schemaOfType(typeName: string, version: OpenApiVersion): JsonSchema {
  const facts = schemaFacts[typeName];
  const description = describeType(typeName);
  if (!facts) return { description, type: 'object' };
  if (typeName === QUANTITY)
    return version === 3 ? { description, oneOf: [{ type: 'string' }, { type: 'number' }] } : { description, type: 'string' };
  if (typeName === INT_OR_STRING) {
    const format = { description, format: 'int-or-string' };
    return version === 3 ? { ...format, oneOf: [{ type: 'integer' }, { type: 'string' }] } : { ...format, type: 'string' };
  }
  const schema: JsonSchema = { description };
  if (facts.fields) {
    schema.properties = Object.fromEntries(
      Object.entries(facts.fields).map(([name, field]) => [name, propertyOf(typeName, name, field, version)]),
    );
    const order = findStruct(typeName)?.fields.map((field) => field.name) ?? Object.keys(facts.fields);
    const required = order.filter((name) => facts.fields![name]?.required);
    if (required.length > 0) schema.required = required;
    schema.type = 'object';
  } else if (facts.type) schema.type = facts.type;
  if (facts.format) schema.format = facts.format;
  if (facts.gvk) schema['x-kubernetes-group-version-kind'] = facts.gvk;
  if (facts.mapType) schema['x-kubernetes-map-type'] = facts.mapType;
  if (facts.unions) schema['x-kubernetes-unions'] = facts.unions;
  return schema;
}

function propertyOf(typeName: string, name: string, field: FieldSchema, version: OpenApiVersion): JsonSchema {
  const description = describeField(typeName, name);
  const schema = { description, ...valueSchema(field, version, true) };
  if (field.listType) Object.assign(schema, { 'x-kubernetes-list-type': field.listType });
  if (field.listMapKeys) Object.assign(schema, { 'x-kubernetes-list-map-keys': field.listMapKeys });
  if (field.mapType) Object.assign(schema, { 'x-kubernetes-map-type': field.mapType });
  if (field.patchStrategy) Object.assign(schema, { 'x-kubernetes-patch-strategy': field.patchStrategy });
  if (field.patchMergeKey) Object.assign(schema, { 'x-kubernetes-patch-merge-key': field.patchMergeKey });
  return schema;
}

/** v3 references can't have siblings, so that they hide in allOf where there are some. */
function valueSchema(field: FieldSchema, version: OpenApiVersion, hasSiblings: boolean): JsonSchema {
  if (field.ref) {
    const reference = { $ref: `${version === 3 ? V3_REFERENCE : V2_REFERENCE}${field.ref}` };
    return version === 3 && hasSiblings ? { allOf: [reference] } : reference;
  }
  const schema: JsonSchema = {};
  if (field.type) schema.type = field.type;
  if (field.format) schema.format = field.format;
  if (field.default !== undefined) schema.default = field.default;
  if (field.enum) schema.enum = field.enum;
  if (field.items) schema.items = valueSchema(field.items, version, false);
  if (field.values) schema.additionalProperties = valueSchema(field.values, version, false);
  return schema;
}

/** The types and all that they refer to, by name. */
export function reachableTypes(typeNames: Iterable<string>): string[] {
  const seen = new Set<string>();
  const visitField = (field: FieldSchema | undefined): void => {
    if (!field) return;
    if (field.ref) visit(field.ref);
    visitField(field.items);
    visitField(field.values);
  };
  const visit = (name: string): void => {
    if (seen.has(name) || !schemaFacts[name]) return;
    seen.add(name);
    for (const field of Object.values(schemaFacts[name].fields ?? {})) visitField(field);
  };
  for (const name of typeNames) visit(name);
  return [...seen].sort();
}

/** A schema written for v3 in v2's dialect: other references, no allOf around them, and none of v3's own keywords. */
export function toV2Schema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toV2Schema);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { allOf, oneOf, anyOf, not, nullable, ...rest } = schema as JsonSchema;
  const out: JsonSchema = {};
  const inner = Array.isArray(allOf) && allOf.length === 1 ? (allOf[0] as JsonSchema) : undefined;
  for (const [key, value] of Object.entries({ ...inner, ...rest })) {
    out[key] = key === '$ref' && typeof value === 'string' ? value.replace(V3_REFERENCE, V2_REFERENCE) : toV2Schema(value);
  }
  return out;
}
