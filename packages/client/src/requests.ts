// Turns calls into wire requests and wire answers into objects or errors (client-go rest/request.go).
import type { KubeObject } from '@tiphys/api';
import { type ApiBody, type ApiResponse, type Status, type StatusDetails, StatusError } from '@tiphys/machinery';
import type { ListOptions, PatchType, WatchOptions, WriteOptions } from './client.ts';

type Query = Record<string, string | number | boolean | undefined>;

/** A path with its query; parameters that are undefined or empty are left out. */
export function urlOf(path: string, query: Query = {}): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== '' && value !== false) parts.push(`${key}=${encodeURIComponent(String(value))}`);
  }
  return parts.length === 0 ? path : `${path}?${parts.join('&')}`;
}

export function listQuery(options: ListOptions): Query {
  return {
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    limit: options.limit,
    continue: options.continue,
    resourceVersion: options.resourceVersion,
    resourceVersionMatch: options.resourceVersionMatch,
  };
}

export function watchQuery(options: WatchOptions): Query {
  return {
    ...listQuery(options),
    // sendInitialEvents is only valid together with this match rule (KEP-3157).
    ...(options.sendInitialEvents ? { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' } : {}),
    allowWatchBookmarks: options.allowWatchBookmarks,
    timeoutSeconds: options.timeoutSeconds,
    watch: true,
  };
}

export function writeQuery(options: WriteOptions & { force?: boolean }): Query {
  return {
    dryRun: options.dryRun ? 'All' : undefined,
    fieldManager: options.fieldManager,
    fieldValidation: options.fieldValidation,
    force: options.force,
  };
}

export const PATCH_CONTENT_TYPES: Record<PatchType, string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

const isStatusObject = (object: unknown): object is Status =>
  typeof object === 'object' && object !== null && (object as KubeObject).kind === 'Status';

/** Upstream's wording when a server answers with something else than a Status (apimachinery NewGenericServerResponse). */
const GENERIC: Record<number, [reason: string, message: string]> = {
  400: ['BadRequest', 'the server rejected our request for an unknown reason'],
  401: ['Unauthorized', 'the server has asked for the client to provide credentials'],
  403: ['Forbidden', 'unknown'],
  404: ['NotFound', 'the server could not find the requested resource'],
  405: ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
  406: ['NotAcceptable', 'the server was unable to respond with a content type that the client supports'],
  409: ['Conflict', 'the server reported a conflict'],
  410: ['Gone', 'the server reported that the resource is gone'],
  413: ['RequestEntityTooLarge', 'Request entity is too large'],
  415: ['UnsupportedMediaType', 'the server was unable to process the request with the content type'],
  422: ['Invalid', 'the server rejected our request due to an error in our request'],
  429: ['TooManyRequests', 'the server has received too many requests and has asked us to try again later'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: ['Timeout', 'the server was unable to return a response in the time allotted, but may still be processing the request'],
};

/** A Status object, as a body or as a watch's ERROR event, as the error it describes. */
export function errorFromStatus(status: unknown, code = 500): StatusError {
  if (isStatusObject(status)) {
    const details: StatusDetails | undefined = status.details;
    return new StatusError(status.code ?? code, status.reason ?? '', status.message ?? '', details);
  }
  const [reason, message] = GENERIC[code] ?? [
    code >= 500 ? 'InternalError' : '',
    code >= 500
      ? 'an error on the server ("unknown") has prevented the request from succeeding'
      : `the server responded with the status code ${code} but did not return more information`,
  ];
  return new StatusError(code, reason, typeof status === 'string' && status !== '' ? `${message}: ${status}` : message);
}

const decoder = new TextDecoder();

async function collect(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const streaming = new TextDecoder();
  let text = '';
  for await (const chunk of stream) text += streaming.decode(chunk, { stream: true });
  return text + streaming.decode();
}

const parsed = (text: string, contentType: string): unknown => (contentType.includes('json') && text !== '' ? JSON.parse(text) : text);

/** The decoded JSON, or the text when it is none. */
export async function bodyValue(body: ApiBody, headers: Readonly<Record<string, string>>): Promise<unknown> {
  const contentType = headers['content-type'] ?? '';
  if (body.kind === 'object') return body.object;
  if (body.kind === 'bytes') return parsed(decoder.decode(body.bytes), contentType);
  if (body.kind === 'stream') return parsed(await collect(body.stream), contentType);
  return undefined;
}

/** The answer's object; rejects with StatusError for every code from 400 on. */
export async function objectOf<T>(response: ApiResponse): Promise<T> {
  const value = await bodyValue(response.body, response.headers);
  if (response.status >= 400) throw errorFromStatus(value, response.status);
  return value as T;
}
