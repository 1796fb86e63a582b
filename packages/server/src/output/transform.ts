// Other shapes of an answer: tables, and metadata alone (apiserver endpoints/handlers/response.go).
import type { KubeList, KubeObject, WatchEvent } from '@tiphys/api';
import { type ApiBody, statusError, type Table, type TableRow, type WatchSubscription } from '@tiphys/machinery';
import type { Column } from '@tiphys/registry';
import type { PlainObject } from '../cache/entry.ts';
import type { Endpoint } from '../resources.ts';
import { EntryBody, ListBody } from './bodies.ts';
import type { Encoding, Output } from './negotiate.ts';

const META_GROUP = 'meta.k8s.io';
const SHAPES = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);

export const convertsMeta = (kind: string, group: string, version: string, encoding: Encoding): boolean =>
  group === META_GROUP && (version === 'v1' || version === 'v1beta1') && SHAPES.has(kind) && !(kind === 'Table' && encoding === 'protobuf');

const DEFAULT_COLUMNS: readonly Column<any>[] = [
  { name: 'Name', type: 'string', format: 'name', cell: (object) => object.metadata?.name ?? '' },
  { name: 'Created At', type: 'date', cell: (object) => object.metadata?.creationTimestamp ?? null },
];
const DESCRIPTIONS: Record<string, string> = {
  Name: 'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#names',
};

export interface Transformation {
  endpoint: Endpoint;
  output: Output;
  query: URLSearchParams;
  nowMs: number;
  /** Of an answer that is not the resource's own object, such as its scale. */
  columns?: readonly Column<any>[];
}

const columnsOf = ({ columns, endpoint }: Transformation): readonly Column<any>[] =>
  columns ?? endpoint.definition.columns ?? DEFAULT_COLUMNS;

const partial = (object: KubeObject, version: string): KubeObject => ({
  kind: 'PartialObjectMetadata',
  apiVersion: `${META_GROUP}/${version}`,
  metadata: object.metadata ?? {},
});

function row(transformation: Transformation, object: PlainObject): TableRow {
  const { endpoint, output, query, nowMs } = transformation;
  const conditions = endpoint.definition.rowConditions?.(object) ?? [];
  const include = query.get('includeObject') || 'Metadata';
  const shown = include === 'Object' ? object : include === 'None' ? undefined : partial(object, output.convert!.version);
  return {
    cells: columnsOf(transformation).map((column) => column.cell(object, nowMs)),
    ...(conditions.length > 0 ? { conditions } : {}),
    ...(shown ? { object: shown } : {}),
  };
}

function table(transformation: Transformation, objects: readonly PlainObject[], metadata: Table['metadata'], headers = true): Table {
  const columns = columnsOf(transformation);
  return {
    kind: 'Table',
    apiVersion: `${META_GROUP}/${transformation.output.convert!.version}` as 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: headers
      ? columns.map(({ name, type, format = '', description = DESCRIPTIONS[name] ?? '', priority = 0 }) => ({
          name,
          type,
          format,
          description,
          priority,
        }))
      : (null as unknown as []),
    rows: objects.map((object) => row(transformation, object)),
  };
}

/** The answer in the shape that was asked for; bodies without a shape to change stay as they are. */
export function transformed(transformation: Transformation, body: ApiBody): ApiBody {
  const { convert } = transformation.output;
  if (!convert) return body;
  if (body.kind === 'watch') return { kind: 'watch', watch: transformedWatch(transformation, body.watch) };
  const { endpoint } = transformation;
  if (body instanceof ListBody) {
    const objects = body.entries.map((entry) => endpoint.object(entry));
    if (convert.kind === 'Table') return plain(table(transformation, objects, body.metadata));
    if (convert.kind !== 'PartialObjectMetadataList') throw mismatch('PartialObjectMetadata');
    const items = objects.map((object) => partial(object, convert.version));
    const list: KubeList = { kind: convert.kind, apiVersion: `${META_GROUP}/${convert.version}`, metadata: body.metadata, items };
    return plain(list);
  }
  const object = objectOf(transformation, body);
  if (object) {
    if (convert.kind === 'Table') return plain(table(transformation, [object], { resourceVersion: object.metadata!.resourceVersion! }));
    if (convert.kind !== 'PartialObjectMetadata') throw mismatch('PartialObjectMetadataList');
    return plain(partial(object, convert.version));
  }
  return body;
}

function objectOf({ columns }: Transformation, body: ApiBody): PlainObject | undefined {
  if (body instanceof EntryBody) return body.object;
  return columns && body.kind === 'object' ? (body.object as PlainObject) : undefined;
}

const plain = (object: object): ApiBody => ({ kind: 'object', object: object as KubeObject });
const mismatch = (kind: string) => statusError.notAcceptable(`you requested ${kind}, but the requested object is not of that shape`);

function transformedWatch(transformation: Transformation, watch: WatchSubscription): WatchSubscription {
  const { convert } = transformation.output;
  let first = true;
  const event = ({ type, object }: WatchEvent): WatchEvent => {
    if (type === 'ERROR') return { type, object };
    if (convert!.kind !== 'Table') return { type, object: partial(object, convert!.version) };
    const shown = object as PlainObject;
    const metadata = { resourceVersion: object.metadata!.resourceVersion! };
    const answer =
      type === 'BOOKMARK'
        ? { ...table(transformation, [], metadata, first), rows: [{ cells: [], object: partial(object, convert!.version) }] }
        : table(transformation, [shown], metadata, first);
    first = false;
    return { type, object: answer as KubeObject };
  };
  return { subscribe: (onEvents, onEnd) => watch.subscribe((events) => onEvents(events.map(event)), onEnd) };
}
