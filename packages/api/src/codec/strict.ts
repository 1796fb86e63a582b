// Unknown and duplicate fields with their paths, in the order of the text (sigs.k8s.io/json UnmarshalStrict). Runs only for
// documents that are known to have some.
import { type StructNode, ValueKind, type ValueNode } from '../schema/nodes.ts';
import { JsonObject, type JsonValue } from './json-text.ts';

export const STRICT_ERRORS_MAX = 100;

class Collector {
  readonly errors = new Set<string>();
  /** The converter of unstructured data leaves keys of maps out of its paths (runtime/converter.go mapFromUnstructured). */
  readonly withKeys: boolean;

  constructor(withKeys: boolean) {
    this.withKeys = withKeys;
  }

  add(kind: 'unknown' | 'duplicate', path: string, key: string): void {
    if (this.errors.size < STRICT_ERRORS_MAX) this.errors.add(`${kind} field ${JSON.stringify(path === '' ? key : `${path}.${key}`)}`);
  }

  struct(node: StructNode, value: JsonObject, path: string): void {
    const seen = new Set<string>();
    for (const [key, inner] of value.entries) {
      const field = node.byName.get(key);
      if (!field && !(node.isKind && (key === 'kind' || key === 'apiVersion'))) {
        this.add('unknown', path, key);
        continue;
      }
      if (seen.has(key)) this.add('duplicate', path, key);
      seen.add(key);
      if (field) this.value(field.value, inner, path === '' ? key : `${path}.${key}`);
    }
  }

  value(node: ValueNode, value: JsonValue, path: string): void {
    if (value instanceof JsonObject) {
      if (node.kind === ValueKind.struct) this.struct(node.struct!, value, path);
      else if (node.kind === ValueKind.map) this.map(node, value, path);
    } else if (Array.isArray(value) && node.kind === ValueKind.list) {
      value.forEach((item, i) => {
        this.value(node.item!, item, `${path}[${i}]`);
      });
    }
  }

  map(node: ValueNode, value: JsonObject, path: string): void {
    const seen = new Set<string>();
    for (const [key, inner] of value.entries) {
      if (seen.has(key)) this.add('duplicate', path, key);
      seen.add(key);
      this.value(node.item!, inner, this.withKeys ? `${path}.${key}` : path);
    }
  }

  /** Without a schema only duplicates can be wrong, and fields of metadata. */
  document(value: JsonValue, metadata: StructNode): void {
    this.free(value, '');
    if (!(value instanceof JsonObject)) return;
    for (const [key, inner] of value.entries) if (key === 'metadata' && inner instanceof JsonObject) this.struct(metadata, inner, key);
  }

  free(value: JsonValue, path: string): void {
    if (Array.isArray(value)) {
      value.forEach((item, i) => {
        this.free(item, `${path}[${i}]`);
      });
    } else if (value instanceof JsonObject) {
      const seen = new Set<string>();
      for (const [key, inner] of value.entries) {
        if (seen.has(key)) this.add('duplicate', path, key);
        seen.add(key);
        this.free(inner, path === '' ? key : `${path}.${key}`);
      }
    }
  }
}

/** Messages such as `unknown field "spec.foo"`. Without a node only the document's metadata has a schema. */
export function strictErrorsOf(node: StructNode | undefined, value: JsonValue, metadata: StructNode, withKeys = true): string[] {
  const collector = new Collector(withKeys);
  if (!node) collector.document(value, metadata);
  else if (value instanceof JsonObject) collector.struct(node, value, '');
  return [...collector.errors];
}

/** The same for a value that is parsed already, which can't hold duplicates. */
export function toJsonValue(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(toJsonValue);
  if (typeof value !== 'object' || value === null) return value as JsonValue;
  const out = new JsonObject();
  for (const [key, inner] of Object.entries(value)) if (inner !== undefined) out.entries.push([key, toJsonValue(inner)]);
  return out;
}
