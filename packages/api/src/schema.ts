// The shape of the schema tables: the one source of types, defaults, pruning, OpenAPI, protobuf, merge keys and explain.

export type ScalarType = 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array';

export interface ProtoField {
  n: number;
  /** Message name or scalar (`string`, `int32`, `bytes`, `map<string, string>` …), as in the generated .proto files. */
  type: string;
  repeated?: boolean;
}

export interface FieldSchema {
  type?: ScalarType;
  /** Full name of another type in the table, such as `io.k8s.api.core.v1.PodSpec`. */
  ref?: string;
  items?: FieldSchema;
  /** Schema of a map's values. */
  values?: FieldSchema;
  format?: string;
  required?: boolean;
  default?: unknown;
  enum?: string[];
  listType?: 'atomic' | 'set' | 'map';
  listMapKeys?: string[];
  mapType?: 'atomic' | 'granular';
  patchStrategy?: string;
  patchMergeKey?: string;
  proto?: ProtoField;
}

export interface TypeSchema {
  fields?: Record<string, FieldSchema>;
  type?: ScalarType;
  format?: string;
  mapType?: 'atomic' | 'granular';
  /** Fields that are not declared are kept as they are; only types of custom resources may do so. */
  keepsUnknown?: boolean;
  gvk?: { group: string; version: string; kind: string }[];
  unions?: unknown[];
}

export type SchemaTable = Record<string, TypeSchema>;
