// PATCH in its four forms (apiserver endpoints/handlers/patch.go).
import { decodeConfiguration, jsonTypeName, parseJson, TooManyValues } from '@tiphys/api';
import {
  type ApiResponse,
  applyJsonPatch,
  applyMergePatch,
  type FieldError,
  fieldError,
  goText,
  kindText,
  StatusError,
  serverSideApply,
  statusError,
  subjectText,
} from '@tiphys/machinery';
import { type UpdateRules, VALUES_MAX } from '@tiphys/registry';
import type { PlainObject } from '../cache/entry.ts';
import { type DecodedObject, DecodeError } from '../codec.ts';
import { bodyText, mediaType, sharedBy, unsupportedMediaType } from '../request/body.ts';
import type { RequestContext } from '../request/context.ts';
import { type WriteOptions, writeOptions } from '../request/write-options.ts';
import type { Endpoint } from '../resources.ts';
import { fieldManager, trackedType } from './prepare.ts';
import { createsMissing, rulesOf, updatedResponse, updateObject } from './update.ts';

export const JSON_PATCH = 'application/json-patch+json';
export const MERGE_PATCH = 'application/merge-patch+json';
export const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json';
export const APPLY_PATCH = 'application/apply-patch+yaml';

function accepted(endpoint: Endpoint): string[] {
  const types = [JSON_PATCH, MERGE_PATCH];
  if (endpoint.codec.strategicMerge) types.push(STRATEGIC_MERGE_PATCH);
  return [...types, APPLY_PATCH];
}

/** The patch's type, or the refusal of one that the resource doesn't take. */
export function patchType(context: RequestContext, endpoint: Endpoint): string {
  const type = mediaType(context.request.headers['content-type']);
  const types = accepted(endpoint);
  if (types.includes(type)) return type;
  // Of built-in kinds upstream's router says it, of custom ones the handler.
  throw endpoint.codec.strategicMerge
    ? new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {})
    : unsupportedMediaType(types);
}

/** What Go reads a patch into, by its type. */
const GO_TYPES: Record<string, string> = {
  [JSON_PATCH]: '[]handlers.jsonPatchOp',
  [MERGE_PATCH]: 'map[string]interface {}',
  [STRATEGIC_MERGE_PATCH]: 'map[string]interface {}',
};

/** The patch itself as data; nothing at all where it says null. Keys of a configuration that came twice are added to the list. */
export function patchBody(context: RequestContext, type: string, duplicates: string[] = [], valuesMax = VALUES_MAX): unknown {
  const { body } = context.request;
  if (body !== undefined && !(body instanceof Uint8Array)) return body;
  const bytes = body ?? new Uint8Array(0);
  if (type === APPLY_PATCH) {
    try {
      const configuration = decodeConfiguration(bytes, valuesMax);
      duplicates.push(...configuration.duplicates);
      return configuration.value;
    } catch (error) {
      if (error instanceof TooManyValues) throw error;
      throw statusError.badRequest(`error decoding YAML: ${(error as Error).message}`);
    }
  }
  // Strategic merge patches are told without the frame.
  const frame = type === STRATEGIC_MERGE_PATCH ? '' : 'error decoding patch: ';
  let value: unknown;
  try {
    value = parseJson(bodyText(bytes));
  } catch (error) {
    throw statusError.badRequest(`${frame}${(error as Error).message}`);
  }
  if (value === null && type === MERGE_PATCH) throw statusError.badRequest('Invalid JSON Patch');
  if (value === null) return type === JSON_PATCH ? [] : {};
  const fits = type === JSON_PATCH ? Array.isArray(value) : typeof value === 'object' && !Array.isArray(value);
  if (!fits) {
    throw statusError.badRequest(`${frame}json: cannot unmarshal ${jsonTypeName(value)} into Go value of type ${GO_TYPES[type]}`);
  }
  return value;
}

export function patchOptions(context: RequestContext, type: string): WriteOptions & { force: boolean } {
  const { query } = context.info;
  const force = query.get('force');
  const errors: FieldError[] = [];
  if (type === APPLY_PATCH) {
    if (!query.get('fieldManager')) errors.push(fieldError.required('fieldManager', 'is required for apply patch'));
  } else if (force !== null) errors.push(fieldError.forbidden('force', 'may not be specified for non-apply patch'));
  return { ...writeOptions(context, 'PatchOptions', errors), force: force === 'true' || force === '1' };
}

export async function patch(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const rules = rulesOf(endpoint, context.info.subresource);
  if (!rules) throw statusError.methodNotSupported(endpoint.type, 'patch');
  return patchWith(context, endpoint, rules);
}

async function patchWith(context: RequestContext, endpoint: Endpoint, rules: UpdateRules<any>): Promise<ApiResponse> {
  const type = patchType(context, endpoint);
  const options = patchOptions(context, type);
  const duplicates: string[] = [];
  // Read when the object is at hand: that there is none comes first.
  let read: { value: unknown } | undefined;
  const body = () => {
    read ??= { value: patchBody(context, type, duplicates, endpoint.definition.valuesMax) };
    return read.value;
  };
  const applies = type === APPLY_PATCH;
  const updated = await updateObject(context, endpoint, {
    options,
    rules,
    createsMissing: applies && appliesCreate(endpoint, context.info.subresource),
    tracked: applies,
    change: applies
      ? (current) => {
          const object = applied(context, endpoint, current, body() as PlainObject, options);
          judgeDuplicates(context, duplicates, options);
          return object;
        }
      : (current) => patched(context, endpoint, current!, type, body(), options),
  });
  return updatedResponse(endpoint, updated);
}

const appliesCreate = (endpoint: Endpoint, subresource: string): boolean =>
  subresource === '' || createsMissing(endpoint, subresource) || (subresource === 'status' && endpoint.definition.statusCreates === true);

/** As upstream, only after the configuration could be applied. */
function judgeDuplicates(context: RequestContext, duplicates: readonly string[], options: WriteOptions): void {
  if (duplicates.length === 0 || options.fieldValidation === 'Ignore') return;
  const lines = duplicates.map((text) => text.split('\n').at(-1)!.trim());
  if (options.fieldValidation === 'Strict') {
    throw statusError.badRequest(
      `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  ${lines.join('\n  ')}`,
    );
  }
  context.warnings.push(...lines);
}

function applied(
  context: RequestContext,
  endpoint: Endpoint,
  current: PlainObject | undefined,
  config: PlainObject,
  options: WriteOptions & { force: boolean },
): PlainObject {
  const { namespace, subresource } = context.info;
  if (typeof config !== 'object' || config === null)
    throw statusError.badRequest('error decoding YAML: the configuration is not an object');
  const manager = fieldManager(context, endpoint, options);
  const result = serverSideApply(current, config, manager, trackedType(endpoint, subresource), options.force);
  if (!result.changed && current) return structuredClone(current);
  // Upstream's defaults come with a change of value alone, which shows where a version has defaults of its own.
  if (result.same && current && endpoint.codec.selfNamed) {
    const { managedFields } = result.object.metadata!;
    const { managedFields: _, ...metadata } = structuredClone(current.metadata!);
    return { ...structuredClone(current), metadata: managedFields ? { ...metadata, managedFields } : metadata };
  }
  const object = applicable(endpoint, result.object, config);
  const identity = current?.metadata;
  if (namespace && !object.metadata!.namespace) object.metadata!.namespace = namespace;
  if (identity) {
    // What the configuration itself says of these is a precondition, or wrong.
    const { uid, resourceVersion } = object.metadata!;
    const says = Object.hasOwn(config.metadata ?? {}, 'resourceVersion');
    const named = { ...(uid ? { uid } : {}), ...(says ? { resourceVersion: resourceVersion ?? '' } : {}) };
    Object.assign(object.metadata!, pick(identity, ['uid', 'resourceVersion', 'creationTimestamp', 'generation']), named);
  }
  return defaulted(
    () => endpoint.codec.applyDefaults(object),
    (why) => new StatusError(500, '', `failed to convert to unversioned (${subjectText(config, endpoint.apiVersion)}): ${why}`),
  );
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Partial<T> {
  const picked: Partial<T> = {};
  for (const key of keys) if (from[key] !== undefined) picked[key] = from[key];
  return picked;
}

function patched(
  context: RequestContext,
  endpoint: Endpoint,
  current: PlainObject,
  type: string,
  body: unknown,
  options: WriteOptions,
): PlainObject {
  const { codec } = endpoint;
  const shown = type === STRATEGIC_MERGE_PATCH ? () => goText(codec.consumedPatch?.(current, body as object) ?? body) : undefined;
  let value = patchValue(current, type, body, endpoint);
  if (shown !== undefined) {
    const fault = codec.conversionFault?.(value, current);
    if (fault !== undefined) throw invalidPatch(shown(), fault);
    value = codec.wrapIntegers?.(value, current) ?? value;
  }
  const shared = sharedBy(context.info.subresource);
  const how = shown === undefined ? true : 'converted';
  const strict = options.fieldValidation === 'Ignore' ? false : how;
  const inOrder = type === JSON_PATCH;
  const decoded = () =>
    codec.normalizePatched?.(value, current, { strict, inOrder, shared }) ?? codec.normalize(value, { strict, inOrder });
  const { object } = strictly(context, decoded, value, options, shown);
  // A strategic merge patch is carried out on the object, any other on its text, which is read then.
  return defaulted(
    () => codec.applyDefaultsPatched?.(object, current) ?? codec.applyDefaults(object),
    (why) => (shown === undefined ? invalidPatch(JSON.stringify(value), why) : new StatusError(500, '', why)),
  );
}

/** What upstream's conversion between the forms of a kind can't take is known when defaults are. */
function defaulted(make: () => PlainObject, refusal: (why: string) => StatusError): PlainObject {
  try {
    return make();
  } catch (error) {
    throw error instanceof DecodeError ? refusal(error.message) : error;
  }
}

/** Upstream's form of a built-in kind always has its status, empty at least: `add /status/…` finds where to add. */
function patchWithStatus(endpoint: Endpoint, current: PlainObject, body: unknown): PlainObject {
  const lacksStatus = endpoint.codec.strategicMerge && current.status === undefined && rulesOf(endpoint, 'status');
  if (!lacksStatus) return applyJsonPatch(current, body);
  const { status, ...rest } = applyJsonPatch({ ...current, status: {} } as PlainObject, body);
  const isEmpty = typeof status === 'object' && status !== null && Object.keys(status).length === 0;
  return isEmpty || status === undefined ? rest : { ...rest, status };
}

/** The patch carried out on plain data. */
export function patchValue(current: PlainObject, type: string, body: unknown, endpoint?: Endpoint): PlainObject {
  if (type === JSON_PATCH) return endpoint ? patchWithStatus(endpoint, current, body) : applyJsonPatch(current, body);
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw statusError.badRequest('error decoding patch: the patch is not an object');
  if (type === MERGE_PATCH) return applyMergePatch(current, body) as PlainObject;
  return endpoint!.codec.strategicMerge!(current, body);
}

/** What was applied as an object of the kind. The schema has judged its types; what is left are texts that are no time or quantity. */
function applicable(endpoint: Endpoint, value: PlainObject, config: PlainObject): PlainObject {
  try {
    const { object } = endpoint.codec.normalize(endpoint.codec.wrapIntegers?.(value) ?? value, { strict: false, applied: true });
    // Managers that are none are merged like all else, and can't be read now.
    const { managedFields } = config.metadata ?? {};
    const unread = managedFields && endpoint.codec.conversionFault?.({ ...value, metadata: { ...value.metadata, managedFields } });
    if (unread) throw new DecodeError(unread);
    object.metadata ??= {};
    return object;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const { apiVersion } = endpoint;
    const kind = kindText(apiVersion, endpoint.type.kind);
    const why = endpoint.codec.conversionFault?.(value) ?? error.message;
    const text = `failed to convert new object (${subjectText(config, apiVersion)}) to proper version: unable to convert unstructured object to ${kind}: ${why}`;
    throw new StatusError(500, '', text);
  }
}

/** The patched data as an object of the kind; unknown fields are an error, a warning or nothing. */
function strictly(
  context: RequestContext,
  decode: () => DecodedObject,
  value: object,
  options: WriteOptions,
  shown?: () => string,
): DecodedObject {
  const text = () => shown?.() ?? JSON.stringify(value);
  let decoded: DecodedObject;
  try {
    decoded = decode();
  } catch (error) {
    throw error instanceof DecodeError ? invalidPatch(text(), error.message) : error;
  }
  const problems = decoded.strictErrors;
  if (problems.length > 0) {
    if (options.fieldValidation === 'Strict') throw invalidPatch(text(), `strict decoding error: ${problems.join(', ')}`);
    if (options.fieldValidation === 'Warn') context.warnings.push(...problems);
  }
  decoded.object.metadata ??= {};
  return decoded;
}

export const invalidPatch = (shown: string, why: string): StatusError =>
  statusError.invalid({ group: '', kind: '' }, '', [fieldError.invalid('patch', shown, why)]);
