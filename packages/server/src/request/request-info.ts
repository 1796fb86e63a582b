// What a request is about, read from its method and path (apiserver endpoints/request/requestinfo.go).
import type { HttpMethod } from '@tiphys/machinery';
import { statusError } from '@tiphys/machinery';
import type { RequestInfo } from '../interfaces.ts';

const VERBS: Partial<Record<HttpMethod, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
/** Tells a subresource of a namespace from a resource inside it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);
const PATH_VERBS = new Set(['proxy', 'watch']);
const EXACT_NAME = /(?:^|,)metadata\.name==?([^,]+)(?:,|$)/;

const isTrue = (value: string | null) => value !== null && value !== 'false' && value !== '0';

function segmentsOf(path: string): string[] {
  const trimmed = path.replace(/^\/+|\/+$/g, '');
  return trimmed === '' ? [] : trimmed.split('/').map(decoded);
}

function decoded(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    throw statusError.badRequest(`invalid URL escape in ${JSON.stringify(segment)}`);
  }
}

/** Throws BadRequest for a path that can't be read. */
export function requestInfo(method: HttpMethod, url: string): RequestInfo {
  const question = url.indexOf('?');
  const path = question === -1 ? url : url.slice(0, question);
  const query = new URLSearchParams(question === -1 ? '' : url.slice(question + 1));
  const info: RequestInfo = {
    verb: method.toLowerCase(),
    isResourceRequest: false,
    path,
    apiGroup: '',
    apiVersion: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    query,
  };
  let parts = segmentsOf(path);
  const prefix = parts[0];
  if (prefix !== 'api' && prefix !== 'apis') return info;
  if (parts.length < (prefix === 'api' ? 3 : 4)) return info;
  if (prefix === 'apis') info.apiGroup = parts[1]!;
  parts = parts.slice(prefix === 'api' ? 1 : 2);
  info.isResourceRequest = true;
  info.apiVersion = parts[0]!;
  parts = parts.slice(1);
  info.verb = VERBS[method] ?? '';
  if (PATH_VERBS.has(parts[0]!)) {
    if (parts.length < 2) throw statusError.badRequest(`unable to determine kind and namespace from url, ${url}`);
    info.verb = parts[0]!;
    parts = parts.slice(1);
  }
  if (parts[0] === 'namespaces' && parts.length > 1) {
    info.namespace = parts[1]!;
    if (parts.length > 2 && !NAMESPACE_SUBRESOURCES.has(parts[2]!)) parts = parts.slice(2);
  }
  info.resource = parts[0] ?? '';
  info.name = parts[1] ?? '';
  if (info.verb !== 'proxy') info.subresource = parts[2] ?? '';
  if (info.name === '') collectionVerb(info);
  return info;
}

/** Without a name a get is a list or a watch, and a delete is of the collection. */
function collectionVerb(info: RequestInfo): void {
  if (info.verb === 'delete') info.verb = 'deletecollection';
  if (info.verb !== 'get') return;
  info.verb = isTrue(info.query.get('watch')) ? 'watch' : 'list';
  info.name = EXACT_NAME.exec(info.query.get('fieldSelector') ?? '')?.[1] ?? '';
}
