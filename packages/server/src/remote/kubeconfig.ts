// Where a webhook is and how we show ourselves to it, as a kubeconfig file says (client-go tools/clientcmd; apiserver
// util/webhook/webhook.go LoadKubeconfig). Requests go to the exact URL of the cluster entry.
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import type { TlsMaterial } from './exchange.ts';

export interface RemoteTarget {
  url: string;
  tls: TlsMaterial;
  headers: Record<string, string>;
}

const decoded = (base64: string) => Buffer.from(base64, 'base64').toString();

function named(list: any, name: unknown, key: string): any {
  return (Array.isArray(list) ? list : []).find((each) => each?.name === name)?.[key];
}

/** Throws Error when the file can't be read or says too little. Ways to log in that run a program are refused. */
export function readKubeconfig(file: string): RemoteTarget {
  const config = parse(readFileSync(file, 'utf8'), { maxAliasCount: 0 }) ?? {};
  const context = named(config.contexts, config['current-context'], 'context') ?? {};
  const only = (list: any, key: string) => (Array.isArray(list) && list.length === 1 ? list[0]?.[key] : undefined);
  // Upstream's example files have no context; with one cluster and one user there is no doubt.
  const cluster = named(config.clusters, context.cluster, 'cluster') ?? only(config.clusters, 'cluster');
  const user = named(config.users, context.user, 'user') ?? only(config.users, 'user') ?? {};
  if (!cluster?.server) throw new Error(`${file}: no cluster with a server`);
  const folder = dirname(file);
  const content = (from: any, field: string): string | undefined => {
    if (from[`${field}-data`]) return decoded(from[`${field}-data`]);
    return from[field] ? readFileSync(resolve(folder, from[field]), 'utf8') : undefined;
  };
  if (user.exec || user['auth-provider']) throw new Error(`${file}: exec and auth-provider are not supported for webhooks`);
  const ca = content(cluster, 'certificate-authority');
  const cert = content(user, 'client-certificate');
  const key = content(user, 'client-key');
  const token = user.token ?? (user.tokenFile ? readFileSync(resolve(folder, user.tokenFile), 'utf8').trim() : undefined);
  const basic = user.username ? Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64') : undefined;
  const authorization = token ? `Bearer ${token}` : basic ? `Basic ${basic}` : undefined;
  return {
    url: String(cluster.server),
    tls: {
      ...(ca ? { ca } : {}),
      ...(cert && key ? { cert, key } : {}),
      ...(cluster['tls-server-name'] ? { servername: cluster['tls-server-name'] } : {}),
      ...(cluster['insecure-skip-tls-verify'] ? { rejectUnauthorized: false } : {}),
    },
    headers: authorization ? { authorization } : {},
  };
}
