export { builtInResources, type ResourceRow, type ResourceTable } from './built-in-resources.ts';
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
export { apiVersionOf, groupResource, pathOf, type ResourceType, resourceType } from './resource-type.ts';
export type { FieldSchema, ProtoField, ScalarType, SchemaTable, TypeSchema } from './schema.ts';
