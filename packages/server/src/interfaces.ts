// What the request pipeline's stages agree on. Each stage is made elsewhere and handed to createApiServer().
import type { KubeObject, ResourceType } from '@tiphys/api';
import type { ApiRequest, ApiResponse, MergeType, UserInfo } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';

/** A request as authorization, admission, audit and the verbs see it (apiserver endpoints/request/requestinfo.go). */
export interface RequestInfo {
  /** get, list, watch, create, update, patch, delete, deletecollection; for non-resource paths the lower-case HTTP method. */
  verb: string;
  isResourceRequest: boolean;
  path: string;
  apiGroup: string;
  apiVersion: string;
  namespace: string;
  resource: string;
  subresource: string;
  name: string;
  query: URLSearchParams;
}

export interface Authenticator {
  /**
   * undefined: this one knows nothing of the credentials. Throws or rejects with statusError.unauthorized() for credentials that are
   * wrong. Who needs to ask nobody answers at once.
   */
  authenticate(request: ApiRequest): Authenticated | Promise<Authenticated>;
}

export type Authenticated = UserInfo | undefined;

export interface AuthorizationAttributes {
  user: UserInfo;
  verb: string;
  isResourceRequest: boolean;
  path: string;
  apiGroup: string;
  apiVersion: string;
  namespace: string;
  resource: string;
  subresource: string;
  name: string;
  fieldSelector?: string;
  labelSelector?: string;
}

export interface Decision {
  decision: 'allow' | 'deny' | 'noOpinion';
  reason: string;
  /** What went wrong while deciding; without an opinion the request fails with it. */
  error?: string;
}

export interface Authorizer {
  authorize(attributes: AuthorizationAttributes): Decision | Promise<Decision>;
}

export interface AdmissionAttributes {
  operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  type: ResourceType;
  subresource: string;
  namespace: string;
  name: string;
  /** May be changed by admit(); absent for DELETE. */
  object?: KubeObject;
  oldObject?: KubeObject;
  options?: object;
  user: UserInfo;
  dryRun: boolean;
  reader: ResourceReader;
  warn(text: string): void;
  /** Calls when the request is carried out or refused. */
  whenDone?(act: () => void): void;
  /** For the audit log: the first value of a key stays. `least`: only where the policy wants that much. Absent when it wants nothing. */
  annotate?(key: string, value: string, least?: 'Metadata' | 'Request'): void;
  /** The same stored objects under other versions or groups. */
  equivalents?(): readonly EquivalentResource[];
  /** What mutation has left, pruned and defaulted as a request's body would be. */
  complete?(object: KubeObject): KubeObject;
  /** How the object of the request merges with a configuration that is applied to it. */
  mergeType?(): MergeType;
  /** The resource that is served of a kind, for policies' parameters. */
  resourceOfKind?(apiVersion: string, kind: string): ResourceType | undefined;
}

/** Another form of the resource of a request; a kind of a subresource has none. */
export interface EquivalentResource {
  type: ResourceType;
  /** From the request's form to this one. The argument isn't changed. */
  convert(object: KubeObject): Promise<KubeObject>;
  /** Back to the request's form. */
  restore(object: KubeObject): Promise<KubeObject>;
  mergeType(): MergeType;
}

/** In upstream's order: every admit(), then rules of the resource, then every validate(). Throw StatusError to refuse. */
export interface AdmissionPlugin {
  name: string;
  admit?(attributes: AdmissionAttributes): void | Promise<void>;
  validate?(attributes: AdmissionAttributes): void | Promise<void>;
}

/** Serves one subresource or path by hand, such as pods/log, serviceaccounts/token, or a review. */
export interface SubresourceHandler {
  group: string;
  resource: string;
  subresource: string;
  handle(request: ApiRequest, info: RequestInfo, user: UserInfo): Promise<ApiResponse>;
}

/** A connection that leaves HTTP: exec, attach, port-forward, proxied WebSockets. The edge hands the raw socket over. */
export interface UpgradeHandler {
  matches(info: RequestInfo): boolean;
  upgrade(request: ApiRequest, info: RequestInfo, user: UserInfo, socket: import('node:stream').Duplex, head: Uint8Array): Promise<void>;
}
