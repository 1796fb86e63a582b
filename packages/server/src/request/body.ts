// Reads the object a request carries: content type, field validation, kind and version, and where it belongs
// (apiserver endpoints/handlers/create.go, rest.go).
import { apiVersionOf, decodeConfiguration, jsonTypeName, PROTOBUF_MEDIA_TYPE, typeNameOfKind } from '@tiphys/api';
import { type StatusError, statusError } from '@tiphys/machinery';
import type { PlainObject } from '../cache/entry.ts';
import { type DecodedObject, DecodeError, type ObjectCodec } from '../codec.ts';
import type { RequestContext } from './context.ts';
import type { FieldValidation } from './write-options.ts';

export const JSON_TYPE = 'application/json';
export const YAML_TYPE = 'application/yaml';

export interface Expected {
  group: string;
  version: string;
  kind: string;
}

export function mediaType(header: string | undefined): string {
  return (header ?? '').split(';')[0]!.trim().toLowerCase();
}

export function unsupportedMediaType(supported: readonly string[]): StatusError {
  return statusError.unsupportedMediaType(
    `the body of the request was in an unknown format - accepted media types include: ${supported.join(', ')}`,
  );
}

export const NOTHING_SHARED: ReadonlySet<string> = new Set();
/** A write of the status takes all but metadata and status over from the old object, so they may be the old one's own. */
const STATUS_SHARES: ReadonlySet<string> = new Set(['spec', 'data']);

/** Parts that an object may have in common with the one whose place it takes. */
export const sharedBy = (subresource: string): ReadonlySet<string> => (subresource === 'status' ? STATUS_SHARES : NOTHING_SHARED);

export const bodyText = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');

/** Throws for a body that nobody reads. A create is asked this before its options are looked at, an update after. */
export function checkMediaType({ request: { body, headers } }: RequestContext, codec: ObjectCodec): string {
  if (body !== undefined && !(body instanceof Uint8Array)) return JSON_TYPE;
  const supported = codec.protobuf ? [JSON_TYPE, YAML_TYPE, PROTOBUF_MEDIA_TYPE] : [JSON_TYPE, YAML_TYPE];
  const type = mediaType(headers['content-type']) || JSON_TYPE;
  // Upstream lists the form that custom resources do not have.
  if (!supported.includes(type)) throw unsupportedMediaType([JSON_TYPE, YAML_TYPE, PROTOBUF_MEDIA_TYPE]);
  return type;
}

/** The object that stands where the sent one goes, and which of its parts the two may have in common. */
export interface Standing {
  object: PlainObject;
  shared: ReadonlySet<string>;
}

/**
 * The decoded and defaulted body. Never shared but for the parts that `standing` names: it may be changed. In process a caller sends what
 * it was given with something changed, and parts that are the standing object's own are not looked at again.
 */
export function decodeBody(
  context: RequestContext,
  expected: Expected,
  codec: ObjectCodec,
  validation: FieldValidation,
  standing?: Standing,
): PlainObject {
  const { body } = context.request;
  const strict = validation !== 'Ignore';
  try {
    if (body !== undefined && !(body instanceof Uint8Array)) {
      const { object: before, shared = NOTHING_SHARED } = standing ?? {};
      const decoded =
        (before && codec.normalizePatched?.(body as PlainObject, before, { strict, shared })) ?? codec.normalize(body, { strict });
      const object = identified(context, decoded, expected, validation);
      return told(context, (before && codec.applyDefaultsPatched?.(object, before)) ?? codec.applyDefaults(object));
    }
    const decoded = codec.decode(body ?? new Uint8Array(0), { mediaType: checkMediaType(context, codec), strict });
    const identify = codec.selfNamed ? selfNamed : identified;
    return told(context, codec.applyDefaults(identify(context, decoded, expected, validation)));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const sent = sentWith(context.request);
    const unreadable = unreadableYaml(error, expected, sent);
    if (unreadable) throw unreadable;
    throw codec.selfNamed ? undecodableCustom(error, expected, sent, strict) : undecodable(error, expected, sent);
  }
}

function told(context: RequestContext, object: PlainObject): PlainObject {
  context.audit?.requestObject(object);
  return object;
}

/** How much of a body that can't be read is shown. */
const SHOWN_BYTES_MAX = 30;

function summary(body: unknown): string {
  if (!(body instanceof Uint8Array) || body.length === 0) return '<empty>';
  const shown = Buffer.from(body.subarray(0, SHOWN_BYTES_MAX));
  const text = body[0] === 0x7b ? shown.toString('utf8') : shown.toString('hex');
  return body.length > SHOWN_BYTES_MAX ? `${text} ...` : text;
}

/** Upstream first looks for the version and kind alone, in a struct without a name. */
const IDENTITY_TYPE = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** What a JSON text may begin with. Everything else need not be read to know that it is none. */
const JSON_BEGINNINGS = new Set(Buffer.from('{["-0123456789tfn \t\r\n'));
/** Of YAML that says who it is, more is not read again. */
const IDENTITY_VALUES_MAX = 20_000;

/** What was sent, as it came and as far as it can be read at all: JSON or YAML. */
interface Sent {
  body: unknown;
  value: unknown;
}

function sentWith({ body, headers }: RequestContext['request']): Sent {
  if (!(body instanceof Uint8Array)) return { body, value: body };
  const isYaml = mediaType(headers['content-type']) === YAML_TYPE;
  if (!isYaml && !JSON_BEGINNINGS.has(body[0]!)) return { body, value: undefined };
  try {
    const text = bodyText(body);
    return { body, value: isYaml ? decodeConfiguration(text, IDENTITY_VALUES_MAX).value : JSON.parse(text) };
  } catch {
    return { body, value: undefined };
  }
}

/** Text that is no YAML, or holds what JSON has no word for, is nobody's object. */
function unreadableYaml({ message }: DecodeError, { kind }: Expected, { body }: Sent): StatusError | undefined {
  const fault = /^(?:error converting YAML to JSON: (yaml: [\s\S]*)|(json: unsupported value: .*))$/.exec(message);
  if (!fault) return undefined;
  return statusError.badRequest(
    `the object provided is unrecognized (must be of type ${kind}): ${fault[1] ?? fault[2]} (${summary(body)})`,
  );
}

/** What keeps the version and kind from being found, if anything does. */
function identityFault(error: DecodeError, { body, value }: Sent): string | undefined {
  if (/^(unexpected end of JSON|invalid character)/.test(error.message)) return error.message;
  if (!(body instanceof Uint8Array) || body[0] === undefined) return undefined;
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) {
    return `json: cannot unmarshal ${jsonTypeName(value)} into Go value of type ${IDENTITY_TYPE}`;
  }
  for (const name of ['apiVersion', 'kind']) {
    const given = (value as Record<string, unknown>)[name];
    if (given === undefined || given === null || typeof given === 'string') continue;
    return `json: cannot unmarshal ${jsonTypeName(given)} into Go struct field .${name} of type string`;
  }
  return undefined;
}

/** Which kind the data says it is, when it can be told. */
const namedKind = ({ value }: Sent): { apiVersion?: string; kind?: string } => (value ?? {}) as object;

function undecodable(error: DecodeError, expected: Expected, sent: Sent): StatusError {
  const { kind, version } = expected;
  const fault = identityFault(error, sent);
  if (fault !== undefined) {
    const why = `couldn't get version/kind; json parse error: ${fault} (${summary(sent.body)})`;
    return statusError.badRequest(`the object provided is unrecognized (must be of type ${kind}): ${why}`);
  }
  const named = namedKind(sent);
  const message = `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${error.message}`;
  // Upstream makes an object of the kind first, and then reads it.
  return otherKind(named.apiVersion || apiVersionOf(expected), named.kind || kind, expected) ?? statusError.badRequest(message);
}

const KIND_MISSING = "Object 'Kind' is missing";

/** Upstream's strict reader of custom resources finds the kind missing before it looks at anything else. */
function undecodableCustom(error: DecodeError, expected: Expected, sent: Sent, strict: boolean): StatusError {
  const fault = identityFault(error, sent);
  const { apiVersion, kind } = namedKind(sent);
  if (fault !== undefined) return undecodable(error, expected, sent);
  if (!kind && strict) {
    const text = sent.body instanceof Uint8Array ? bodyText(sent.body) : '';
    const why = `${KIND_MISSING} in '${text}' (${summary(sent.body)})`;
    return statusError.badRequest(`the object provided is unrecognized (must be of type ${expected.kind}): ${why}`);
  }
  return notHandled(kind || expected.kind, apiVersion || apiVersionOf(expected), expected, error.message);
}

const notHandled = (kind: string, apiVersion: string, expected: Expected, why: string) =>
  statusError.badRequest(
    `${kind} in version ${JSON.stringify(apiVersion.split('/').at(-1))} cannot be handled as a ${expected.kind}: ${why}`,
  );

/** The refusal of data of another kind or version than is expected. */
function otherKind(apiVersion: string, kind: string, expected: Expected): StatusError | undefined {
  const wanted = apiVersionOf(expected);
  const handled = `${kind} in version ${JSON.stringify(apiVersion.split('/').at(-1))} cannot be handled as a ${expected.kind}`;
  const unknown = (version: string) =>
    `${handled}: no kind "${kind}" is registered for version "${version}" in scheme "pkg/runtime/scheme.go:111"`;
  if (apiVersion !== wanted) {
    const [version = '', group = ''] = apiVersion.split('/').reverse();
    return statusError.badRequest(
      typeNameOfKind(group, version, kind)
        ? `the API version in the data (${apiVersion}) does not match the expected API version (${wanted})`
        : unknown(apiVersion),
    );
  }
  if (kind === expected.kind) return undefined;
  if (!typeNameOfKind(expected.group, expected.version, kind)) return statusError.badRequest(unknown(wanted));
  const internal = expected.group.split('.')[0] || 'core';
  return statusError.badRequest(
    `${handled}: converting (${expected.version}.${kind}) to (${internal}.${expected.kind}): unknown conversion`,
  );
}

function identified(
  context: RequestContext,
  { object, strictErrors }: DecodedObject,
  expected: Expected,
  validation: FieldValidation,
): PlainObject {
  object.apiVersion ||= apiVersionOf(expected);
  object.kind ||= expected.kind;
  const refusal = otherKind(object.apiVersion, object.kind, expected);
  if (refusal) throw refusal;
  if (strictErrors.length > 0) {
    if (validation === 'Strict') {
      throw statusError.badRequest(
        `${expected.kind} in version ${JSON.stringify(expected.version)} cannot be handled as a ${expected.kind}: strict decoding error: ${strictErrors.join(', ')}`,
      );
    }
    context.warnings.push(...strictErrors);
  }
  object.metadata ??= {};
  return object;
}

/** A custom resource says itself what it is: nothing is taken for granted, and its kind is judged by its rules. */
function selfNamed(
  context: RequestContext,
  { object, strictErrors }: DecodedObject,
  expected: Expected,
  validation: FieldValidation,
): PlainObject {
  const { kind, apiVersion = '' } = object;
  if (!kind || typeof kind !== 'string' || typeof apiVersion !== 'string')
    throw new DecodeError(`${KIND_MISSING} in '${sentText(context)}'`);
  if (strictErrors.length > 0) {
    if (validation === 'Strict') throw notHandled(kind, apiVersion, expected, `strict decoding error: ${strictErrors.join(', ')}`);
    context.warnings.push(...strictErrors);
  }
  const wanted = apiVersionOf(expected);
  if (apiVersion !== wanted) {
    throw statusError.badRequest(`the API version in the data (${apiVersion}) does not match the expected API version (${wanted})`);
  }
  object.metadata ??= {};
  return object;
}

const sentText = ({ request: { body } }: RequestContext) => (body instanceof Uint8Array ? bodyText(body) : JSON.stringify(body ?? {}));

/** The object belongs to the request's namespace, or says nothing of it. */
export function matchNamespace(object: PlainObject, namespace: string, namespaced: boolean): void {
  const metadata = object.metadata!;
  const expected = namespaced ? namespace : '';
  if ((metadata.namespace ?? '') === expected) return;
  if (!metadata.namespace) metadata.namespace = expected;
  else if (expected === '') delete metadata.namespace;
  else throw statusError.badRequest('the namespace of the provided object does not match the namespace sent on the request');
}
