// Looks up merge keys and strategies in the schema tables (apimachinery strategicpatch/meta.go).
import type { FieldSchema, SchemaTable } from '@tiphys/api';
import { StatusError } from '../status-error.ts';

export interface PatchMeta {
  /** `merge`, `replace` or '' (maps merge, lists are replaced). */
  strategy: string;
  retainKeys: boolean;
  mergeKey: string;
  /** Of the field's value, or of a list's elements. */
  schema: PatchSchema;
}

export interface PatchSchema {
  name: string;
  field(key: string, list: boolean): PatchMeta;
}

/** Inside free-form values nothing has a merge key. */
const freeForm: PatchSchema = {
  name: 'object',
  field: () => ({ strategy: '', retainKeys: false, mergeKey: '', schema: freeForm }),
};

function schemaOf(table: SchemaTable, field: FieldSchema | undefined): PatchSchema {
  if (!field) return freeForm;
  if (field.ref) return patchSchema(table, field.ref);
  if (field.values) {
    const inner = schemaOf(table, field.values);
    return { name: 'map', field: () => ({ strategy: '', retainKeys: false, mergeKey: '', schema: inner }) };
  }
  return freeForm;
}

const cache = new WeakMap<SchemaTable, Map<string, PatchSchema>>();

/** The patch rules of a type in the table. */
export function patchSchema(table: SchemaTable, typeName: string): PatchSchema {
  const known = cache.get(table) ?? new Map<string, PatchSchema>();
  cache.set(table, known);
  const found = known.get(typeName);
  if (found) return found;
  const type = table[typeName];
  const fields = type?.fields;
  const schema: PatchSchema = !fields
    ? freeForm
    : {
        name: typeName,
        field: (key, list) => {
          if (!Object.hasOwn(fields, key)) {
            const struct = typeName.split('.').at(-1);
            throw new StatusError(500, '', `unable to find api field in struct ${struct} for the json field ${JSON.stringify(key)}`);
          }
          const field = fields[key]!;
          const strategies = (field.patchStrategy ?? '').split(',').filter((s) => s !== '');
          return {
            strategy: strategies.find((s) => s !== 'retainKeys') ?? '',
            retainKeys: strategies.includes('retainKeys'),
            mergeKey: field.patchMergeKey ?? '',
            schema: schemaOf(table, list ? field.items : field),
          };
        },
      };
  known.set(typeName, schema);
  return schema;
}
