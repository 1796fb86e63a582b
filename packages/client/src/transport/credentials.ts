// Who a client is: a certificate, a token, a token file that changes, a password, or what a credential plugin says
// (client-go transport/token_source.go, plugin/pkg/client/auth/exec/exec.go).
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Clock } from '@tiphys/runtime';
import { Retryable } from '@tiphys/std';

export interface Identity {
  /** Value of the Authorization header. */
  authorization?: string;
  /** PEM, both. */
  certificate?: { certificate: string; key: string };
}

export interface CredentialSource {
  current(): Promise<Identity>;
  /** The server answered 401: what was cached is no good any more. */
  reject?(): void;
}

/** A token file is read again after this long, as kubelets replace it. */
export const TOKEN_FILE_FRESH_MS = 60_000;
export const EXEC_OUTPUT_BYTES_MAX = 1024 * 1024;

export function fixedIdentity(identity: Identity): CredentialSource {
  return { current: async () => identity };
}

export const bearer = (token: string) => `Bearer ${token}`;
export const basic = (name: string, password: string) => `Basic ${Buffer.from(`${name}:${password}`, 'utf8').toString('base64')}`;

export function tokenFile(path: string, clock: Clock, base: Identity = {}): CredentialSource {
  let identity: Identity | undefined;
  let readAtMs = 0;
  return {
    current: async () => {
      const now = clock.monotonicMs();
      if (identity && now - readAtMs < TOKEN_FILE_FRESH_MS) return identity;
      try {
        identity = { ...base, authorization: bearer(readFileSync(path, 'utf8').trim()) };
        readAtMs = now;
      } catch (error) {
        // The last good token may still do while the file is being replaced.
        if (!identity) throw new Retryable(`failed to read token file "${path}": ${(error as Error).message}`, { cause: error });
      }
      return identity;
    },
    reject: () => {
      readAtMs = Number.NEGATIVE_INFINITY;
    },
  };
}

export interface ExecPlugin {
  apiVersion: string;
  command: string;
  args?: readonly string[] | null;
  env?: readonly { name: string; value: string }[] | null;
  installHint?: string;
  provideClusterInfo?: boolean;
  interactiveMode?: string;
}

export interface ExecOptions {
  plugin: ExecPlugin;
  clock: Clock;
  environment: Readonly<Record<string, string | undefined>>;
  /** Given to the plugin when it asks for it: server, certificate authority and so on. */
  cluster?: object;
}

interface ExecStatus {
  expirationTimestamp?: string;
  token?: string;
  clientCertificateData?: string;
  clientKeyData?: string;
}

async function outputOf({ plugin, environment, cluster }: ExecOptions): Promise<string> {
  const interactive = plugin.interactiveMode !== 'Never' && process.stdin.isTTY === true;
  const info = {
    apiVersion: plugin.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive, ...(plugin.provideClusterInfo && cluster ? { cluster } : {}) },
  };
  const extra = Object.fromEntries((plugin.env ?? []).map(({ name, value }) => [name, value]));
  const child = spawn(plugin.command, [...(plugin.args ?? [])], {
    env: { ...environment, ...extra, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
    stdio: [interactive ? 'inherit' : 'ignore', 'pipe', 'inherit'],
  });
  return new Promise((settle, reject) => {
    const hint = plugin.installHint ? `\n\n${plugin.installHint}` : '';
    let text = '';
    child.on('error', (error) =>
      reject(new Retryable(`exec: executable ${plugin.command} failed: ${error.message}${hint}`, { cause: error })),
    );
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.length > EXEC_OUTPUT_BYTES_MAX) child.kill();
    });
    child.on('close', (code) => {
      if (code === 0) settle(text);
      else reject(new Retryable(`exec: executable ${plugin.command} failed with exit code ${code}${hint}`));
    });
  });
}

function parseCredential(text: string, plugin: ExecPlugin): ExecStatus {
  let credential: { apiVersion?: string; kind?: string; status?: ExecStatus };
  try {
    credential = JSON.parse(text);
  } catch (error) {
    throw new Retryable(`exec plugin: decoding stdout: ${(error as Error).message}`, { cause: error });
  }
  if (credential.apiVersion !== plugin.apiVersion)
    throw new Retryable(
      `exec plugin is configured to use API version ${plugin.apiVersion}, plugin returned version ${credential.apiVersion}`,
    );
  const status = credential.status;
  if (!status) throw new Retryable("exec plugin didn't return a status field");
  if (!status.token && !status.clientCertificateData && !status.clientKeyData)
    throw new Retryable("exec plugin didn't return a token or cert/key pair");
  return status;
}

export function execPlugin(options: ExecOptions): CredentialSource {
  let identity: Promise<Identity> | undefined;
  let expiresMs = Number.POSITIVE_INFINITY;
  const ask = async (): Promise<Identity> => {
    const status = parseCredential(await outputOf(options), options.plugin);
    expiresMs = status.expirationTimestamp ? Date.parse(status.expirationTimestamp) : Number.POSITIVE_INFINITY;
    return {
      ...(status.token ? { authorization: bearer(status.token) } : {}),
      ...(status.clientCertificateData && status.clientKeyData
        ? { certificate: { certificate: status.clientCertificateData, key: status.clientKeyData } }
        : {}),
    };
  };
  const reject = () => {
    identity = undefined;
  };
  return {
    current: () => {
      if (options.clock.now() >= expiresMs) reject();
      if (!identity) {
        identity = ask();
        identity.catch(reject);
      }
      return identity;
    },
    reject,
  };
}
