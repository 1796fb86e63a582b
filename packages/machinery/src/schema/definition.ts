// All that is wrong with the schema of a custom resource definition: its form, structure, defaults and rules (apiextensions
// apis/apiextensions/validation/validation.go validateCustomResourceDefinitionValidation).
import { append } from '@tiphys/std';
import { definitionRuleErrors } from '../cel/schema/definition.ts';
import { type FieldError, fieldError } from '../field-error.ts';
import { defaultErrors, type JudgeEmbedded } from './default-rules.ts';
import { formErrors } from './form.ts';
import type { JsonSchema } from './json-schema.ts';
import { structuralErrors } from './structural.ts';
import { conversionFault } from './unsupported.ts';

/** By the names of upstream's type, in its order. */
const ALLOWED_WITH_STATUS = [
  ...['Description', 'Type', 'Format', 'Title', 'Maximum', 'ExclusiveMaximum', 'Minimum', 'ExclusiveMinimum', 'MaxLength', 'MinLength'],
  ...['Pattern', 'MaxItems', 'MinItems', 'UniqueItems', 'MultipleOf', 'Required', 'Items', 'Properties', 'ExternalDocs', 'Example'],
  ...['XPreserveUnknownFields', 'XValidations'],
];

/** A keyword as upstream's type names it: `x-kubernetes-list-type` is XListType. */
function typeName(keyword: string): string {
  const parts = keyword.replace(/^\$/, '').replace('x-kubernetes-', 'x-').split('-');
  return parts.map((part) => part.charAt(0).toUpperCase() + part.slice(1)).join('');
}

/** What is a schema or a boolean, and so is there even when it is false. */
const OR_BOOLEAN: ReadonlySet<string> = new Set(['additionalItems', 'additionalProperties']);

/** A schema in the names of upstream's type, as messages show it. */
export function internalSchema(schema: JsonSchema): Record<string, unknown> {
  const each = (schemas: Record<string, JsonSchema>) =>
    Object.fromEntries(Object.entries(schemas).map(([name, inner]) => [name, internalSchema(inner)]));
  const named = Object.entries(schema).map(([keyword, value]): [string, unknown] => {
    if (typeof value === 'boolean' && OR_BOOLEAN.has(keyword)) return [typeName(keyword), { Allows: value, Schema: null }];
    if (typeof value !== 'object' || value === null) return [typeName(keyword), value];
    if (keyword === 'properties') return ['Properties', each(value)];
    if (OR_BOOLEAN.has(keyword)) return [typeName(keyword), { Allows: true, Schema: internalSchema(value) }];
    if (keyword === 'items') return ['Items', { Schema: internalSchema(value) }];
    if (keyword === 'not') return ['Not', internalSchema(value)];
    if (['allOf', 'anyOf', 'oneOf'].includes(keyword)) return [typeName(keyword), value.map(internalSchema)];
    return [typeName(keyword), value];
  });
  return Object.fromEntries(named);
}

const isZero = (value: unknown) => value === undefined || value === null || value === false || value === '';

/** With a status of its own, what is said of the whole object must hold without the status. */
function statusErrors(schema: JsonSchema, path: string): FieldError[] {
  if (!isZero(schema.type) && schema.type !== 'object') {
    const why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    return [fieldError.invalid(`${path}.type`, schema.type, why)];
  }
  const entries = Object.entries(schema).filter(([name, value]) => !isZero(value) || (value === false && OR_BOOLEAN.has(name)));
  if (entries.every(([name]) => ALLOWED_WITH_STATUS.includes(typeName(name)))) return [];
  const shown = internalSchema(Object.fromEntries(entries) as JsonSchema);
  const why = `only [${ALLOWED_WITH_STATUS.join(' ')}] fields are allowed at the root of the schema if the status subresource is enabled`;
  return [fieldError.invalid(path, shown, why)];
}

/** path is where the schema stands, such as `spec.validation.openAPIV3Schema`. */
export function definitionSchemaErrors(schema: JsonSchema, path: string, hasStatus: boolean, judgeEmbedded: JudgeEmbedded): FieldError[] {
  const errors = hasStatus ? statusErrors(schema, path) : [];
  if (schema.nullable) errors.push(fieldError.forbidden(`${path}.nullable`, 'nullable cannot be true at the root'));
  const fault = conversionFault(schema);
  const structural = fault === undefined ? structuralErrors(schema, path) : [];
  if (fault === undefined && structural.length === 0) append(structural, defaultErrors(schema, path, judgeEmbedded));
  const form = formErrors(schema, path);
  append(errors, structural);
  append(errors, form);
  if (fault !== undefined) return errors.length > 0 ? errors : [fieldError.invalid(path, '', fault)];
  if (structural.length === 0) append(errors, definitionRuleErrors(schema, path, form));
  return errors;
}
