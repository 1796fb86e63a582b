// From a kubeconfig's context to a connection and a client (client-go tools/clientcmd/client_config.go).
import { existsSync, readFileSync } from 'node:fs';
import type { UserInfo } from '@tiphys/machinery';
import { type Clock, type Runtime, realRuntime } from '@tiphys/runtime';
import { apiClient } from '../api-client.ts';
import type { Client } from '../client.ts';
import { basic, bearer, type CredentialSource, execPlugin, fixedIdentity, type Identity, tokenFile } from '../transport/credentials.ts';
import { type HttpsHandler, httpsHandler } from '../transport/https-handler.ts';
import type { HttpsOptions } from '../transport/options.ts';
import { type Environment, loadKubeconfig } from './load.ts';
import { type Kubeconfig, type KubeconfigCluster, KubeconfigError, type KubeconfigUser } from './types.ts';

export interface ConnectOptions {
  /** This file alone; else what the environment names, else the account of the pod this runs in. */
  path?: string;
  /** Instead of the file's current one. */
  context?: string;
  environment?: Environment;
  runtime?: Runtime;
  userAgent?: string;
  onWarning?(text: string): void;
}

export interface Connection {
  handler: HttpsHandler;
  client: Client;
  server: string;
  /** The context's namespace, else `default`. */
  namespace: string;
}

const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** PEM from the file's own data, else from the file it names. */
function pem(
  entry: KubeconfigCluster | KubeconfigUser,
  key: 'certificate-authority' | 'client-certificate' | 'client-key',
  of: string,
): string | undefined {
  const data = entry[`${key}-data`];
  if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString('utf8');
  const path = entry[key];
  if (typeof path !== 'string' || path === '') return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new KubeconfigError(`unable to read ${key} ${path} for ${of} due to ${(error as Error).message}`);
  }
}

function credentialsOf(
  user: KubeconfigUser,
  name: string,
  cluster: KubeconfigCluster,
  clock: Clock,
  environment: Environment,
): CredentialSource {
  const certificate = pem(user, 'client-certificate', name);
  const key = pem(user, 'client-key', name);
  const base: Identity = certificate && key ? { certificate: { certificate, key } } : {};
  if (user['auth-provider'])
    throw new KubeconfigError(`user "${name}": auth providers are no longer supported, use a credential plugin (exec)`);
  if (user.exec) {
    const info = { server: cluster.server, 'certificate-authority-data': cluster['certificate-authority-data'] };
    return execPlugin({ plugin: user.exec, clock, environment, cluster: info });
  }
  if (user.tokenFile) return tokenFile(user.tokenFile, clock, base);
  if (user.token) return fixedIdentity({ ...base, authorization: bearer(user.token) });
  if (user.username) return fixedIdentity({ ...base, authorization: basic(user.username, user.password ?? '') });
  return fixedIdentity(base);
}

function impersonated(user: KubeconfigUser): UserInfo | undefined {
  if (!user.as) return undefined;
  const { 'as-uid': uid, 'as-groups': groups = [], 'as-user-extra': extra } = user;
  return { name: user.as, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) };
}

interface Chosen {
  cluster: KubeconfigCluster;
  user: KubeconfigUser;
  userName: string;
  namespace: string;
}

function choose(config: Kubeconfig, contextName: string): Chosen {
  const context = config.contexts.get(contextName);
  if (!context) throw new KubeconfigError(`context was not found for specified context: ${contextName}`);
  const cluster = config.clusters.get(context.cluster ?? '');
  if (!cluster) throw new KubeconfigError(`cluster "${context.cluster ?? ''}" does not exist`);
  const userName = context.user ?? '';
  const user = userName === '' ? {} : config.users.get(userName);
  if (!user) throw new KubeconfigError(`auth info "${userName}" does not exist`);
  return { cluster, user, userName, namespace: context.namespace || 'default' };
}

function assemble(https: HttpsOptions, namespace: string, options: ConnectOptions, runtime: Runtime, user?: UserInfo): Connection {
  const handler = httpsHandler(https);
  const client = apiClient({
    handler,
    runtime,
    onClose: () => handler.close(),
    ...(user ? { user } : {}),
    ...(options.userAgent ? { userAgent: options.userAgent } : {}),
  });
  return { handler, client, server: https.server, namespace };
}

/** The account of the pod this program runs in (client-go rest InClusterConfig). */
export function inClusterConnection(options: ConnectOptions = {}): Connection | undefined {
  const { environment = process.env, runtime = realRuntime() } = options;
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  const file = (name: string) => `${SERVICE_ACCOUNT_FOLDER}/${name}`;
  if (!host || !port || !existsSync(file('token'))) return undefined;
  const https: HttpsOptions = {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    clock: runtime.clock,
    certificateAuthority: readFileSync(file('ca.crt'), 'utf8'),
    credentials: tokenFile(file('token'), runtime.clock),
    ...(options.onWarning ? { onWarning: options.onWarning } : {}),
  };
  const namespace = existsSync(file('namespace')) ? readFileSync(file('namespace'), 'utf8').trim() : 'default';
  return assemble(https, namespace, options, runtime);
}

export function connectionFromKubeconfig(options: ConnectOptions = {}): Connection {
  const { environment = process.env, runtime = realRuntime() } = options;
  const config = loadKubeconfig({ environment, ...(options.path ? { path: options.path } : {}) });
  const contextName = options.context || config.currentContext;
  if (contextName === '') {
    const inCluster = options.path ? undefined : inClusterConnection(options);
    if (inCluster) return inCluster;
    throw new KubeconfigError('no configuration has been provided: no kubeconfig with a current context was found');
  }
  const { cluster, user, userName, namespace } = choose(config, contextName);
  if (!cluster.server) throw new KubeconfigError(`cluster of context "${contextName}" has no server defined`);
  if (cluster['proxy-url']) throw new KubeconfigError(`context "${contextName}": proxy-url is not supported`);
  if (!/^https:\/\//.test(cluster.server))
    throw new KubeconfigError(`context "${contextName}": only https servers are supported, not ${cluster.server}`);
  const authority = pem(cluster, 'certificate-authority', contextName);
  const https: HttpsOptions = {
    server: cluster.server,
    clock: runtime.clock,
    credentials: credentialsOf(user, userName, cluster, runtime.clock, environment),
    ...(authority ? { certificateAuthority: authority } : {}),
    ...(cluster['tls-server-name'] ? { serverName: cluster['tls-server-name'] } : {}),
    ...(cluster['insecure-skip-tls-verify'] ? { insecureSkipVerify: true } : {}),
    ...(options.onWarning ? { onWarning: options.onWarning } : {}),
  };
  return assemble(https, namespace, options, runtime, impersonated(user));
}

export function clientFromKubeconfig(options: ConnectOptions = {}): Client {
  return connectionFromKubeconfig(options).client;
}
