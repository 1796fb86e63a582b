// One of the two servers, as a client sees it.
import { Agent, request } from 'node:https';
import type { Step } from './step.ts';

export interface Answer {
  status: number;
  warnings: readonly string[];
  /** Parsed when it is JSON. */
  body: unknown;
}

export interface Server {
  name: 'reference' | 'own';
  ask(method: Step['method'], path: string, contentType?: string, body?: string): Promise<Answer>;
  close(): void;
}

const CONNECTIONS_MAX = 32;
/** `199 - "words"`; a server joins several by commas. */
const WARNING = /(?:^|, )299 - "((?:[^"\\]|\\.)*)"/g;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function connect(name: Server['name'], port: number, token: string): Server {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX, rejectUnauthorized: false });
  const once = (method: string, path: string, contentType: string | undefined, body: string | undefined) =>
    new Promise<Answer>((resolve, reject) => {
      const headers: Record<string, string> = {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        'user-agent': 'differential/1',
      };
      if (contentType) headers['content-type'] = contentType;
      const bytes = body === undefined ? undefined : Buffer.from(body);
      if (bytes) headers['content-length'] = String(bytes.length);
      const sent = request({ host: '127.0.0.1', port, path, method, headers, agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const warning = String(response.headers.warning ?? '');
          const warnings = [...warning.matchAll(WARNING)].map((match) => match[1]!);
          resolve({ status: response.statusCode!, warnings, body: parsed(Buffer.concat(chunks).toString()) });
        });
      });
      // A connection that was idle may have been closed while the request went out.
      sent.on('error', (error) => reject(Object.assign(error, { stale: sent.reusedSocket })));
      sent.end(bytes);
    });
  const ask: Server['ask'] = async (method, path, contentType, body) => {
    try {
      return await once(method, path, contentType, body).catch((error) => {
        if (!error.stale) throw error;
        return once(method, path, contentType, body);
      });
    } catch (error) {
      // A server that hangs up has answered, too.
      return { status: 0, warnings: [], body: (error as Error).message };
    }
  };
  return { name, ask, close: () => agent.destroy() };
}
