// Types of built-in kinds, from the schema tables (apiserver pkg/cel/openapi; what SchemaDeclType makes of upstream's OpenAPI).
import type { FieldSchema, SchemaTable } from '@tiphys/api';
import { BOOL, BYTES, type CelType, DOUBLE, DURATION, DYN, INT, listOf, mapOf, STRING, struct, TIMESTAMP } from '../types.ts';
import { escapeName } from './escaping.ts';

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const INT_OR_STRING = 'int-or-string';
const TIME_FORMATS: Record<string, CelType> = { 'date-time': TIMESTAMP, date: TIMESTAMP, duration: DURATION, byte: BYTES };

/** Tables of types that were made, for each schema table. */
const made = new WeakMap<SchemaTable, Map<string, CelType>>();

/** undefined: expressions do not see values of this type. Types may hold themselves. */
export function builtInType(table: SchemaTable, name: string): CelType | undefined {
  const known = made.get(table) ?? new Map<string, CelType>();
  made.set(table, known);
  const cached = known.get(name);
  if (cached) return cached;
  const schema = table[name];
  if (!schema) return undefined;
  if (name === QUANTITY) return STRING;
  if (schema.format === INT_OR_STRING) return DYN;
  if (!schema.fields) return scalarType(schema.type, schema.format, name);
  const byEscapedName = new Map(
    Object.entries(schema.fields).flatMap(([field, of]) => {
      const escaped = escapeName(field);
      return escaped === undefined ? [] : [[escaped, of] as const];
    }),
  );
  const type = struct(name.split('.').at(-1)!, (field) => {
    const declared = byEscapedName.get(field);
    return declared && fieldType(table, declared, `${name}.${field}`);
  });
  known.set(name, type);
  return type;
}

function scalarType(type: string | undefined, format: string | undefined, name: string): CelType | undefined {
  switch (type) {
    case 'string':
      return (format && TIME_FORMATS[format]) || STRING;
    case 'integer':
      return INT;
    case 'number':
      return DOUBLE;
    case 'boolean':
      return BOOL;
    case 'object':
      return struct(name, () => undefined);
    default:
      return undefined;
  }
}

function fieldType(table: SchemaTable, field: FieldSchema, name: string): CelType | undefined {
  if (field.ref) return builtInType(table, field.ref);
  if (field.items) {
    const element = fieldType(table, field.items, `${name}.@idx`);
    return element && listOf(element);
  }
  if (field.values) {
    const value = fieldType(table, field.values, `${name}.@elem`);
    return value && mapOf(STRING, value);
  }
  return scalarType(field.type, field.format, name);
}
