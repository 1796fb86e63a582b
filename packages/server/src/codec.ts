// How the objects of one resource are read, defaulted, patched and tracked: by the built-in schema, or by what a custom
// resource definition brings along.
import {
  applyDefaults,
  applyDefaultsPatched,
  DecodeError,
  decode,
  decodeProtobuf,
  normalize,
  normalizePatched,
  PROTOBUF_MEDIA_TYPE,
  schemaOf,
  schemaTable,
  toStorageForm,
  unstructuredFault,
  withWrappedIntegers,
} from '@tiphys/api';
import { applyStrategicMergePatch, consumedStrategicMergePatch, emptyObject, mergeTypeOf, type TrackedType } from '@tiphys/machinery';
import { type ResourceDefinition, VALUES_MAX } from '@tiphys/registry';
import type { PlainObject } from './cache/entry.ts';

export interface DecodedObject {
  object: PlainObject;
  /** Such as `unknown field "spec.foo"`; empty unless asked for. */
  strictErrors: readonly string[];
}

interface Normalizing {
  strict: boolean | 'converted';
  /** The first of several faults is looked for as the keys come. */
  inOrder?: boolean;
  /** What was applied holds nothing unknown, and its nulls are judged like other values. */
  applied?: boolean;
}

export interface ObjectCodec {
  /** The kind has a protobuf form. */
  protobuf?: boolean;
  /** Reads bytes; throws DecodeError. What comes back is the caller's own. */
  decode(bytes: Uint8Array | string, options: { mediaType?: string; strict: boolean }): DecodedObject;
  /** The same for an object that was parsed or patched; the argument isn't changed. */
  normalize(value: object, options: Normalizing): DecodedObject;
  /**
   * normalize() and applyDefaults() of what a patch made of an object, without a look at what it left alone; parts named in `shared` are
   * the same in both afterwards. Absent where the whole has to be looked at.
   */
  normalizePatched?(value: PlainObject, before: PlainObject, options: Normalizing & { shared: ReadonlySet<string> }): DecodedObject;
  applyDefaultsPatched?(object: PlainObject, before: PlainObject): PlainObject;
  /**
   * A stored object as it is read today, when the schema may have changed since it was written: the argument itself, which isn't
   * changed, where nothing is different. Absent for kinds whose schema never changes.
   */
  read?(stored: PlainObject): PlainObject;
  /** An object that was just converted, without what its version doesn't know. May change the argument. */
  converted?(object: PlainObject): PlainObject;
  /** Objects say themselves what they are, and rules judge it, not the decoder. */
  selfNamed?: boolean;
  /** Fills in defaults; may change the argument. */
  applyDefaults(object: PlainObject): PlainObject;
  /** Schema of a kind that isn't built in, as a v3 component, for OpenAPI. */
  openApiSchema?: object;
  /** Leaves of the object, which is changed, what storage keeps. Absent for kinds that are stored as they are sent. */
  toStorageForm?(object: PlainObject): void;
  /** Types for server-side apply and managed fields. */
  tracked: TrackedType;
  /** Absent for kinds without strategic merge patch. Throws StatusError. */
  strategicMerge?(current: PlainObject, patch: object): PlainObject;
  /** What is left of a strategic merge patch that was carried out. */
  consumedPatch?(current: PlainObject, patch: object): object;
  /** Data with its integers as upstream's converter makes them of patched data; parts it has in common with `before` stay as they are. */
  wrapIntegers?(value: PlainObject, before?: PlainObject): PlainObject;
  /** Why patched data is no object of the kind, as upstream's converter says it; undefined when it is one, as `before` is. */
  conversionFault?(value: object, before?: PlainObject): string | undefined;
}

export { DecodeError };

export function builtInCodec(definition: ResourceDefinition<any>): ObjectCodec {
  const { schema, setDefaults, valuesMax = VALUES_MAX } = definition;
  let tracked: TrackedType | undefined;
  return {
    protobuf: true,
    decode: (bytes, options) =>
      options.mediaType === PROTOBUF_MEDIA_TYPE && typeof bytes !== 'string'
        ? { object: decodeProtobuf(bytes, { schema, valuesMax }) as PlainObject, strictErrors: [] }
        : (decode(bytes, { schema, valuesMax, ...options }) as unknown as DecodedObject),
    normalize: (value, { applied: _, ...options }) => normalize(value, { schema, ...options }) as unknown as DecodedObject,
    applyDefaults: (object) => {
      const defaulted = applyDefaults(object, schema);
      setDefaults?.(defaulted);
      return defaulted;
    },
    get tracked() {
      tracked ??= { type: mergeTypeOf(schemaTable, schema), empty: emptyObject(schema) };
      return tracked;
    },
    toStorageForm: (object) => toStorageForm(object, schema),
    normalizePatched: (value, before, options) => normalizePatched(value, before, { schema, ...options }) as unknown as DecodedObject,
    ...(setDefaults ? {} : { applyDefaultsPatched: (object, before) => applyDefaultsPatched(object, before, schema) }),
    wrapIntegers: (value, before) => withWrappedIntegers(schemaOf(schema)!, value, before),
    conversionFault: (value, before) => unstructuredFault(schemaOf(schema)!, value, before),
    strategicMerge: (current, patch) => applyStrategicMergePatch(current, patch, schemaTable, schema),
    consumedPatch: (current, patch) => consumedStrategicMergePatch(current, patch, schemaTable, schema),
  };
}
