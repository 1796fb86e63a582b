// What changes and values are drawn along: the schema tables' nodes, and the same form made of a custom resource's schema.
import { schemaOf, ValueKind } from '@tiphys/api';
import type { JsonSchema } from '@tiphys/machinery';

export interface Shape {
  readonly shortName: string;
  readonly fields: readonly FieldShape[];
}

export interface FieldShape {
  readonly name: string;
  readonly value: ValueShape;
  readonly facts: { readonly required?: boolean } | undefined;
}

export interface ValueShape {
  readonly kind: ValueKind;
  readonly goType: string;
  readonly item?: ValueShape;
  readonly struct?: Shape;
  /** Values that this place knows, where its name says nothing. */
  readonly words?: readonly unknown[];
}

const SCALARS: Record<string, ValueKind> = {
  string: ValueKind.string,
  boolean: ValueKind.bool,
  integer: ValueKind.int64,
  number: ValueKind.float,
};

/** Right ones, ones at the edge and wrong ones for formats that schemas check. */
const FORMATS: Record<string, readonly unknown[]> = {
  'date-time': ['2020-01-02T03:04:05Z', '2020-01-02T03:04:05.123+02:00', '2020-01-02', '2020-13-02T03:04:05Z', ''],
  uri: ['http://example.com', '/relative', 'a b', '::', 'mailto:a@b'],
  ipv4: ['10.0.0.1', '10.0.0.300', '::1', '010.0.0.1'],
  uuid: ['1b4e28ba-2fa1-11d2-883f-0016d3cca427', '1B4E28BA2FA111D2883F0016D3CCA427', 'x'],
  byte: ['YQ==', 'YQ', '!', ''],
  duration: ['1s', '1h2m', '5 days', 'P1D', '-1s', 'x'],
  int32: [0, 5, 2147483647, 2147483648, -1],
};

function value(schema: JsonSchema): ValueShape {
  const words = schema.enum ? [...schema.enum, 'other'] : FORMATS[schema.format ?? ''];
  const named = { goType: '', ...(words ? { words } : {}) };
  if (schema['x-kubernetes-int-or-string']) return { ...named, kind: ValueKind.intOrString };
  const scalar = SCALARS[schema.type ?? ''];
  if (scalar !== undefined) return { ...named, kind: scalar };
  if (schema.type === 'array') return { ...named, kind: ValueKind.list, item: value(schema.items ?? {}) };
  if (typeof schema.additionalProperties === 'object') return { ...named, kind: ValueKind.map, item: value(schema.additionalProperties) };
  if (schema['x-kubernetes-embedded-resource'] || schema.properties)
    return { ...named, kind: ValueKind.struct, struct: shapeOf(schema, schema['x-kubernetes-embedded-resource'] === true) };
  return { ...named, kind: ValueKind.raw };
}

const metadata = (): Shape => schemaOf('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta')!;

/** An object has metadata, and an embedded one identity too, whatever its schema says. */
export function shapeOf(schema: JsonSchema, isEmbedded = false): Shape {
  const text = { kind: ValueKind.string, goType: 'string' };
  const required = new Set(schema.required);
  const identity = isEmbedded ? ['apiVersion', 'kind'].map((name) => ({ name, value: text, facts: { required: true } })) : [];
  const own = Object.entries(schema.properties ?? {})
    .filter(([name]) => !['apiVersion', 'kind', 'metadata'].includes(name))
    .map(([name, property]) => ({ name, value: value(property), facts: { required: required.has(name) } }));
  return { shortName: '', fields: [...identity, ...own] };
}

/** Of a whole custom resource; what has no schema may hold anything. */
export function customShape(schema: JsonSchema): Shape {
  const { fields } = shapeOf(schema);
  const meta = { name: 'metadata', value: { kind: ValueKind.struct, goType: 'v1.ObjectMeta', struct: metadata() }, facts: undefined };
  const free = ['spec', 'status'].map((name) => ({ name, value: { kind: ValueKind.raw, goType: '' }, facts: undefined }));
  return { shortName: '', fields: [meta, ...(fields.length > 0 ? fields : free)] };
}
