// One request from beginning to end: who asks, may they, and the verb (the handler chain of apiserver server/config.go).
import { type ApiRequest, type ApiResponse, StatusError, statusError, type UserInfo } from '@tiphys/machinery';
import type { Authenticator, Authorizer, RequestInfo } from './interfaces.ts';
import type { Metrics } from './metrics.ts';
import type { Core, RequestContext } from './request/context.ts';
import { requestInfo } from './request/request-info.ts';
import { admitConnection } from './verbs/connect.ts';

export interface PipelineOptions {
  core: Core;
  authenticators: readonly Authenticator[];
  authorizer: Authorizer | undefined;
  metrics: Metrics;
  serve(context: RequestContext): Promise<ApiResponse> | ApiResponse;
}

/** Requests being answered at once, watches not counted; more are told to come again. */
export const REQUESTS_IN_FLIGHT_MAX = 10_000;

const ANONYMOUS: UserInfo = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

export function statusResponse(error: StatusError, warnings: readonly string[] = []): ApiResponse {
  const retry = error.details?.retryAfterSeconds;
  return {
    status: error.code,
    headers: retry ? { 'retry-after': String(retry) } : {},
    ...(warnings.length > 0 ? { warnings } : {}),
    body: { kind: 'object', object: error.status() as object },
  };
}

export class Pipeline {
  readonly #options: PipelineOptions;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  async handle(request: ApiRequest): Promise<ApiResponse> {
    const { metrics } = this.#options;
    const seen: { info?: RequestInfo } = {};
    if (metrics.inFlight >= REQUESTS_IN_FLIGHT_MAX) {
      return statusResponse(
        statusError.tooManyRequests('The apiserver cannot handle any more requests at the moment, please try again later.', 1),
      );
    }
    metrics.begin();
    const response = await this.#answer(request, seen);
    metrics.end(seen.info, response.status);
    return response;
  }

  async #answer(request: ApiRequest, seen: { info?: RequestInfo }): Promise<ApiResponse> {
    const warnings: string[] = [];
    try {
      const context = await this.admitted(request, warnings);
      seen.info = context.info;
      const response = await this.#options.serve(context);
      if (warnings.length === 0) return response;
      return { ...response, body: response.body, warnings: [...(response.warnings ?? []), ...new Set(warnings)] };
    } catch (error) {
      return statusResponse(this.toStatus(error, request), warnings);
    }
  }

  /** Authenticates and authorizes; also the way in for connections that are upgraded. Throws StatusError. */
  async admitted(request: ApiRequest, warnings: string[] = []): Promise<RequestContext> {
    const { core } = this.#options;
    const info = requestInfo(request.method, request.url);
    const user = request.user ?? (await this.#authenticate(request));
    await this.#authorize(info, user);
    const auditAnnotations = new Map<string, string>();
    const context: RequestContext = {
      core,
      request,
      info,
      user,
      warnings,
      auditAnnotations,
      authorize: (verb) => this.#authorize({ ...info, verb }, user),
    };
    await admitConnection(context);
    return context;
  }

  /** Anything but a StatusError is our fault: it is logged in full and told in general. */
  toStatus(error: unknown, request: ApiRequest): StatusError {
    if (error instanceof StatusError) return error;
    this.#options.core.runtime.log.error('a request failed', error, { method: request.method, url: request.url });
    return statusError.internal(error instanceof Error ? error.message : String(error), error);
  }

  async #authenticate(request: ApiRequest): Promise<UserInfo> {
    for (const authenticator of this.#options.authenticators) {
      const user = await authenticator.authenticate(request);
      if (user) return user;
    }
    return ANONYMOUS;
  }

  async #authorize(info: RequestInfo, user: UserInfo): Promise<void> {
    const { authorizer } = this.#options;
    if (!authorizer) return;
    const selectors = info.verb === 'list' || info.verb === 'watch' || info.verb === 'deletecollection';
    const fieldSelector = selectors ? info.query.get('fieldSelector') : null;
    const labelSelector = selectors ? info.query.get('labelSelector') : null;
    const decision = await authorizer.authorize({
      user,
      verb: info.verb,
      isResourceRequest: info.isResourceRequest,
      path: info.path,
      apiGroup: info.apiGroup,
      apiVersion: info.apiVersion,
      namespace: info.namespace,
      resource: info.resource,
      subresource: info.subresource,
      name: info.name,
      ...(fieldSelector ? { fieldSelector } : {}),
      ...(labelSelector ? { labelSelector } : {}),
    });
    if (decision.decision !== 'allow') throw forbidden(info, user, decision.reason);
  }
}

/** Upstream's sentence (apiserver endpoints/handlers/responsewriters/errors.go). */
export function forbidden(info: RequestInfo, user: UserInfo, reason: string): StatusError {
  const why = reason ? `: ${reason}` : '';
  const who = `User ${JSON.stringify(user.name)} cannot ${info.verb}`;
  if (!info.isResourceRequest) {
    return new StatusError(403, 'Forbidden', `forbidden: ${who} path ${JSON.stringify(info.path)}${why}`, {});
  }
  const subject = { group: info.apiGroup, resource: info.resource };
  const resource = info.subresource ? `${info.resource}/${info.subresource}` : info.resource;
  const where = info.namespace ? ` in the namespace ${JSON.stringify(info.namespace)}` : ' at the cluster scope';
  return statusError.forbidden(
    subject,
    info.name,
    `${who} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(info.apiGroup)}${where}${why}`,
  );
}
