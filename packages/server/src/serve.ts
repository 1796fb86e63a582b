// Finds what a request is for: a resource's verb, a subresource, discovery or another document.
import { type ApiResponse, StatusError, statusError } from '@tiphys/machinery';
import { whenFresh } from './freshness.ts';
import type { RequestInfo, SubresourceHandler } from './interfaces.ts';
import { type Encoding, negotiate, type Output } from './output/negotiate.ts';
import { convertsMeta, transformed } from './output/transform.ts';
import type { RequestContext } from './request/context.ts';
import { guardBody } from './request/guard-body.ts';
import { listOptions } from './request/list-options.ts';
import type { Endpoint, Resources } from './resources.ts';
import { create } from './verbs/create.ts';
import { deleteCollection, deleteVerb } from './verbs/delete.ts';
import { get } from './verbs/get.ts';
import { list, listConverted } from './verbs/list.ts';
import { patch } from './verbs/patch.ts';
import { getScale, patchScale, SCALE_COLUMNS, updateScale } from './verbs/scale.ts';
import { createSubresource } from './verbs/subresource.ts';
import { createsMissing, rulesOf, update, updateWith } from './verbs/update.ts';
import { watch } from './verbs/watch.ts';

type Verb = (context: RequestContext, endpoint: Endpoint) => Promise<ApiResponse> | ApiResponse;

const listVerb: Verb = async (context, endpoint) => {
  const options = listOptions(context.info, endpoint);
  const body = endpoint.asksToConvert ? await listConverted(endpoint, options) : list(endpoint, options);
  return { status: 200, headers: {}, body };
};
const watchVerb: Verb = (context, endpoint) => ({
  status: 200,
  headers: {},
  body: { kind: 'watch', watch: watch(context.core, endpoint, listOptions(context.info, endpoint), context.request.signal) },
});

const COLLECTION_VERBS: Record<string, Verb> = { create, list: listVerb, watch: watchVerb, deletecollection: deleteCollection };
const OBJECT_VERBS: Record<string, Verb> = { get, watch: watchVerb, delete: deleteVerb, update, patch };
const SCALE_VERBS: Record<string, Verb> = { get: getScale, update: updateScale, patch: patchScale };

/** Upstream's router knows no more than the path when it says this. */
export const methodNotAllowed = () =>
  new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

export const notFoundPath = () => new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});

const BUILT_IN_ENCODINGS: readonly Encoding[] = ['json', 'yaml', 'protobuf'];
const CUSTOM_ENCODINGS: readonly Encoding[] = ['json', 'yaml'];

/** With what the edge needs to turn the body into bytes. */
export interface NegotiatedResponse extends ApiResponse {
  output?: Output;
}

const NO_PAGE: ApiResponse = {
  status: 404,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' },
  body: { kind: 'bytes', bytes: Buffer.from('404 page not found\n') },
};

export interface ServeOptions {
  resources: Resources;
  handlers: readonly SubresourceHandler[];
  /** Requests that another server answers; undefined for everything else. */
  delegation(context: RequestContext): Promise<ApiResponse> | undefined;
  /** Documents outside the resources; undefined when the path is none of them. */
  document(context: RequestContext): Promise<ApiResponse | undefined> | ApiResponse | undefined;
}

export class Server {
  readonly #options: ServeOptions;

  constructor(options: ServeOptions) {
    this.#options = options;
  }

  async serve(context: RequestContext): Promise<ApiResponse> {
    const { info } = context;
    const delegated = this.#options.delegation(context);
    if (delegated) return delegated;
    if (!info.isResourceRequest) {
      guardBody(context.request);
      const document = await this.#options.document(context);
      return document ?? NO_PAGE;
    }
    const endpoint = this.#options.resources.find(info.apiGroup, info.apiVersion, info.resource);
    if (!endpoint) throw notFoundPath();
    if (endpoint.definition.fault) throw statusError.internal(endpoint.definition.fault);
    guardBody(context.request, endpoint.definition.valuesMax);
    if (endpoint.definition.warning) context.warnings.push(endpoint.definition.warning);
    const fresh = whenFresh(context);
    if (fresh) await fresh;
    const encodings = endpoint.codec.protobuf ? BUILT_IN_ENCODINGS : CUSTOM_ENCODINGS;
    if (info.subresource !== '' && this.#handler(info)) return this.#handler(info)!.handle(context.request, info, context.user);
    // What is answered rather than stored has no metadata to show.
    const converts = endpoint.definition.verbs.includes('get') ? convertsMeta : () => false;
    const output = negotiate(context.request.headers, info.query, { encodings, stream: info.verb === 'watch', converts });
    const response: NegotiatedResponse = await this.#resource(context, endpoint);
    const nowMs = context.core.runtime.clock.now();
    const columns = info.subresource === 'scale' ? { columns: SCALE_COLUMNS } : {};
    const body = output.convert ? transformed({ endpoint, output, query: info.query, nowMs, ...columns }, response.body) : response.body;
    return { ...response, body, output } as NegotiatedResponse;
  }

  async #resource(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
    const { info } = context;
    if (info.subresource !== '') return this.#subresource(context, endpoint);
    const reads = info.verb === 'list' || info.verb === 'watch';
    if (endpoint.type.namespaced && info.namespace === '' && !reads && (info.name !== '' || info.verb === 'create')) throw notFoundPath();
    if (!endpoint.type.namespaced && info.namespace !== '' && info.resource !== 'namespaces') throw notFoundPath();
    const verb = (info.name === '' || info.verb === 'list' ? COLLECTION_VERBS : OBJECT_VERBS)[info.verb];
    if (!verb || !endpoint.definition.verbs.includes(info.verb)) throw methodNotAllowed();
    return verb(context, endpoint);
  }

  async #subresource(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
    const { info } = context;
    const verb = this.#subresourceVerb(endpoint, info.subresource, info.verb);
    if (verb) return verb(context, endpoint);
    if (served(endpoint, info.subresource)) throw methodNotAllowed();
    throw endpoint.codec.selfNamed ? statusError.notFound(endpoint.type, info.name) : notFoundPath();
  }

  #handler(info: RequestInfo): SubresourceHandler | undefined {
    return this.#options.handlers.find(
      (handler) => handler.group === info.apiGroup && handler.resource === info.resource && handler.subresource === info.subresource,
    );
  }

  #subresourceVerb(endpoint: Endpoint, name: string, verb: string): Verb | undefined {
    const { definition } = endpoint;
    if (name === 'scale' && definition.scale) return SCALE_VERBS[verb];
    if (verb === 'create' && definition.subresources?.find((one) => one.name === name)?.create) return createSubresource;
    if (!rulesOf(endpoint, name)) return undefined;
    return { get, update: updateSubresource, patch }[verb] as Verb | undefined;
  }
}

const served = (endpoint: Endpoint, name: string): boolean => {
  const { definition } = endpoint;
  if (name === 'status') return definition.status !== undefined;
  if (name === 'scale') return definition.scale !== undefined;
  return definition.subresources?.some((one) => one.name === name) ?? false;
};

const updateSubresource: Verb = (context, endpoint) =>
  updateWith(context, endpoint, rulesOf(endpoint, context.info.subresource)!, createsMissing(endpoint, context.info.subresource));
