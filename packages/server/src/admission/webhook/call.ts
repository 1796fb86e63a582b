// Calls a webhook over HTTPS, by URL or at the endpoints of a Service (apiserver util/webhook).
import { Agent, request as httpsRequest } from 'node:https';
import type { admissionregistrationv1 } from '@tiphys/api';
import type { ResourceReader } from '@tiphys/registry';
import type { Clock, Random } from '@tiphys/runtime';
import { connectionText } from '../../connection-text.ts';
import { type ServicePort, serviceEndpoint } from '../../service-endpoint.ts';

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

/** The webhook answered, but not with what was asked for. */
class AnswerError extends Error {}

interface Target {
  /** Asked for the host and port. */
  service?: ServicePort;
  host: string;
  port: number;
  path: string;
  serverName: string;
  /** As errors name it. */
  url: string;
}

export function webhookCaller({ clock, random }: { clock: Clock; random: Random }): WebhookCaller {
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
      const target = targetOf(config, timeoutSeconds);
      const authority = config.caBundle ? Buffer.from(config.caBundle, 'base64').toString().trim() : undefined;
      const abort = new AbortController();
      const timer = clock.after(timeoutSeconds * 1000, () => abort.abort());
      try {
        const { host, port } = target.service ? serviceEndpoint(reader, random, target.service) : target;
        return await post({ ...target, host, port }, agentFor(authority), JSON.stringify(body), abort.signal);
      } catch (error) {
        if (error instanceof AnswerError) throw error;
        const why = abort.signal.aborted ? 'context deadline exceeded' : connectionText(error as Error);
        throw new Error(`Post ${JSON.stringify(target.url)}: ${why}`, { cause: error });
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

function targetOf(config: ClientConfig, timeoutSeconds: number): Target {
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
  const { name, namespace } = service;
  return { service: { name, namespace, port }, host: serverName, port, path, serverName, url: `https://${serverName}:${port}${path}` };
}

/** Upstream's words for an answer that is no success (apimachinery api/errors NewGenericServerResponse). */
function refusal(status: number, body: string): Error {
  const text = body.trim() || 'unknown';
  if (status === 400) return new AnswerError('the server rejected our request for an unknown reason');
  if (status === 401) return new AnswerError('the server has asked for the client to provide credentials');
  if (status === 403) return new AnswerError(text);
  if (status === 404) return new AnswerError('the server could not find the requested resource');
  if (status === 503) return new AnswerError('the server is currently unable to handle the request');
  if (status >= 500) return new AnswerError(`an error on the server (${JSON.stringify(text)}) has prevented the request from succeeding`);
  return new AnswerError(`the server responded with the status code ${status} but did not return more information`);
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
        const status = response.statusCode ?? 0;
        if (status < 200 || status > 206) return reject(refusal(status, Buffer.concat(chunks).toString()));
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString()));
        } catch (error) {
          reject(new AnswerError((error as Error).message));
        }
      });
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The other side may have closed a kept connection just now; a new one tells.
      if (request.reusedSocket && error.code === 'ECONNRESET') resolve(post(target, agent, body, signal));
      else reject(error);
    });
    request.end(body);
  });
}
