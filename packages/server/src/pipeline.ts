// One request from beginning to end: who asks, may they, and the verb (the handler chain of apiserver server/config.go).
import { TooManyValues } from '@tiphys/api';
import {
  type ApiBody,
  type ApiRequest,
  type ApiResponse,
  StatusError,
  statusError,
  type UserInfo,
  type WatchSubscription,
} from '@tiphys/machinery';
import type { Audited, Auditor } from './audit/auditor.ts';
import { authorizationForbidden } from './authorization/forbidden.ts';
import { ANSWER_TIMEOUT_MAX_MS } from './edge/deadline.ts';
import { type Admitted, type FlowControl, isLongRunning, type TurnedAway } from './flow-control/flow-control.ts';
import type { Authenticator, AuthorizationAttributes, Authorizer, Decision, RequestInfo } from './interfaces.ts';
import type { HistogramSeries } from './metrics/family.ts';
import type { Metrics, WatchSeries } from './metrics.ts';
import type { Core, Decided, RequestContext } from './request/context.ts';
import { requestInfo } from './request/request-info.ts';
import { admitConnection } from './verbs/connect.ts';

export interface PipelineOptions {
  core: Core;
  authenticators: readonly Authenticator[];
  authorizer: Authorizer | undefined;
  metrics: Metrics;
  /** Priority and fairness; without it every request goes on at once. */
  flowControl: FlowControl | undefined;
  /** Who writes down what is asked; without one nothing is. */
  auditor: Auditor | undefined;
  serve(context: RequestContext): Promise<ApiResponse> | ApiResponse;
}

/** Calls back when the answer has been sent or nobody waits for it any more. `limitMs`: by then the connection is given up. */
export type WhenSent = (done: () => void, limitMs?: number) => void;

/** Requests under way at once, those that wait for their turn with them, watches not counted; more are told to come again. */
export const REQUESTS_IN_FLIGHT_MAX = 50_000;

/** Where nobody is asked, everybody may. */
const ALLOWED: Decision = { decision: 'allow', reason: '' };

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

interface Seen {
  info?: RequestInfo;
  audit?: Audited | undefined;
  admitted?: Admitted;
  /** What is to be done once the request is answered. */
  afterwards?: (() => void)[];
}

/** No Status: these words come before anything is known of what is asked for (server/filters/priority-and-fairness.go). */
const turnedAway = ({ headers, retryAfterSeconds }: TurnedAway): ApiResponse => ({
  status: 429,
  headers: {
    ...headers,
    'retry-after': String(retryAfterSeconds),
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
  },
  body: { kind: 'bytes', bytes: Buffer.from('Too many requests, please try again later.\n') },
});

const UPGRADED: Pick<ApiResponse, 'status' | 'body'> = { status: 101, body: { kind: 'empty' } };

/** The annotations of endpoints/filters/authorization.go. */
function noteDecision(audit: Audited, { decision, reason, error }: Decision): void {
  if (error !== undefined && decision !== 'allow') {
    audit.annotate('authorization.k8s.io/reason', 'internal error');
    return;
  }
  audit.annotate('authorization.k8s.io/decision', decision === 'allow' ? 'allow' : 'forbid');
  audit.annotate('authorization.k8s.io/reason', reason);
}

function assertAllowed({ attributes, decision }: Decided, audit: Audited | undefined): void {
  if (audit) noteDecision(audit, decision);
  if (decision.decision === 'allow') return;
  // Whoever couldn't be asked said neither yes nor no.
  if (decision.error !== undefined) throw statusError.internal(decision.error);
  throw authorizationForbidden(attributes, decision.reason);
}

/** Tells the audit log when the answer is complete: a watch when it ends, others when they have been sent. */
function followed(response: ApiResponse, audit: Audited, info: RequestInfo, whenSent: WhenSent | undefined): ApiResponse {
  const isWatch = response.body.kind === 'watch';
  if (isWatch || isLongRunning(info)) audit.started(response.status);
  const done = () => audit.completed(response);
  if (whenSent) whenSent(done);
  else if (isWatch) return { ...response, body: { kind: 'watch', watch: endingWith((response.body as WatchBody).watch, done) } };
  else done();
  return response;
}

/** What only the edge knows is counted there: how large an answer is, and what a watch sends. */
function counting(
  response: ApiResponse,
  metrics: Metrics,
  info: RequestInfo | undefined,
  sizes: HistogramSeries | undefined,
  admitted: Admitted | undefined,
): CountedResponse {
  return {
    ...response,
    headers: { ...response.headers, ...admitted?.headers },
    ...(sizes ? { sizes } : {}),
    ...(info && response.body.kind === 'watch' ? { watched: metrics.watchSeries(info) } : {}),
  };
}

export interface CountedResponse extends ApiResponse {
  sizes?: HistogramSeries;
  watched?: WatchSeries;
}

type WatchBody = Extract<ApiBody, { kind: 'watch' }>;

function endingWith(watch: WatchSubscription, done: () => void): WatchSubscription {
  return {
    subscribe(onEvents, onEnd) {
      const stop = watch.subscribe(onEvents, () => {
        done();
        onEnd();
      });
      return () => {
        stop();
        done();
      };
    },
  };
}

export class Pipeline {
  readonly #options: PipelineOptions;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  /** `whenSent` comes from the edge: until then a request keeps its seats. In process an answer is sent when it is given. */
  async handle(request: ApiRequest, whenSent?: WhenSent): Promise<ApiResponse> {
    const { metrics, core } = this.#options;
    if (metrics.inFlight >= REQUESTS_IN_FLIGHT_MAX) {
      return statusResponse(
        statusError.tooManyRequests('The apiserver cannot handle any more requests at the moment, please try again later.', 1),
      );
    }
    const { clock } = core.runtime;
    const startMs = clock.monotonicMs();
    metrics.begin(request);
    const seen: Seen = {};
    let response = await this.#answer(request, seen);
    for (const act of seen.afterwards ?? []) act();
    const { info, admitted, audit } = seen;
    const sizes = metrics.end(request, info, response.status, clock.monotonicMs() - startMs, admitted?.waitedMs ?? 0);
    if (audit) response = followed(response, audit, info!, whenSent);
    if (whenSent) response = counting(response, metrics, info, sizes, admitted);
    if (!admitted) return response;
    // Of a watch only the beginning counts.
    if (whenSent && response.body.kind !== 'watch') whenSent(() => admitted.release(), ANSWER_TIMEOUT_MAX_MS);
    else admitted.release();
    return response;
  }

  async #answer(request: ApiRequest, seen: Seen): Promise<ApiResponse> {
    const warnings: string[] = [];
    try {
      const info = requestInfo(request.method, request.url);
      seen.info = info;
      const identified = this.#identified(request, info, seen);
      const user = identified instanceof Promise ? await identified : identified;
      const entered = this.#enter(info, user, request);
      const admitted = entered instanceof Promise ? await entered : entered;
      if (admitted && !('release' in admitted)) return turnedAway(admitted);
      if (admitted) seen.admitted = admitted;
      const context = await this.#authorized(request, info, user, warnings, seen);
      const response = await this.#options.serve(context);
      if (warnings.length === 0) return response;
      return { ...response, body: response.body, warnings: [...(response.warnings ?? []), ...new Set(warnings)] };
    } catch (error) {
      return statusResponse(this.toStatus(error, request), warnings);
    }
  }

  /** What takes as long as its caller likes takes part in no fairness. */
  #enter(info: RequestInfo, user: UserInfo, request: ApiRequest): ReturnType<FlowControl['enter']> | undefined {
    return isLongRunning(info) ? undefined : this.#options.flowControl?.enter(info, user, request);
  }

  /** Authenticates and authorizes a connection that is to be upgraded. Throws StatusError. */
  async admitted(request: ApiRequest): Promise<RequestContext> {
    const info = requestInfo(request.method, request.url);
    const seen: Seen = { info };
    const user = await this.#identified(request, info, seen);
    const { audit } = seen;
    try {
      const context = await this.#authorized(request, info, user, [], seen);
      audit?.started(101);
      if (audit) request.signal?.addEventListener('abort', () => audit.completed(UPGRADED), { once: true });
      return context;
    } catch (error) {
      audit?.completed(statusResponse(this.toStatus(error, request)));
      throw error;
    }
  }

  /** Who asks; from here on the audit log follows the request. */
  #identified(request: ApiRequest, info: RequestInfo, seen: Seen): UserInfo | Promise<UserInfo> {
    const { auditor } = this.#options;
    return auditor ? this.#followed(auditor, request, info, seen) : (request.user ?? this.#authenticate(request));
  }

  async #followed(auditor: Auditor, request: ApiRequest, info: RequestInfo, seen: Seen): Promise<UserInfo> {
    const { core } = this.#options;
    const receivedMs = core.runtime.clock.now();
    try {
      const user = request.user ?? (await this.#authenticate(request));
      seen.audit = auditor.begin(request, info, user, receivedMs);
      seen.audit?.received();
      return user;
    } catch (error) {
      if (error instanceof StatusError && error.code === 401) auditor.begin(request, info, undefined, receivedMs)?.unauthenticated(error);
      throw error;
    }
  }

  async #authorized(request: ApiRequest, info: RequestInfo, user: UserInfo, warnings: string[], seen: Seen): Promise<RequestContext> {
    const { audit } = seen;
    const asked = this.#authorize(info, user, audit);
    if (asked) await asked;
    const context: RequestContext = {
      core: this.#options.core,
      request,
      info,
      user,
      warnings,
      audit,
      whenDone: (act) => {
        seen.afterwards ??= [];
        seen.afterwards.push(act);
      },
      authorize: async (verb) => this.#authorize({ ...info, verb }, user),
      decide: async (other) => this.#decide({ ...info, ...other }, user),
    };
    if (info.subresource !== '') await admitConnection(context);
    return context;
  }

  /** Anything but a StatusError is our fault: it is logged in full and told in general. */
  toStatus(error: unknown, request: ApiRequest): StatusError {
    if (error instanceof StatusError) return error;
    if (error instanceof TooManyValues) return statusError.requestEntityTooLarge(error.message);
    // Whatever recurses over what a caller sends goes as deep as the caller likes.
    if (error instanceof RangeError && error.message.includes('call stack')) return statusError.badRequest('exceeded max depth');
    this.#options.core.runtime.log.error('a request failed', error, { method: request.method, url: request.url });
    return statusError.internal(error instanceof Error ? error.message : String(error), error);
  }

  #authenticate(request: ApiRequest, first = 0): UserInfo | Promise<UserInfo> {
    const { authenticators } = this.#options;
    for (let i = first; i < authenticators.length; i++) {
      const user = authenticators[i]!.authenticate(request);
      if (user instanceof Promise) return user.then((found) => found ?? this.#authenticate(request, i + 1));
      if (user) return user;
    }
    return ANONYMOUS;
  }

  #authorize(info: RequestInfo, user: UserInfo, audit?: Audited): Promise<void> | undefined {
    const decided = this.#decide(info, user);
    if (decided instanceof Promise) return decided.then((each) => assertAllowed(each, audit));
    assertAllowed(decided, audit);
    return undefined;
  }

  /** At once where nobody else is asked. */
  #decide(info: RequestInfo, user: UserInfo): Decided | Promise<Decided> {
    const selectors = info.verb === 'list' || info.verb === 'watch' || info.verb === 'deletecollection';
    const fieldSelector = selectors ? info.query.get('fieldSelector') : null;
    const labelSelector = selectors ? info.query.get('labelSelector') : null;
    const attributes: AuthorizationAttributes = {
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
    };
    if (fieldSelector) attributes.fieldSelector = fieldSelector;
    if (labelSelector) attributes.labelSelector = labelSelector;
    const asked = this.#options.authorizer?.authorize(attributes) ?? ALLOWED;
    return asked instanceof Promise ? asked.then((decision) => ({ attributes, decision })) : { attributes, decision: asked };
  }
}
