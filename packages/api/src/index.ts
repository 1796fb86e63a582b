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
export { formatDuration, humanDuration, parseDuration } from './quantity/duration.ts';
export { type IntOrPercent, IntOrStringError, isPercent, scaledValue } from './quantity/int-or-string.ts';
export { canonicalQuantity, compareQuantities, parseQuantity, Quantity, QuantityError, type QuantityFormat } from './quantity/quantity.ts';
export { apiVersionOf, groupResource, pathOf, type ResourceType, resourceType } from './resource-type.ts';
export type { FieldSchema, ProtoField, ScalarType, SchemaTable, TypeSchema } from './schema.ts';
export * from './validation/names.ts';
