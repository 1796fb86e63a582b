// One HTTPS request to a server that isn't ours, with bounds on time and size. http is only for addresses of this machine's tests
// and sidecars, as a kubeconfig may name them.
import { type Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Clock } from '@tiphys/runtime';
import { connectionText } from '../connection-text.ts';

/** An answer may be so large. */
export const EXCHANGE_BYTES_MAX = 8 * 1024 * 1024;
const IDLE_SOCKETS_MAX = 8;

export interface TlsMaterial {
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

export interface Exchange {
  method: 'GET' | 'POST';
  url: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  timeoutMs: number;
}

export interface ExchangeAnswer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  text: string;
}

export interface Exchanger {
  /** Throws Error with Go's words when there is no answer; `cause` tells more. */
  exchange(what: Exchange): Promise<ExchangeAnswer>;
  close(): void;
}

export function exchanger(clock: Clock, tls: TlsMaterial = {}): Exchanger {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: IDLE_SOCKETS_MAX, ...tls });
  return {
    async exchange(what) {
      const abort = new AbortController();
      const timer = clock.after(what.timeoutMs, () => abort.abort());
      try {
        return await send(what, agent, abort.signal);
      } catch (error) {
        const why = abort.signal.aborted ? 'context deadline exceeded' : connectionText(error as Error);
        const verb = what.method === 'GET' ? 'Get' : 'Post';
        throw new Error(`${verb} ${JSON.stringify(what.url)}: ${why}`, { cause: error });
      } finally {
        timer.cancel();
      }
    },
    close: () => agent.destroy(),
  };
}

function send(what: Exchange, agent: Agent, signal: AbortSignal): Promise<ExchangeAnswer> {
  const url = new URL(what.url);
  const secure = url.protocol === 'https:';
  const body = what.body === undefined ? undefined : Buffer.from(what.body);
  const headers = { ...what.headers, ...(body ? { 'content-length': String(body.length) } : {}) };
  return new Promise((resolve, reject) => {
    const onResponse = (response: import('node:http').IncomingMessage) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > EXCHANGE_BYTES_MAX) response.destroy(new Error('the answer is too large'));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }),
      );
    };
    const options = { method: what.method, headers, signal };
    const request = secure
      ? httpsRequest(url, { ...options, agent }, onResponse)
      : httpRequest(url, { ...options, agent: undefined as HttpAgent | undefined }, onResponse);
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The other side may have closed a kept connection just now; a new one tells.
      if (request.reusedSocket && error.code === 'ECONNRESET') resolve(send(what, agent, signal));
      else reject(error);
    });
    request.end(body);
  });
}
