// Reads the object a request carries: content type, JSON or YAML, kind and version, and where it belongs
// (apiserver endpoints/handlers/create.go, rest.go).
import { apiVersionOf } from '@tiphys/api';
import { type StatusError, statusError } from '@tiphys/machinery';
import { parse } from 'yaml';
import type { PlainObject } from '../cache/entry.ts';
import type { Endpoint } from '../resources.ts';
import type { RequestContext } from './context.ts';
import type { FieldValidation } from './write-options.ts';

const SUPPORTED = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

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

function parseText(text: string, type: string): unknown {
  try {
    return type === 'application/yaml' ? parse(text) : JSON.parse(text);
  } catch (error) {
    throw statusError.badRequest((error as Error).message);
  }
}

/** The decoded body, not yet checked against a schema. Never shared: it may be changed. */
export function decodeBody(context: RequestContext, expected: Expected, _validation: FieldValidation = 'Ignore'): PlainObject {
  const { body, headers } = context.request;
  if (body === undefined) throw statusError.badRequest('the request has no body');
  if (!(body instanceof Uint8Array)) return checked(structuredClone(body), expected);
  const type = mediaType(headers['content-type']) || 'application/json';
  if (!SUPPORTED.includes(type)) throw unsupportedMediaType(SUPPORTED);
  return checked(parseText(Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8'), type), expected);
}

function checked(value: unknown, expected: Expected): PlainObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw statusError.badRequest("couldn't get version/kind; json parse error: the body is not an object");
  }
  const object = value as PlainObject;
  const apiVersion = apiVersionOf(expected);
  const { kind = expected.kind, apiVersion: version = apiVersion } = object;
  if (version !== apiVersion) {
    throw statusError.badRequest(`the API version in the data (${version}) does not match the expected API version (${apiVersion})`);
  }
  if (kind !== expected.kind) {
    throw statusError.badRequest(
      `${kind} in version ${JSON.stringify(expected.version)} cannot be handled as a ${expected.kind}: the kind of the body does not match`,
    );
  }
  object.kind = kind;
  object.apiVersion = version;
  object.metadata ??= {};
  return object;
}

/** The object belongs to the request's namespace, or says nothing of it. */
export function matchNamespace(object: PlainObject, namespace: string, namespaced: boolean): void {
  const metadata = object.metadata!;
  const expected = namespaced ? namespace : '';
  if ((metadata.namespace ?? '') === expected) return;
  if (!metadata.namespace) metadata.namespace = expected;
  else if (expected === '') delete metadata.namespace;
  else throw statusError.badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

export const expectedOf = (endpoint: Endpoint): Expected => endpoint.type;
