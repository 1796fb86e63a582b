// Types as server-side apply sees them: what merges, by which key, and what is replaced as a whole. Compiled once per table from
// the schema (kube-openapi schemaconv; structured-merge-diff schema/elements.go).
import type { FieldSchema, SchemaTable } from '@tiphys/api';

export interface ListType {
  kind: 'atomic' | 'set' | 'map';
  keys: readonly string[];
  item: MergeType;
}

export interface MapType {
  atomic: boolean;
  /** Declared fields; absent for plain maps. */
  fields: Readonly<Record<string, MergeType>>;
  /** Defaults of fields that serve as list keys. */
  defaults: Readonly<Record<string, unknown>>;
  /** Type of keys that are not declared; absent when there may be none. */
  values?: MergeType;
}

/** A value may be any of the forms that are present; which one is seen from the value. */
export interface MergeType {
  name: string;
  scalar?: 'string' | 'numeric' | 'boolean' | 'untyped';
  list?: ListType;
  map?: MapType;
}

const noFields: Record<string, MergeType> = Object.create(null);

/** Anything, replaced as a whole. */
export const untypedAtomic: MergeType = { name: '__untyped_atomic_', scalar: 'untyped' };
untypedAtomic.list = { kind: 'atomic', keys: [], item: untypedAtomic };
untypedAtomic.map = { atomic: true, fields: noFields, defaults: {}, values: untypedAtomic };

/** Anything; objects merge key by key, lists are replaced. */
export const deduced: MergeType = { name: '__untyped_deduced_', scalar: 'untyped' };
deduced.list = { kind: 'atomic', keys: [], item: untypedAtomic };
deduced.map = { atomic: false, fields: noFields, defaults: {}, values: deduced };

const plainString: MergeType = { name: 'string', scalar: 'string' };
const otherScalar: MergeType = { name: 'untyped', scalar: 'untyped' };
const numeric: MergeType = { name: 'numeric', scalar: 'numeric' };
const boolean: MergeType = { name: 'boolean', scalar: 'boolean' };

function listKind(field: FieldSchema): Pick<ListType, 'kind' | 'keys'> {
  if (field.listType === 'map') return { kind: 'map', keys: field.listMapKeys ?? [] };
  if (field.listType) return { kind: field.listType, keys: [] };
  if (field.patchStrategy?.split(',').includes('merge')) {
    return field.patchMergeKey ? { kind: 'map', keys: [field.patchMergeKey] } : { kind: 'set', keys: [] };
  }
  return { kind: 'atomic', keys: [] };
}

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
/** Replaced as a whole; other objects without a word about what is in them merge key by key. */
const RAW_EXTENSION = 'io.k8s.apimachinery.pkg.runtime.RawExtension';
/** Its name is there though left out (`+default=""` in upstream's source). */
const NAMED_BY_DEFAULT = 'io.k8s.api.core.v1.LocalObjectReference';

const cache = new WeakMap<SchemaTable, Map<string, MergeType>>();

function named(table: SchemaTable, name: string): MergeType {
  const known = cache.get(table) ?? new Map<string, MergeType>();
  cache.set(table, known);
  const found = known.get(name);
  if (found) return found;
  const schema = table[name];
  const type: MergeType = { name };
  // Registered before its fields are compiled: types may contain themselves.
  known.set(name, type);
  if (!schema) Object.assign(type, deduced, { name });
  else if (schema.fields) {
    const fields: Record<string, MergeType> = Object.create(null);
    const defaults: Record<string, unknown> = {};
    type.map = { atomic: schema.mapType === 'atomic', fields, defaults, ...(schema.keepsUnknown ? { values: deduced } : {}) };
    for (const [key, field] of Object.entries(schema.fields)) {
      fields[key] = compiled(table, field);
      // A required text is there though empty, which is what upstream's schema says by a default.
      if (field.default !== undefined) defaults[key] = field.default;
      else if (field.required && field.type === 'string') defaults[key] = '';
    }
    if (name === NAMED_BY_DEFAULT) defaults.name = '';
  } else if (name === QUANTITY) type.scalar = 'untyped';
  else if (schema.format === 'int-or-string') Object.assign(type, deduced, { name });
  else if (name === RAW_EXTENSION) Object.assign(type, untypedAtomic, { name });
  else if (schema.type === 'object') type.map = deduced.map;
  else if (schema.type) Object.assign(type, compiled(table, schema as FieldSchema), { name });
  else Object.assign(type, untypedAtomic, { name });
  return type;
}

function compiled(table: SchemaTable, field: FieldSchema): MergeType {
  if (field.ref) {
    const type = named(table, field.ref);
    if (!field.mapType || !type.map) return type;
    return { ...type, map: { ...type.map, atomic: field.mapType === 'atomic' } };
  }
  switch (field.type) {
    case 'array':
      return { name: 'list', list: { ...listKind(field), item: field.items ? compiled(table, field.items) : deduced } };
    case 'object': {
      const values = field.values && Object.keys(field.values).length > 0 ? compiled(table, field.values) : deduced;
      return { name: 'map', map: { atomic: field.mapType === 'atomic', fields: noFields, defaults: {}, values } };
    }
    case 'string':
      return !field.format || field.format === 'byte' ? plainString : otherScalar;
    case 'integer':
    case 'number':
      return numeric;
    case 'boolean':
      return boolean;
    default:
      return field.format === 'int-or-string' ? otherScalar : deduced;
  }
}

/** The merge rules of a type in the table. */
export function mergeTypeOf(table: SchemaTable, typeName: string): MergeType {
  return cache.get(table)?.get(typeName) ?? named(table, typeName);
}
