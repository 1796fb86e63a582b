// What the handlers of this folder share.
import type { ResourceReader } from '@tiphys/registry';
import type { Runtime } from '@tiphys/runtime';
import type { Authorizer } from '../interfaces.ts';
import type { KubeletConnector } from './kubelet.ts';

export interface ConnectContext {
  runtime: Runtime;
  /** The server's caches; a function, since the server is made with these handlers. */
  reader(): ResourceReader;
  authorizer?: Authorizer;
  kubelet(): KubeletConnector;
}
