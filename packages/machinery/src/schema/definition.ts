// All that is wrong with the schema of a custom resource definition: its form, structure, defaults and rules (apiextensions
// apis/apiextensions/validation/validation.go validateCustomResourceDefinitionValidation).
import { definitionRuleErrors } from '../cel/schema/definition.ts';
import { type FieldError, fieldError } from '../field-error.ts';
import { defaultErrors } from './default-rules.ts';
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

const isZero = (value: unknown) => value === undefined || value === null || value === false || value === '';

/** With a status of its own, what is said of the whole object must hold without the status. */
function statusErrors(schema: JsonSchema, path: string): FieldError[] {
  if (!isZero(schema.type) && schema.type !== 'object') {
    const why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    return [fieldError.invalid(`${path}.type`, schema.type, why)];
  }
  const entries = Object.entries(schema).filter(([, value]) => !isZero(value));
  if (entries.every(([name]) => ALLOWED_WITH_STATUS.includes(typeName(name)))) return [];
  const shown = Object.fromEntries(entries.map(([name, value]) => [typeName(name), value]));
  const why = `only [${ALLOWED_WITH_STATUS.join(' ')}] fields are allowed at the root of the schema if the status subresource is enabled`;
  return [fieldError.invalid(path, shown, why)];
}

/** path is where the schema stands, such as `spec.validation.openAPIV3Schema`. */
export function definitionSchemaErrors(schema: JsonSchema, path: string, hasStatus: boolean): FieldError[] {
  const errors = hasStatus ? statusErrors(schema, path) : [];
  if (schema.nullable) errors.push(fieldError.forbidden(`${path}.nullable`, 'nullable cannot be true at the root'));
  const fault = conversionFault(schema);
  const structural = fault === undefined ? structuralErrors(schema, path) : [];
  if (fault === undefined && structural.length === 0) structural.push(...defaultErrors(schema, path));
  const form = formErrors(schema, path);
  errors.push(...structural, ...form);
  if (fault !== undefined) return errors.length > 0 ? errors : [fieldError.invalid(path, '', fault)];
  if (structural.length === 0) errors.push(...definitionRuleErrors(schema, path, form));
  return errors;
}
