// An HTTPS server for tests that plays somebody the API server asks: an OpenID issuer or a webhook.
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import { realRuntime } from '@tiphys/runtime';
import { createAuthority, issueCertificate } from '../certificates/x509.ts';

const DAY_MS = 86_400_000;
const runtime = realRuntime();
const authority = createAuthority(runtime, 'stand-in', DAY_MS);
const { certificatePem, privateKeyPem } = issueCertificate(runtime, authority, 'stand-in', {
  commonName: 'stand-in',
  hosts: ['127.0.0.1'],
  usages: ['server'],
  validForMs: DAY_MS,
});

/** The authority of every stand-in. */
export const STAND_IN_AUTHORITY_PEM = authority.certificatePem;

export interface StandIn extends AsyncDisposable {
  url: string;
  /** `METHOD path` of what was asked, in order. */
  asked: string[];
}

export interface Asked {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  /** Of JSON; undefined without a body. */
  body: any;
}

/** `answer` gives JSON, or a number for a status without more. */
export async function standIn(answer: (asked: Asked) => object | number | Promise<object | number>): Promise<StandIn> {
  const asked: string[] = [];
  const server = createServer({ key: privateKeyPem, cert: certificatePem }, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const one = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: text ? JSON.parse(text) : undefined,
    };
    asked.push(`${one.method} ${one.path}`);
    const result = await answer(one);
    response.writeHead(typeof result === 'number' ? result : 200, { 'content-type': 'application/json' });
    response.end(typeof result === 'number' ? '' : JSON.stringify(result));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `https://127.0.0.1:${port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A kubeconfig for a webhook at the URL. */
export const kubeconfigFor = (url: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'w', cluster: { server: url, 'certificate-authority-data': Buffer.from(STAND_IN_AUTHORITY_PEM).toString('base64') } },
    ],
    users: [{ name: 'a', user: { token: 'from-the-server' } }],
    contexts: [{ name: 'c', context: { cluster: 'w', user: 'a' } }],
    'current-context': 'c',
  });

const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

export interface Issuer extends StandIn {
  token(claims: object): string;
  /** Signs with another key from now on. */
  rotate(): void;
}

/** An OpenID issuer with one RSA key. */
export async function openIdIssuer(): Promise<Issuer> {
  let generation = 0;
  let keys: { publicKey: KeyObject; privateKey: KeyObject };
  const rotate = () => {
    generation++;
    keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  };
  rotate();
  const server: StandIn = await standIn(({ path }) => {
    if (path === '/.well-known/openid-configuration') return { issuer: server.url, jwks_uri: `${server.url}/keys` };
    if (path !== '/keys') return 404;
    return { keys: [{ ...keys.publicKey.export({ format: 'jwk' }), kid: `k${generation}`, alg: 'RS256', use: 'sig' }] };
  });
  const token = (claims: object) => {
    const nowSeconds = Math.floor(runtime.clock.now() / 1000);
    const all = { iss: server.url, aud: 'tiphys', iat: nowSeconds, exp: nowSeconds + 600, ...claims };
    const input = `${encoded({ alg: 'RS256', kid: `k${generation}` })}.${encoded(all)}`;
    return `${input}.${createSign('sha256').update(input).sign(keys.privateKey, 'base64url')}`;
  };
  return { ...server, token, rotate };
}
