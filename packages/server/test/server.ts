// A whole server in memory, and requests to it, for tests.
import { generateKeyPairSync } from 'node:crypto';
import type { ApiResponse, HttpMethod, UserInfo } from '@tiphys/machinery';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime } from '@tiphys/runtime';
import { memoryStore } from '@tiphys/storage';
import { createStandardServer, createTokenSigner, LOOPBACK_USER, type StandardServer } from '../src/index.ts';

const PEM = { privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } } as const;
const privateKeyPem = generateKeyPairSync('ec', { namedCurve: 'P-256', ...PEM }).privateKey;
export const testSigner = createTokenSigner({ privateKeyPem, issuer: 'https://kubernetes.default.svc' });

export const ADVERTISED = { addresses: ['192.0.2.1'], port: 6443, clusterIP: '10.96.0.1' };

export async function startedServer(): Promise<StandardServer> {
  const serviceCidr = '10.96.0.0/16';
  const server = createStandardServer({
    runtime: realRuntime(),
    store: memoryStore(),
    definitions: builtinDefinitions({ serviceCidr }),
    signer: testSigner,
    serviceCidrs: [serviceCidr],
  });
  await server.bootstrap(ADVERTISED);
  return server;
}

const objectOf = (response: ApiResponse): any => {
  if (response.body.kind === 'object') return response.body.object;
  return response.body.kind === 'bytes' ? JSON.parse(Buffer.from(response.body.bytes).toString()) : undefined;
};

export interface Answer {
  code: number;
  object: any;
  warnings: readonly string[];
}

/** As the server itself, as a user, or by a bearer token. */
export async function call(
  server: StandardServer,
  method: HttpMethod,
  url: string,
  body?: object,
  as?: string | UserInfo,
): Promise<Answer> {
  const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'application/json' };
  if (typeof as === 'string') headers.authorization = `Bearer ${as}`;
  const user = as === undefined ? LOOPBACK_USER : typeof as === 'string' ? undefined : as;
  const response = await server.handle({ method, url, headers, ...(user ? { user } : {}), ...(body ? { body } : {}) });
  return { code: response.status, object: objectOf(response), warnings: response.warnings ?? [] };
}
