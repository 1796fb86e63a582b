// Calls a webhook over HTTPS, by URL or at the endpoints of a Service (apiserver util/webhook).
import { Agent, request as httpsRequest } from 'node:https';
import { type admissionregistrationv1, corev1, discoveryv1 } from '@tiphys/api';
import type { ResourceReader } from '@tiphys/registry';
import type { Clock } from '@tiphys/runtime';

const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const AGENTS_MAX = 64;
const PORT_DEFAULT = 443;
const IDLE_SOCKETS_MAX = 8;

export type ClientConfig = admissionregistrationv1.WebhookClientConfig;

export interface WebhookCaller {
  /** The answer's body as JSON. Throws Error saying what went wrong. */
  call(config: ClientConfig, body: object, timeoutSeconds: number, reader: ResourceReader): Promise<unknown>;
  close(): void;
}

interface Target {
  host: string;
  port: number;
  path: string;
  serverName: string;
  /** As errors name it. */
  url: string;
}

export function webhookCaller(clock: Clock): WebhookCaller {
  const agents = new Map<string, Agent>();
  const agentFor = (certificateAuthority: string | undefined): Agent => {
    const key = certificateAuthority ?? '';
    let agent = agents.get(key);
    if (!agent) {
      if (agents.size >= AGENTS_MAX) closeAll(agents);
      agent = new Agent({
        keepAlive: true,
        maxFreeSockets: IDLE_SOCKETS_MAX,
        ...(certificateAuthority ? { ca: certificateAuthority } : {}),
      });
      agents.set(key, agent);
    }
    return agent;
  };
  return {
    async call(config, body, timeoutSeconds, reader) {
      const target = targetOf(config, reader, timeoutSeconds);
      const authority = config.caBundle ? Buffer.from(config.caBundle, 'base64').toString() : undefined;
      const abort = new AbortController();
      const timer = clock.after(timeoutSeconds * 1000, () => abort.abort());
      try {
        return await post(target, agentFor(authority), JSON.stringify(body), abort.signal);
      } catch (error) {
        const why = abort.signal.aborted ? 'context deadline exceeded' : (error as Error).message;
        throw new Error(`failed to call webhook: Post ${JSON.stringify(target.url)}: ${why}`);
      } finally {
        timer.cancel();
      }
    },
    close: () => closeAll(agents),
  };
}

function closeAll(agents: Map<string, Agent>): void {
  for (const agent of agents.values()) agent.destroy();
  agents.clear();
}

function targetOf(config: ClientConfig, reader: ResourceReader, timeoutSeconds: number): Target {
  const query = `timeout=${timeoutSeconds}s`;
  if (config.url) {
    const url = new URL(config.url);
    if (url.protocol !== 'https:') throw new Error('webhook URLs must be https');
    url.search = url.search ? `${url.search}&${query}` : `?${query}`;
    const port = url.port ? Number(url.port) : PORT_DEFAULT;
    return { host: url.hostname.replace(/^\[|\]$/g, ''), port, path: url.pathname + url.search, serverName: url.hostname, url: url.href };
  }
  const { service } = config;
  if (!service) throw new Error('webhook configuration must have either service or URL');
  const serverName = `${service.name}.${service.namespace}.svc`;
  const path = `/${(service.path ?? '').replace(/^\//, '')}?${query}`;
  const port = service.port ?? PORT_DEFAULT;
  const { host, port: actualPort } = endpointOf(service.name, service.namespace, port, reader);
  return { host, port: actualPort, path, serverName, url: `https://${serverName}:${port}${path}` };
}

/** A ready endpoint of the Service: the server need not be where cluster addresses are routed. */
function endpointOf(name: string, namespace: string, port: number, reader: ResourceReader): { host: string; port: number } {
  const service = reader.get(corev1.services, name, namespace);
  if (!service) throw new Error(`service ${JSON.stringify(name)} not found`);
  const servicePort = service.spec?.ports?.find((each) => each.port === port);
  if (!servicePort) throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
  for (const slice of reader.list(discoveryv1.endpointslices, namespace)) {
    if (slice.metadata?.labels?.['kubernetes.io/service-name'] !== name) continue;
    const slicePort = slice.ports?.find((each) => (each.name ?? '') === (servicePort.name ?? ''))?.port;
    const ready = slice.endpoints?.find((endpoint) => endpoint.conditions?.ready !== false);
    if (slicePort && ready?.addresses[0]) return { host: ready.addresses[0], port: slicePort };
  }
  throw new Error(`no endpoints available for service ${JSON.stringify(name)}`);
}

function post(target: Target, agent: Agent, body: string, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json',
      host: target.serverName,
      'content-length': Buffer.byteLength(body),
    };
    const { host, port, path, serverName } = target;
    const request = httpsRequest({ method: 'POST', host, port, path, headers, agent, servername: serverName, signal }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > ANSWER_BYTES_MAX) response.destroy(new Error('the answer is too large'));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode !== 200) return reject(new Error(`the server answered with status ${response.statusCode}`));
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString()));
        } catch (error) {
          reject(error);
        }
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
