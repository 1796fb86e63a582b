// JSON schemas of the built-in types, made from the tables (kube-openapi's form for OpenAPI v2 and v3).

import enumerations from '../generated/enumerations.json' with { type: 'json' };
import { findStruct, schemaFacts, ValueKind } from '../schema/nodes.ts';
import type { FieldSchema } from '../schema.ts';
import { describeField, describeType } from './descriptions.ts';

export type JsonSchema = Record<string, unknown>;
export type OpenApiVersion = 2 | 3;

export const V3_REFERENCE = '#/components/schemas/';
export const V2_REFERENCE = '#/definitions/';
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';

/** The kinds that a type has in a document, where those are more than one. */
export type Kinds = ReadonlyMap<string, readonly object[]>;

/** The schema of one built-in type, with references to others. */
export function schemaOfType(typeName: string, version: OpenApiVersion, kinds?: Kinds): JsonSchema {
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
  if (facts.gvk) schema['x-kubernetes-group-version-kind'] = kinds?.get(typeName) ?? facts.gvk;
  if (facts.mapType) schema['x-kubernetes-map-type'] = facts.mapType;
  if (facts.unions) schema['x-kubernetes-unions'] = facts.unions;
  return schema;
}

/** Fields that are references without a comment upstream, so that nothing stands beside the reference. */
const BARE_REFERENCES: Readonly<Record<string, readonly string[]>> = {
  'io.k8s.api.networking.v1.IngressRule': ['http'],
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps': [
    'additionalItems',
    'additionalProperties',
    'example',
    'externalDocs',
    'items',
    'not',
  ],
};

const enumerated = enumerations.fields as Readonly<Record<string, Readonly<Record<string, number>>>>;

/** The values that a field, or an element of its list or map, may have. */
function valuesOf(typeName: string, name: string): JsonSchema {
  const position = enumerated[typeName]?.[name];
  return position === undefined ? {} : { enum: enumerations.values[position] };
}

function propertyOf(typeName: string, name: string, field: FieldSchema, version: OpenApiVersion): JsonSchema {
  if (BARE_REFERENCES[typeName]?.includes(name)) return valueSchema(field, version, false);
  const description = describeField(typeName, name);
  const zero = version === 3 ? zeroOfProperty(typeName, name, field) : undefined;
  const schema: JsonSchema = { description, ...(zero === undefined ? {} : { default: zero }), ...valueSchema(field, version, true) };
  const innermost = (schema.items ?? schema.additionalProperties ?? schema) as JsonSchema;
  Object.assign(innermost, valuesOf(typeName, name));
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
  if (field.default !== undefined && version === 3) schema.default = field.default;
  if (field.items) schema.items = elementSchema(field.items, version);
  if (field.values) schema.additionalProperties = elementSchema(field.values, version);
  return schema;
}

const ZERO: Readonly<Record<string, unknown>> = { string: '', integer: 0, number: 0, boolean: false };

/** What Go has in place of an absent value that is no pointer: v3 says so, v2 leaves it out. */
function zeroOf({ ref, type, format }: FieldSchema): unknown {
  if (ref) return schemaFacts[ref]?.fields ? {} : undefined;
  return type && format !== 'byte' && format !== 'date-time' ? ZERO[type] : undefined;
}

/** Fields that may be left out but are marked to be empty then, by the struct that declares them. */
const EMPTY_BY_MARKER = new Set(['LocalObjectReference.name', 'GRPCAction.service']);

const shortNameOf = (typeName: string) => typeName.slice(typeName.lastIndexOf('.') + 1);

/** A struct that is no pointer is never absent, nor is a scalar that Go doesn't omit when it is empty. */
function zeroOfProperty(typeName: string, name: string, field: FieldSchema): unknown {
  const node = findStruct(typeName)?.byName.get(name);
  if (EMPTY_BY_MARKER.has(`${node?.embedded.at(-1) ?? shortNameOf(typeName)}.${name}`)) return '';
  if (!node || node.pointer) return undefined;
  if (field.ref) return node.value.kind === ValueKind.struct ? {} : undefined;
  return node.omitEmpty ? undefined : zeroOf(field);
}

/** Elements of lists and maps are never absent. */
function elementSchema(field: FieldSchema, version: OpenApiVersion): JsonSchema {
  const zero = version === 3 ? zeroOf(field) : undefined;
  if (zero === undefined) return valueSchema(field, version, false);
  return { default: zero, ...valueSchema(field, version, true) };
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

const KEEPS_UNKNOWN = 'x-kubernetes-preserve-unknown-fields';
const LEFT_OUT = new Set([
  'allOf',
  'oneOf',
  'anyOf',
  'not',
  'nullable',
  'default',
  'items',
  'properties',
  'additionalProperties',
  'required',
]);

/**
 * A schema written for v3 in v2's dialect: other references, no allOf around them, none of v3's own keywords, and nothing about
 * what old clients would take for a promise that there are no other fields (apiextensions controller/openapi/v2/conversion.go).
 */
export function toV2Schema(schema: JsonSchema): JsonSchema {
  const { allOf, nullable, type, items, properties, required } = schema;
  const wrapped = Array.isArray(allOf) && allOf.length === 1 ? (allOf[0] as JsonSchema).$ref : undefined;
  const reference = schema.$ref ?? wrapped;
  const out: JsonSchema = {};
  for (const [key, value] of Object.entries(schema)) if (!LEFT_OUT.has(key)) out[key] = value;
  if (typeof reference === 'string') out.$ref = reference.replace(V3_REFERENCE, V2_REFERENCE);
  const isOpen = nullable === true || schema[KEEPS_UNKNOWN] === true;
  if (items && !isOpen) out.items = toV2Schema(items as JsonSchema);
  if (properties && !isOpen) {
    out.properties = Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, toV2Schema(each)]));
  }
  const additional = schema.additionalProperties as JsonSchema | boolean | undefined;
  if (additional !== undefined) out.additionalProperties = typeof additional === 'object' ? toV2Schema(additional) : additional;
  const mayBeNull = (name: string) => (properties as Record<string, JsonSchema> | undefined)?.[name]?.nullable === true;
  // What every embedded resource has isn't said where its fields are not.
  const isIdentity = (name: string) => isOpen && schema['x-kubernetes-embedded-resource'] === true && ['kind', 'apiVersion'].includes(name);
  const stillRequired = (required as string[] | undefined)?.filter((name) => !mayBeNull(name) && !isIdentity(name)) ?? [];
  if (stillRequired.length > 0) out.required = stillRequired;
  if (nullable === true || (type === 'array' && !out.items) || (schema[KEEPS_UNKNOWN] === true && type === 'object')) delete out.type;
  return out;
}

/** The same for a kind as a whole: one that keeps unknown fields says nothing of its fields at all, or old clients refuse those. */
export function toV2Definition(schema: JsonSchema): JsonSchema {
  const kinds = 'x-kubernetes-group-version-kind';
  return schema[KEEPS_UNKNOWN] === true ? { type: 'object', [kinds]: schema[kinds] } : toV2Schema(schema);
}
