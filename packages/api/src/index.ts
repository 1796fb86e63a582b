export {
  DECODE_BYTES_MAX,
  type Decoded,
  type DecodeOptions,
  decode,
  decodeConfiguration,
  normalize,
  normalizePatched,
  parseJson,
  parseManifest,
  strictDecodingMessage,
} from './codec/decode.ts';
export { DecodeError, jsonTypeName } from './codec/decode-error.ts';
export { readJson } from './codec/json-text.ts';
export { cameEmpty, cameFiner, cameUnlikeStored, finerApart } from './codec/normalize.ts';
export { toStorageForm } from './codec/storage-form.ts';
export { unstructuredFault, withWrappedIntegers } from './codec/unstructured-fault.ts';
export { countValues, measureJson, TooManyValues } from './codec/values.ts';
export { applyDefaults, applyDefaultsPatched } from './defaults/apply.ts';
export { isExternallyAccessible } from './defaults/core.ts';
export { imageTag, mirrorServiceAccount } from './defaults/pods.ts';
export * from './generated/index.ts';
export type {
  KubeList,
  KubeObject,
  ListMeta,
  ManagedFieldsEntry,
  ObjectMeta,
  OwnerReference,
  WatchEvent,
  WatchEventType,
} from './object.ts';
export {
  OPENAPI_V2_PROTOBUF,
  OPENAPI_V2_PROTOBUF_DEPRECATED,
  type OpenApiGroupVersion,
  openApiPath,
  openApiServerPaths,
  openApiV2,
  openApiV2Protobuf,
  openApiV3,
  openApiV3OfServer,
} from './openapi/documents.ts';
export { decodeProtobuf, decodeProtobufWatchEvent, isProtobuf } from './protobuf/decode.ts';
export { encodeProtobuf, encodeProtobufWatchEvent, PROTOBUF_MAGIC, PROTOBUF_MEDIA_TYPE } from './protobuf/encode.ts';
export { ProtobufNotSupported } from './protobuf/not-supported.ts';
export { formatDuration, humanDuration, parseDuration } from './quantity/duration.ts';
export { type IntOrPercent, IntOrStringError, isPercent, scaledValue } from './quantity/int-or-string.ts';
export { canonicalQuantity, compareQuantities, parseQuantity, Quantity, QuantityError, type QuantityFormat } from './quantity/quantity.ts';
export { microTimeText, timeText } from './quantity/time.ts';
export { apiVersionOf, groupResource, pathOf, type ResourceType, resourceType } from './resource-type.ts';
export { RETURNS_DELETED } from './schema/deletion.ts';
export {
  builtInGroups,
  builtInResources,
  type GroupInfo,
  type ResourceInfo,
  schemaOf,
  schemaOfKind,
  schemaOfObject,
  typeFacts,
  typeNameOfKind,
} from './schema/lookup.ts';
export { allTypeNames, type FieldNode, type StructNode, schemaFacts as schemaTable, ValueKind, type ValueNode } from './schema/nodes.ts';
export type { FieldSchema, ProtoField, ScalarType, SchemaTable, TypeSchema } from './schema.ts';
export * from './validation/names.ts';
