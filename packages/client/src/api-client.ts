// The client over any ApiHandler: the in-process server itself, or the HTTPS transport that has the same shape.
import { groupResource, type KubeObject, type ResourceType } from '@tiphys/api';
import type { ApiHandler, HttpMethod, UserInfo } from '@tiphys/machinery';
import { StatusError } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import type { Client, Informer, InformerOptions, ResourceClient } from './client.ts';
import { type InformerCache, informerCache } from './informer.ts';
import { runReflector } from './reflector.ts';
import { bodyValue, errorFromStatus } from './requests.ts';
import { resourceClient } from './resource-client.ts';
import { type Send, sender } from './send.ts';

export interface ClientOptions {
  handler: ApiHandler;
  runtime: Runtime;
  /** In process: who asks. Over HTTPS: whom to impersonate. */
  user?: UserInfo;
  userAgent?: string;
  /** Informers stream their first state (KEP-3157) instead of listing it. */
  watchList?: boolean;
  /** Called by close() of this client, not of those that as() made. */
  onClose?: () => Promise<void> | void;
}

const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):[^:]+$/;

/** The groups that the server would give to the user (authentication/serviceaccount MakeGroupNames). */
export function userInfo(name: string, groups?: readonly string[]): UserInfo {
  if (groups) return { name, groups: groups.includes('system:authenticated') ? groups : [...groups, 'system:authenticated'] };
  const namespace = SERVICE_ACCOUNT.exec(name)?.[1];
  if (namespace === undefined) return { name, groups: ['system:authenticated'] };
  return { name, groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'] };
}

/** A client that speaks to the server without sockets or encoding. */
export function inProcessClient(options: ClientOptions & { user: UserInfo }): Client {
  return apiClient(options);
}

export function apiClient(options: ClientOptions): Client {
  return new ApiClient(options);
}

class ApiClient implements Client {
  readonly #options: ClientOptions;
  readonly #send: Send;
  readonly #stopped = new AbortController();
  readonly #resources = new Map<string, ResourceClient<any>>();
  readonly #informers = new Map<string, InformerCache<any>>();
  readonly #reflectors: Promise<void>[] = [];
  readonly #children: Client[] = [];

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#send = sender({
      handler: options.handler,
      clock: options.runtime.clock,
      ...(options.user ? { user: options.user } : {}),
      headers: { 'user-agent': options.userAgent ?? 'tiphys' },
    });
  }

  of<T extends KubeObject>(type: ResourceType<T>): ResourceClient<T> {
    const key = `${type.group}/${type.version}/${type.resource}`;
    const known = this.#resources.get(key);
    if (known) return known;
    const resource = resourceClient(type, this.#send);
    this.#resources.set(key, resource);
    return resource;
  }

  informer<T extends KubeObject>(type: ResourceType<T>, selection: InformerOptions = {}): Informer<T> {
    const { namespace = '', labelSelector = '', fieldSelector = '' } = selection;
    const key = [type.group, type.version, type.resource, namespace, labelSelector, fieldSelector].join('\n');
    const known = this.#informers.get(key);
    if (known) return known;
    const { runtime } = this.#options;
    const cache = informerCache<T>(runtime.log.named('informer'));
    this.#informers.set(key, cache);
    this.#reflectors.push(
      runReflector({
        resource: this.of(type),
        selection,
        sink: cache.sink,
        runtime,
        name: groupResource(type),
        signal: this.#stopped.signal,
        watchList: this.#options.watchList ?? false,
      }),
    );
    return cache;
  }

  async raw(method: string, url: string, body?: unknown, headers: Record<string, string> = {}) {
    const withBody = body === undefined ? {} : { body: typeof body === 'string' ? new TextEncoder().encode(body) : (body as object) };
    const contentType: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await this.#send({ method: method as HttpMethod, url, headers: { ...contentType, ...headers }, ...withBody });
    return { status: response.status, body: await bodyValue(response.body, response.headers) };
  }

  async stream(method: string, url: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#send({ method: method as HttpMethod, url, headers: {}, ...(signal ? { signal } : {}) });
    if (response.status >= 400) throw errorFromStatus(await bodyValue(response.body, response.headers), response.status);
    const { body } = response;
    if (body.kind === 'stream') return body.stream;
    if (body.kind === 'bytes') return one(body.bytes);
    if (body.kind === 'empty') return one(new Uint8Array(0));
    throw new StatusError(406, 'NotAcceptable', 'the server answered with an object where text was expected');
  }

  as(user: { name: string; groups?: readonly string[] }): Client {
    const { onClose: _, ...shared } = this.#options;
    const child = new ApiClient({ ...shared, user: userInfo(user.name, user.groups) });
    this.#children.push(child);
    return child;
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#children.map((child) => child.close()));
    await Promise.all(this.#reflectors);
    await this.#options.onClose?.();
  }
}

async function* one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
