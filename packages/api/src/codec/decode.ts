// Bytes to objects: JSON and YAML, for built-in kinds by their schema and for others as they are
// (apimachinery runtime/serializer/json/json.go).

import type { KubeObject } from '../object.ts';
import { schemaOfObject } from '../schema/lookup.ts';
import type { StructNode } from '../schema/nodes.ts';
import { structOf } from '../schema/nodes.ts';
import { DecodeError } from './decode-error.ts';
import { firstFault } from './first-fault.ts';
import { countColons, readJson } from './json-text.ts';
import { countKeys, type NormalizeTally, normalizeChanged, normalizeStruct } from './normalize.ts';
import { strictErrorsOf, toJsonValue } from './strict.ts';
import { countValues } from './values.ts';
import { readYamlDocuments, YAML_TOKENS_OF_VALUE, type YamlDocument } from './yaml-text.ts';

/** The request body limit of upstream's API server. */
export const DECODE_BYTES_MAX = 3 * 1024 * 1024;

export interface DecodeOptions {
  /** `application/json` (default) or `application/yaml`; parameters are ignored. */
  mediaType?: string;
  /** Full type name to decode as. Without it the object's own apiVersion and kind decide; unknown kinds are kept as they are. */
  schema?: string;
  /** Look for unknown and duplicate fields; `converted` tells of them as upstream's converter of unstructured data does. */
  strict?: boolean | 'converted';
  /** Throws TooManyValues for more; YAML alone is counted here. */
  valuesMax?: number;
}

export interface Decoded<T extends KubeObject = KubeObject> {
  object: T;
  /** Such as `unknown field "spec.foo"`; empty unless strict. */
  strictErrors: string[];
}

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const LIST_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';

/** The text for refusing bytes: what upstream says around the list of strict errors. */
export const strictDecodingMessage = (strictErrors: readonly string[]): string => `strict decoding error: ${strictErrors.join(', ')}`;

/** Throws DecodeError with upstream's message. */
export function decode<T extends KubeObject = KubeObject>(bytes: Uint8Array | string, options: DecodeOptions = {}): Decoded<T> {
  const text = textOf(bytes);
  if (isYaml(options.mediaType)) return decodeYaml<T>(text, options);
  const value = parseJson(text);
  const { object, node, tally } = convert(value, options);
  const strictErrors: string[] = [];
  if (options.strict && (tally.unknown > 0 || tally.keys !== countColons(text)))
    strictErrors.push(...strictErrorsOf(node, readJson(text), structOf(OBJECT_META)));
  return { object: object as T, strictErrors };
}

/** A JSON text as plain data. Throws DecodeError with Go's message. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    readJson(text);
    throw new DecodeError('unexpected end of JSON input');
  }
}

function textOf(bytes: Uint8Array | string): string {
  const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

const isYaml = (mediaType: string | undefined) =>
  mediaType !== undefined && /^application\/(x-)?(apply-patch\+)?yaml|^text\/yaml/.test(mediaType);

function decodeYaml<T extends KubeObject>(text: string, options: DecodeOptions): Decoded<T> {
  const document = decodeConfiguration(text, options.valuesMax);
  const { object, node, tally } = convert(document.value, options);
  const strictErrors = options.strict ? [...document.duplicates] : [];
  if (options.strict && tally.unknown > 0) strictErrors.push(...strictErrorsOf(node, toJsonValue(document.value), structOf(OBJECT_META)));
  return { object: object as T, strictErrors };
}

function convert(
  value: unknown,
  options: DecodeOptions,
  sorted = false,
): { object: object; node: StructNode | undefined; tally: NormalizeTally } {
  const tally: NormalizeTally = { keys: 0, unknown: 0 };
  const identity = typeof value === 'object' && value !== null ? (value as KubeObject) : {};
  const node = options.schema === undefined ? schemaOfObject(identity) : structOf(options.schema);
  const object = node ? structured(node, value, tally, sorted) : normalizeUnstructured(value, tally);
  return { object, node, tally };
}

function structured(node: StructNode, value: unknown, tally: NormalizeTally, sorted: boolean): object {
  try {
    return normalizeStruct(node, value, tally, goTypeOf(node));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw firstFault(node, value, sorted) ?? error;
  }
}

const goTypes = new WeakMap<StructNode, string>();

function goTypeOf(node: StructNode): string {
  let type = goTypes.get(node);
  if (type === undefined) {
    type = node.name.split('.').slice(-2).join('.');
    goTypes.set(node, type);
  }
  return type;
}

/** Kinds without a schema keep every field; only metadata has a known shape. */
function normalizeUnstructured(value: unknown, tally: NormalizeTally): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DecodeError("Object 'Kind' is missing in '".concat(JSON.stringify(value) ?? '', "'"));
  }
  tally.keys += countKeys(value, 0);
  const source = value as Record<string, unknown>;
  if (source.metadata === undefined || source.metadata === null) return source;
  const node = structOf('items' in source && Array.isArray(source.items) ? LIST_META : OBJECT_META);
  const inner: NormalizeTally = { keys: 0, unknown: 0 };
  // Read by itself: what is wrong with it is said as of metadata alone.
  const metadata = normalizeStruct(node, source.metadata, inner, goTypeOf(node));
  tally.unknown += inner.unknown;
  return { ...source, metadata };
}

export interface NormalizeOptions extends Omit<DecodeOptions, 'mediaType'> {
  /** The first of several faults is looked for as the keys come, not as Go sorts them. */
  inOrder?: boolean;
}

/**
 * A parsed or hand-made object in the form the server stores: as if it had come as JSON. For patched objects and for
 * callers in the same process. The input isn't changed; parts without a schema are shared with it.
 */
export function normalize<T extends KubeObject = KubeObject>(value: unknown, options: NormalizeOptions = {}): Decoded<T> {
  const { object, node, tally } = convert(value, options, !options.inOrder);
  return { object: object as T, strictErrors: problemsOf(value, node, tally, options.strict) };
}

function problemsOf(value: unknown, node: StructNode | undefined, tally: NormalizeTally, strict: DecodeOptions['strict']): string[] {
  if (!strict || tally.unknown === 0) return [];
  const isConverted = strict === 'converted';
  const found = strictErrorsOf(node, toJsonValue(value), structOf(OBJECT_META), !isConverted);
  return isConverted ? found.sort() : found;
}

/**
 * The same for what a patch has made of `before`: parts that the patch left alone are taken over unseen. Those named in `shared` are the
 * same object in both; of the others each has its own, but for managedFields, which nobody changes in place.
 */
export function normalizePatched<T extends KubeObject>(
  value: T,
  before: T,
  { schema, strict, inOrder, shared }: NormalizeOptions & { schema: string; shared: ReadonlySet<string> },
): Decoded<T> {
  const node = structOf(schema);
  const tally: NormalizeTally = { keys: 0, unknown: 0 };
  const take = (name: string, part: object) => (shared.has(name) ? part : copyOf(part));
  let object: object;
  try {
    object = normalizeChanged(node, value as Plain, before as Plain, take, tally, goTypeOf(node));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    // What is wrong with it is said as of the whole.
    return normalize(value, { schema, strict, inOrder });
  }
  return { object: object as unknown as T, strictErrors: problemsOf(value, node, tally, strict) };
}

type Plain = Record<string, unknown>;

function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  const copy: Plain = {};
  for (const key in value) {
    const part = (value as Plain)[key];
    if (key === '__proto__') Object.defineProperty(copy, key, { value: part, enumerable: true, configurable: true, writable: true });
    else copy[key] = key === 'managedFields' ? part : copyOf(part);
  }
  return copy as T;
}

/**
 * The configuration of a server-side apply, YAML or JSON, as plain data with the keys that came twice, worded as goyaml does.
 * Throws DecodeError, or TooManyValues for YAML that has more than `valuesMax`.
 */
export function decodeConfiguration(bytes: Uint8Array | string, valuesMax = Number.POSITIVE_INFINITY): YamlDocument {
  const text = textOf(bytes);
  const value = text.trimStart().startsWith('{') ? jsonValue(text) : undefined;
  // Nearly every configuration is JSON without such keys, and then nothing is read twice.
  if (value !== undefined && countKeys(value, 0) === countColons(text)) return { value, duplicates: [] };
  const document = readYamlDocuments(text, valuesMax * YAML_TOKENS_OF_VALUE)[0] ?? { value: null, duplicates: [] };
  // Aliases make many of few.
  countValues(document.value, valuesMax);
  return document;
}

function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Every object of a manifest: YAML documents or JSON, Lists taken apart. For clients; nothing is pruned. */
export function parseManifest(bytes: Uint8Array | string): KubeObject[] {
  const values = readYamlDocuments(textOf(bytes)).map((document) => document.value);
  return values.filter((value) => value !== null).flatMap((value) => unfold(value as KubeObject & { items?: KubeObject[] }));
}

const unfold = (object: KubeObject & { items?: KubeObject[] }): KubeObject[] =>
  object.kind?.endsWith('List') && Array.isArray(object.items) ? object.items.flatMap(unfold) : [object];
