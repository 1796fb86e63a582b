// A custom resource's schema in the shape of the built-in tables, so that server-side apply, OpenAPI and explain treat both alike
// (apiextensions apiserver/schema/kubeopenapi.go; kube-openapi builder/openapi for the implicit fields).
import type { FieldSchema, ScalarType, SchemaTable, TypeSchema } from '@tiphys/api';
import { additionalSchema, type JsonSchema } from './json-schema.ts';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const ANYTHING: FieldSchema = {};

/** A table under construction: objects with fields become types of their own, named by their path. */
class Conversion {
  readonly table: SchemaTable;

  constructor(base: SchemaTable) {
    this.table = Object.create(base) as SchemaTable;
  }

  type(schema: JsonSchema, name: string, root: boolean): TypeSchema {
    const fields: Record<string, FieldSchema> = {};
    for (const [key, property] of Object.entries(schema.properties ?? {})) {
      const field = this.field(property, `${name}.${key}`);
      fields[key] = field;
    }
    if (root || schema['x-kubernetes-embedded-resource']) {
      fields.apiVersion ??= { type: 'string' };
      fields.kind ??= { type: 'string' };
      fields.metadata = { ref: OBJECT_META };
    }
    return {
      fields,
      ...(schema['x-kubernetes-preserve-unknown-fields'] ? { keepsUnknown: true } : {}),
      ...(schema['x-kubernetes-map-type'] ? { mapType: schema['x-kubernetes-map-type'] } : {}),
    };
  }

  field(schema: JsonSchema, name: string): FieldSchema {
    const common: FieldSchema = {
      ...(schema.default === undefined ? {} : { default: schema.default }),
      ...(schema['x-kubernetes-map-type'] ? { mapType: schema['x-kubernetes-map-type'] } : {}),
    };
    if (schema['x-kubernetes-int-or-string']) return { ...common, format: 'int-or-string' };
    if (schema.type === 'array') {
      return {
        ...common,
        type: 'array',
        items: schema.items ? this.field(schema.items, `${name}.items`) : ANYTHING,
        ...(schema['x-kubernetes-list-type'] ? { listType: schema['x-kubernetes-list-type'] } : {}),
        ...(schema['x-kubernetes-list-map-keys'] ? { listMapKeys: schema['x-kubernetes-list-map-keys'] } : {}),
      };
    }
    if (schema.properties || schema['x-kubernetes-embedded-resource']) {
      this.table[name] = this.type(schema, name, false);
      return { ...common, ref: name };
    }
    // Fields that are not declared are kept, so any key must be possible.
    if (schema['x-kubernetes-preserve-unknown-fields']) return schema.type === 'object' ? { ...common, type: 'object' } : common;
    if (schema.type === 'object') {
      const additional = additionalSchema(schema);
      return { ...common, type: 'object', ...(additional ? { values: this.field(additional, `${name}.values`) } : {}) };
    }
    if (!schema.type) return { ...common, ...ANYTHING };
    return { ...common, type: schema.type as ScalarType, ...(schema.format ? { format: schema.format } : {}) };
  }
}

/**
 * A table with the built-in types and one for the custom kind under `typeName`, such as `com.example.v1.CronTab`. A new table for
 * each schema: what was compiled from an older one stays valid for whoever still holds it.
 */
export function tableWithCustomType(base: SchemaTable, typeName: string, schema: JsonSchema): SchemaTable {
  const conversion = new Conversion(base);
  conversion.table[typeName] = conversion.type(schema, typeName, true);
  return conversion.table;
}
