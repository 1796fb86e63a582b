// The in-process form of the wire: what the API server answers and the client asks, without sockets. The HTTP edge and
// the HTTPS transport turn the same shapes into bytes. Objects that cross here are shared: nobody may change them.
import type { KubeObject, WatchEvent } from '@tiphys/api';

export interface UserInfo {
  name: string;
  uid?: string;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

export interface ApiRequest {
  method: HttpMethod;
  /** Path and query, such as `/api/v1/namespaces/default/pods?limit=500`. */
  url: string;
  /** Lower-case names. */
  headers: Readonly<Record<string, string>>;
  /** Bytes in the content type the headers name, or an object that needs no decoding (in process only; treated as JSON). */
  body?: Uint8Array | object;
  /** Who asks, when that is already known (in process). The edge leaves it unset and the pipeline authenticates. */
  user?: UserInfo;
  /** What the edge knows of the connection: for certificates and audit. */
  peer?: { address: string; certificateChain?: readonly Uint8Array[] };
  signal?: AbortSignal;
}

export interface WatchSubscription {
  /** Starts delivery: events come in batches, in order; onEnd once, when the server ends the watch. Returns a stop function. */
  subscribe(onEvents: (events: readonly WatchEvent[]) => void, onEnd: () => void): () => void;
}

export type ApiBody =
  | { kind: 'empty' }
  /** One object, a Status, or a list (`items`). */
  | { kind: 'object'; object: KubeObject }
  | { kind: 'watch'; watch: WatchSubscription }
  /** Text, a document that was encoded beforehand … */
  | { kind: 'bytes'; bytes: Uint8Array }
  /** Bytes that arrive over time, such as a followed log. */
  | { kind: 'stream'; stream: AsyncIterable<Uint8Array> };

export interface ApiResponse {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** Warning headers' texts, without the `299 -` prefix. */
  warnings?: readonly string[];
  body: ApiBody;
}

/** The API server as a function. Never rejects for a caller's fault: failures are a Status object with its code. */
export interface ApiHandler {
  handle(request: ApiRequest): Promise<ApiResponse>;
}
