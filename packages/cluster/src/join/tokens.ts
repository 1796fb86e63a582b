// `tiphys token`: makes, lists and deletes the tokens that machines join with (kubeadm app/cmd/token.go).
import { corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { isNotFound } from '@tiphys/machinery';
import type { Clock, Random } from '@tiphys/runtime';
import { parse } from 'yaml';
import { ConfigurationError } from '../configuration.ts';
import { authorityHash, CLUSTER_INFO, KUBECONFIG_KEY } from './discovery.ts';
import { newToken, secretName, TOKEN_NAMESPACE, TOKEN_TYPE, type TokenFacts, tokenFacts, tokenSecret, tokenText } from './token.ts';

export interface CreatedToken {
  token: string;
  /** The server's URL for other machines. */
  server: string;
  authorityHash: string;
}

interface ClusterInfo {
  clusters?: { cluster?: { server?: string; 'certificate-authority-data'?: string } }[];
}

/** How the cluster shows itself to machines that want to join. */
export async function publishedServer(client: Client): Promise<Omit<CreatedToken, 'token'>> {
  const map = await client
    .of(corev1.configmaps)
    .get(CLUSTER_INFO.name, CLUSTER_INFO.namespace)
    .catch((error) => {
      if (!isNotFound(error)) throw error;
      throw new ConfigurationError(
        'other machines can’t join this cluster: it has simulated nodes, listens on the loopback alone, or has no address in a network. Set host and machineAddress in the file that --config names (docs/several-machines.md)',
      );
    });
  const cluster = (parse(map.data?.[KUBECONFIG_KEY] ?? '') as ClusterInfo | null)?.clusters?.[0]?.cluster;
  const authority = Buffer.from(cluster?.['certificate-authority-data'] ?? '', 'base64').toString('utf8');
  return { server: cluster?.server ?? '', authorityHash: authorityHash(authority) };
}

/** For a node. `ttlMs` undefined: until somebody deletes it. */
export async function createToken(
  client: Client,
  { clock, random }: { clock: Clock; random: Random },
  ttlMs: number | undefined,
): Promise<CreatedToken> {
  const published = await publishedServer(client);
  const token = newToken(random);
  await client.of(corev1.secrets).create(tokenSecret(token, ttlMs === undefined ? undefined : clock.now() + ttlMs));
  return { ...published, token: tokenText(token) };
}

export async function listTokens(client: Client): Promise<TokenFacts[]> {
  const { items } = await client.of(corev1.secrets).list({ namespace: TOKEN_NAMESPACE, fieldSelector: `type=${TOKEN_TYPE}` });
  return items.map(tokenFacts).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Takes the whole token or its first part. */
export async function deleteToken(client: Client, token: string): Promise<string> {
  const id = token.split('.')[0]!;
  if (!/^[a-z0-9]{6}$/.test(id)) throw new ConfigurationError(`"${id}" is no token's first part: 6 characters of a-z and 0-9`);
  await client
    .of(corev1.secrets)
    .delete(secretName(id), TOKEN_NAMESPACE)
    .catch((error) => {
      throw isNotFound(error) ? new ConfigurationError(`there is no token ${id}`, { cause: error }) : error;
    });
  return id;
}
