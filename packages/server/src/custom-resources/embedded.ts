// Objects inside a custom resource that are resources themselves: x-kubernetes-embedded-resource (apiextensions
// apiserver/schema/objectmeta: coerce.go, validation.go).

import { normalize, type ObjectMeta } from '@tiphys/api';
import { additionalSchema, type FieldError, fieldError, type JsonSchema } from '@tiphys/machinery';
import { checkObjectMeta, isDns1035Label, nameIsPathSegment } from '@tiphys/registry';
import { append } from '@tiphys/std';
import { DecodeError } from '../codec.ts';

type Entries = Record<string, unknown>;
const isMap = (value: unknown): value is Entries => typeof value === 'object' && value !== null && !Array.isArray(value);
const child = (path: string, name: string) => (path === '' ? name : `${path}.${name}`);

/** Calls back for each embedded resource in the value, by what the schema says. */
function visit(schema: JsonSchema, value: unknown, path: string, found: (object: Entries, path: string) => void): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items) for (const [i, item] of value.entries()) visit(items, item, `${path}[${i}]`, found);
    return;
  }
  if (!isMap(value)) return;
  if (schema['x-kubernetes-embedded-resource']) found(value, path);
  const additional = additionalSchema(schema);
  for (const [name, entry] of Object.entries(value)) {
    const declared = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    if (declared) visit(declared, entry, child(path, name), found);
    else if (additional) visit(additional, entry, `${path}[${name}]`, found);
  }
}

/** Metadata as the server keeps it, and the paths of what it doesn't know. Throws DecodeError. */
function readMetadata(value: unknown, path: string): { metadata: ObjectMeta; unknown: string[] } {
  const { object, strictErrors } = normalize<{ metadata?: ObjectMeta }>({ metadata: value }, { strict: true });
  const unknown = strictErrors.map((text) => (JSON.parse(text.replace('unknown field ', '')) as string).replace('metadata', path));
  return { metadata: object.metadata ?? {}, unknown };
}

/** What keeps an embedded resource from being read. */
class EmbeddedFault extends DecodeError {
  readonly error: FieldError;

  constructor(field: string, value: unknown, why: string) {
    const error = fieldError.invalid(field, value, why);
    super(`${field}: ${error.message}`);
    this.error = error;
  }
}

/** Embedded metadata as the server keeps it; the object is changed. Returns its unknown fields. Throws DecodeError. */
export function coerceEmbedded(schema: JsonSchema, object: unknown, place = ''): string[] {
  const unknown: string[] = [];
  visit(schema, object, place, (embedded, path) => {
    for (const name of ['apiVersion', 'kind'] as const) {
      if (name in embedded && typeof embedded[name] !== 'string')
        throw new EmbeddedFault(child(path, name), embedded[name], 'must be a string');
    }
    if (!('metadata' in embedded)) return;
    const at = child(path, 'metadata');
    try {
      const read = readMetadata(embedded.metadata, at);
      append(unknown, read.unknown);
      embedded.metadata = read.metadata;
    } catch (error) {
      throw error instanceof DecodeError ? new EmbeddedFault(at, embedded.metadata, error.message) : error;
    }
  });
  return unknown.sort();
}

function versionErrors(value: unknown, at: string): FieldError[] {
  if (typeof value !== 'string') return [fieldError.invalid(at, value, 'must be a string')];
  if (value === '') return [fieldError.invalid(at, value, 'must not be empty')];
  return value.split('/').length > 2 ? [fieldError.invalid(at, value, `unexpected GroupVersion string: ${value}`)] : [];
}

function kindErrors(value: unknown, at: string): FieldError[] {
  if (typeof value !== 'string') return [fieldError.invalid(at, value, 'must be a string')];
  if (value === '') return [fieldError.invalid(at, value, 'must not be empty')];
  const problems = isDns1035Label(value.toLowerCase());
  return problems.length > 0
    ? [fieldError.invalid(at, value, `may have mixed case, but should otherwise match: ${problems.join(',')}`)]
    : [];
}

function metadataErrors(value: unknown, at: string): FieldError[] {
  const errors: FieldError[] = [];
  const { metadata } = readMetadata(value, at);
  // It may go without a name.
  const named = metadata.name ? metadata : { ...metadata, name: 'fakename' };
  checkObjectMeta(errors, at, named, Boolean(metadata.namespace), nameIsPathSegment);
  return errors;
}

/** What is wrong with the identity and the metadata of embedded resources. */
export function embeddedErrors(schema: JsonSchema, object: unknown, place = ''): FieldError[] {
  const errors: FieldError[] = [];
  visit(schema, object, place, (embedded, path) => {
    for (const [name, check] of [
      ['apiVersion', versionErrors],
      ['kind', kindErrors],
    ] as const) {
      const at = child(path, name);
      append(errors, name in embedded ? check(embedded[name], at) : [fieldError.required(at)]);
    }
    if ('metadata' in embedded) append(errors, metadataErrors(embedded.metadata, child(path, 'metadata')));
  });
  return errors;
}

/** Of a default: what can't be read of it ends the judgement. The value is changed. */
export function judgeEmbedded(schema: JsonSchema, value: unknown, at: string): FieldError[] {
  try {
    coerceEmbedded(schema, value, at);
  } catch (error) {
    if (error instanceof EmbeddedFault) return [error.error];
    throw error;
  }
  return embeddedErrors(schema, value, at);
}
