// What every program that speaks the API sees. The same interface over HTTPS and in process.
import type { KubeList, KubeObject, ListMeta, ResourceType, WatchEvent } from '@tiphys/api';

export interface ListOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan';
}

export interface WatchOptions extends ListOptions {
  allowWatchBookmarks?: boolean;
  sendInitialEvents?: boolean;
  timeoutSeconds?: number;
  signal?: AbortSignal;
}

export interface WriteOptions {
  dryRun?: boolean;
  fieldManager?: string;
  fieldValidation?: 'Strict' | 'Warn' | 'Ignore';
  subresource?: string;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: boolean;
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

/** All methods reject with StatusError for the server's refusals and Retryable when the server can't be reached. Objects are shared: do not change them. */
export interface ResourceClient<T extends KubeObject> {
  get(name: string, namespace?: string, subresource?: string): Promise<T>;
  list(options?: ListOptions): Promise<KubeList<T> & { metadata: ListMeta }>;
  /** Batches of events; ends when the server ends the watch. An ERROR event carries a Status. */
  watch(options?: WatchOptions): AsyncIterable<readonly WatchEvent<T>[]>;
  create(object: T, options?: WriteOptions): Promise<T>;
  /** Namespace and name come from the object. */
  update(object: T, options?: WriteOptions): Promise<T>;
  updateStatus(object: T, options?: WriteOptions): Promise<T>;
  patch(
    name: string,
    namespace: string | undefined,
    type: PatchType,
    body: unknown,
    options?: WriteOptions & { force?: boolean },
  ): Promise<T>;
  delete(name: string, namespace?: string, options?: DeleteOptions): Promise<void>;
  deleteCollection(options?: ListOptions & DeleteOptions): Promise<void>;
  /** POST to a subresource such as `binding`, `eviction`, `token`. */
  post<R extends KubeObject>(name: string, namespace: string | undefined, subresource: string, body: object): Promise<R>;
}

export interface Client {
  of<T extends KubeObject>(type: ResourceType<T>): ResourceClient<T>;
  /** Shared, cached view of a resource; one watch per type and options however many ask. */
  informer<T extends KubeObject>(type: ResourceType<T>, options?: InformerOptions): Informer<T>;
  /** For everything without a typed form: discovery, logs, proxies. The body is the decoded JSON or the text. */
  raw(method: string, url: string, body?: unknown, headers?: Record<string, string>): Promise<{ status: number; body: unknown }>;
  /** A text or byte stream, such as a followed log. Rejects with StatusError for a refusal. */
  stream(method: string, url: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** A client that is another user (impersonation over HTTPS, another identity in process). */
  as(user: { name: string; groups?: readonly string[] }): Client;
  close(): Promise<void>;
}

export interface InformerOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface InformerHandlers<T> {
  added?(object: T): void;
  updated?(object: T, old: T): void;
  deleted?(object: T): void;
}

export interface Informer<T extends KubeObject> {
  /** Resolves when the first list has arrived. */
  synced(): Promise<void>;
  get(name: string, namespace?: string): T | undefined;
  list(namespace?: string): readonly T[];
  /** Declares an index before or after start: keysOf names the index keys of an object. */
  index(name: string, keysOf: (object: T) => readonly string[]): void;
  byIndex(name: string, key: string): readonly T[];
  /** Calls added for everything known, then follows. Returns a stop function. */
  subscribe(handlers: InformerHandlers<T>): () => void;
  /** Resolves once the cache has seen the revision (read your own writes). */
  reached(resourceVersion: string): Promise<void>;
}
