// The node's HTTPS server, as upstream's kubelet has it on port 10250: logs, exec, attach, port-forward, pods, statistics.
// Follows pkg/kubelet/server/server.go.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Client } from '@tiphys/client';
import type { Runtime } from '@tiphys/runtime';
import { Access } from './access.ts';
import { containerLog } from './container-logs.ts';
import type { StreamHost } from './host.ts';
import { HttpError } from './http-error.ts';
import { metric, resourceMetrics, summary } from './stats.ts';
import { streamUrl } from './stream-url.ts';
import { proxyUpgrade } from './upgrade-proxy.ts';

export interface StreamServerOptions {
  runtime: Runtime;
  nodeName: string;
  host: StreamHost;
  /** Default every address. */
  address?: string;
  /** Default 10250; 0 takes a free one. */
  port?: number;
  tls: { key: string | Uint8Array; cert: string | Uint8Array; clientCa: string | Uint8Array };
  /** For callers without an administrator's certificate: see Access. */
  client?: Client;
}

export interface StreamServer {
  /** For the node's status.daemonEndpoints.kubeletEndpoint.Port. */
  port: number;
  stop(): Promise<void>;
}

export const STREAM_PORT = 10_250;
const CONNECTIONS_MAX = 2000;
const HEADERS_MS_MAX = 30_000;

const buffer = (bytes: string | Uint8Array) => (typeof bytes === 'string' ? bytes : Buffer.from(bytes));

export async function startStreamServer(options: StreamServerOptions): Promise<StreamServer> {
  const routes = new Routes(options);
  const server = createServer({
    key: buffer(options.tls.key),
    cert: buffer(options.tls.cert),
    ca: [buffer(options.tls.clientCa)],
    requestCert: true,
    // Callers without a certificate may bring a token instead.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    headersTimeout: HEADERS_MS_MAX,
  });
  server.maxConnections = CONNECTIONS_MAX;
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('request', (request, response) => void routes.request(request, response));
  server.on('upgrade', (request, socket, head) => void routes.upgrade(request, socket, head));
  const port = await listening(server, options.port ?? STREAM_PORT, options.address);
  return {
    port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function listening(server: Server, port: number, address: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

class Routes {
  readonly #options: StreamServerOptions;
  readonly #access: Access;

  constructor(options: StreamServerOptions) {
    this.#options = { ...options, runtime: { ...options.runtime, log: options.runtime.log.named('streams') } };
    const { client } = options;
    this.#access = new Access({ clock: options.runtime.clock, nodeName: options.nodeName, ...(client ? { client } : {}) });
  }

  async request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = await this.#admitted(request);
      request.resume();
      await this.#answer(request, url, response);
    } catch (error) {
      const { status, text } = this.#failure(error, request);
      if (response.headersSent) return void response.destroy();
      response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
      response.end(text);
    }
  }

  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      const url = await this.#admitted(request);
      const target = await streamUrl(this.#options.host, url);
      const method = request.method ?? 'GET';
      await proxyUpgrade({ method, headers: request.headers }, target, socket, head);
    } catch (error) {
      const { status, text } = this.#failure(error, request);
      const lines = [`HTTP/1.1 ${status} ${status === 404 ? 'Not Found' : 'Error'}`, 'Content-Type: text/plain; charset=utf-8'];
      lines.push(`Content-Length: ${Buffer.byteLength(text)}`, 'Connection: close', '', text);
      socket.end(lines.join('\r\n'));
    }
  }

  async #admitted(request: IncomingMessage): Promise<URL> {
    const url = new URL(request.url ?? '/', 'https://node');
    await this.#access.check({
      method: request.method ?? '',
      path: url.pathname,
      socket: request.socket as TLSSocket,
      authorization: request.headers.authorization,
    });
    return url;
  }

  #failure(error: unknown, request: IncomingMessage): { status: number; text: string } {
    if (error instanceof HttpError) return { status: error.status, text: error.message };
    this.#options.runtime.log.error('a request failed', error, { path: request.url?.split('?')[0] });
    return { status: 500, text: error instanceof Error ? error.message : String(error) };
  }

  async #answer(request: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    const { host, nodeName } = this.#options;
    const [first = '', ...rest] = url.pathname.split('/').slice(1).map(decodeURIComponent);
    const json = (value: unknown) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    const text = (value: string, type = 'text/plain; charset=utf-8') => {
      response.writeHead(200, { 'Content-Type': type });
      response.end(value);
    };
    const path = url.pathname.replace(/(?<=.)\/$/, '');
    switch (path) {
      case '/healthz':
      case '/healthz/ping':
      case '/healthz/log':
      case '/healthz/syncloop':
        return this.#health(response);
      case '/pods':
      case '/runningpods':
        return json({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items: host.pods() });
      case '/configz':
        return json({ kubeletconfig: host.configuration?.() ?? {} });
      case '/stats/summary':
        return json(summary(nodeName, await this.#usage()));
      case '/metrics/resource':
        return text(resourceMetrics(await this.#usage()), METRICS_TYPE);
      case '/metrics':
      case '/metrics/cadvisor':
      case '/metrics/probes':
        return text(this.#metrics(path), METRICS_TYPE);
    }
    if (first === 'containerLogs' && rest.length === 3) return this.#logs(request, rest, url, response);
    if (first === 'run' && rest.length >= 3) return this.#run(rest, url, request, response);
    if (first === 'exec' || first === 'attach' || first === 'portForward') throw new HttpError(400, 'Upgrade request required');
    throw new HttpError(404, '404 page not found');
  }

  #health(response: ServerResponse) {
    const ill = this.#options.host.health?.() ?? [];
    response.writeHead(ill.length === 0 ? 200 : 500, { 'Content-Type': 'text/plain; charset=utf-8' });
    response.end(ill.length === 0 ? 'ok' : `healthz check failed\n${ill.join('\n')}\n`);
  }

  async #usage() {
    const usage = await this.#options.host.usage?.();
    if (!usage) throw new HttpError(503, 'this node measures no usage');
    return usage;
  }

  #metrics(path: string): string {
    const pods = this.#options.host.pods().length;
    const own = metric('kubelet_working_pods', 'gauge', '[ALPHA] Number of pods the kubelet is actually running', [[{}, pods]]);
    return path === '/metrics' ? own + (this.#options.host.metrics?.() ?? '') : '';
  }

  async #logs(request: IncomingMessage, [namespace, pod, container]: string[], url: URL, response: ServerResponse): Promise<void> {
    const abort = new AbortController();
    response.on('close', () => abort.abort());
    const log = await containerLog(this.#options.host, this.#options.runtime.clock, {
      namespace: namespace!,
      pod: pod!,
      container: container!,
      query: url.searchParams,
      signal: abort.signal,
    });
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    if (request.method === 'HEAD') return void response.end();
    response.flushHeaders();
    for await (const chunk of log) {
      if (abort.signal.aborted) return;
      if (!response.write(chunk)) await drained(response);
    }
    response.end();
  }

  async #run([namespace, name, ...rest]: string[], url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { host } = this.#options;
    if (request.method !== 'POST') throw new HttpError(405, '405: Method Not Allowed');
    const pod = host.pod(namespace!, name!);
    if (!pod) throw new HttpError(404, 'pod does not exist');
    const containerId = host.containerId(pod, rest.at(-1)!);
    if (!containerId) throw new HttpError(500, `container not found (${JSON.stringify(rest.at(-1))})`);
    if (!host.execSync) throw new HttpError(501, 'this node runs no commands');
    const { stdout, stderr, exitCode } = await host.execSync(containerId, (url.searchParams.get('cmd') ?? '').split(' '));
    if (exitCode !== 0) throw new HttpError(500, `command terminated with exit code ${exitCode}`);
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    response.end(Buffer.concat([stdout, stderr]));
  }
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
