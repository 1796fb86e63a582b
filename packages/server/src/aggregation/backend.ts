// The connection to the server behind an APIService: TLS with its authority, under the front proxy's certificate
// (kube-aggregator controllers/status/remote BuildTransportConfig).
import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import type { apiregistrationv1 } from '@tiphys/api';
import type { ResourceReader } from '@tiphys/registry';
import type { Random } from '@tiphys/runtime';
import { serviceEndpoint } from '../service-endpoint.ts';
import type { Headers } from './identity.ts';

export type ApiService = apiregistrationv1.APIService;
const PORT_DEFAULT = 443;

/** How this server shows itself to those behind it. */
export interface ProxyClient {
  certificatePem: string;
  privateKeyPem: string;
}

export interface BackendOptions {
  reader: ResourceReader;
  random: Random;
  proxyClient: ProxyClient | undefined;
}

export interface BackendRequest {
  method: string;
  /** Path and query. */
  path: string;
  headers: Headers;
  body?: Uint8Array;
  signal?: AbortSignal;
}

interface Held {
  settings: string;
  agent: Agent;
}

export const keyOf = ({ spec }: ApiService): string => `${spec?.group ?? ''}/${spec?.version ?? ''}`;

export const serviceOf = ({ spec }: ApiService) => ({
  namespace: spec!.service!.namespace!,
  name: spec!.service!.name!,
  port: spec!.service!.port ?? PORT_DEFAULT,
});

export class Backends {
  readonly #options: BackendOptions;
  #proxyClient: ProxyClient | undefined;
  readonly #held = new Map<string, Held>();

  constructor(options: BackendOptions) {
    this.#options = options;
    this.#proxyClient = options.proxyClient;
  }

  /** Throws StatusError when the service has no endpoint; rejects with Error when it can't be reached. */
  request(apiService: ApiService, { method, path, headers, body, signal }: BackendRequest): Promise<IncomingMessage> {
    const { host, port } = this.#endpoint(apiService);
    const { agent } = this.#connection(apiService);
    return new Promise((resolve, reject) => {
      const complete = { host: serverName(apiService), ...headers, ...(body ? { 'content-length': String(body.length) } : {}) };
      const options = { method, host, port, path, headers: complete as never, agent, servername: serverName(apiService) };
      const send = () => {
        const request = httpsRequest({ ...options, ...(signal ? { signal } : {}) }, resolve);
        request.on('error', (error: NodeJS.ErrnoException) => {
          // The other side may have closed a kept connection just now; what reads may be asked again.
          const repeats = method === 'GET' || method === 'HEAD';
          if (repeats && request.reusedSocket && error.code === 'ECONNRESET') send();
          else reject(error);
        });
        request.end(body);
      };
      send();
    });
  }

  /** A connection of its own, for upgrades. */
  dial(apiService: ApiService): Promise<Duplex> {
    const { host, port } = this.#endpoint(apiService);
    return new Promise((resolve, reject) => {
      const options = { ...this.#tls(apiService), host, port, servername: serverName(apiService), ALPNProtocols: ['http/1.1'] };
      const socket = tlsConnect(options, () => resolve(socket));
      socket.once('error', reject);
    });
  }

  renew(proxyClient: ProxyClient): void {
    this.#proxyClient = proxyClient;
  }

  forget(name: string): void {
    this.#held.get(name)?.agent.destroy();
    this.#held.delete(name);
  }

  close(): void {
    for (const name of [...this.#held.keys()]) this.forget(name);
  }

  #endpoint(apiService: ApiService) {
    return serviceEndpoint(this.#options.reader, this.#options.random, serviceOf(apiService));
  }

  #connection(apiService: ApiService): Held {
    const name = apiService.metadata!.name!;
    const { service, caBundle, insecureSkipTLSVerify } = apiService.spec!;
    const settings = JSON.stringify([service, caBundle, insecureSkipTLSVerify, this.#proxyClient?.certificatePem]);
    let held = this.#held.get(name);
    if (held?.settings !== settings) {
      this.forget(name);
      held = { settings, agent: new Agent({ keepAlive: true, ...this.#tls(apiService) }) };
      this.#held.set(name, held);
    }
    return held;
  }

  #tls({ spec }: ApiService) {
    const proxyClient = this.#proxyClient;
    return {
      rejectUnauthorized: spec?.insecureSkipTLSVerify !== true,
      ...(spec?.caBundle ? { ca: Buffer.from(spec.caBundle, 'base64').toString() } : {}),
      ...(proxyClient ? { cert: proxyClient.certificatePem, key: proxyClient.privateKeyPem } : {}),
    };
  }
}

/** By this name its certificate is checked. */
export const serverName = (apiService: ApiService): string => {
  const { name, namespace } = serviceOf(apiService);
  return `${name}.${namespace}.svc`;
};
