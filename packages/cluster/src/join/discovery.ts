// How a machine that has only a token comes to trust a server: the cluster's public kubeconfig is signed with the token's secret, and
// the authority in it may be known by its hash (kubeadm app/discovery/token, cluster-bootstrap token/jws, app/util/pubkeypin).
import { createHash, createHmac, timingSafeEqual, X509Certificate } from 'node:crypto';
import { corev1 } from '@tiphys/api';
import { apiClient, httpsHandler } from '@tiphys/client';
import { isNotFound } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import { parse } from 'yaml';
import { ConfigurationError } from '../configuration.ts';
import { type JoinToken, tokenText } from './token.ts';

export const CLUSTER_INFO = { name: 'cluster-info', namespace: 'kube-public' };
export const KUBECONFIG_KEY = 'kubeconfig';
const SIGNATURE_PREFIX = 'jws-kubeconfig-';
const HASH_PREFIX = 'sha256:';
const NEW_TOKEN = 'make another on the server’s machine with: tiphys token create';

/** Of the authority's public key, as `openssl pkey -pubin -outform der | sha256sum` shows it. */
export function authorityHash(authorityPem: string): string {
  const info = new X509Certificate(authorityPem).publicKey.export({ type: 'spki', format: 'der' });
  return HASH_PREFIX + createHash('sha256').update(info).digest('hex');
}

const decoded = (text: string) => Buffer.from(text, 'base64url');

/** Whether the detached signature of the content was made with the token. */
export function isSigned(content: string, signature: string, token: JoinToken): boolean {
  const [header = '', between, mac = '', ...more] = signature.split('.');
  if (between !== '' || more.length > 0) return false;
  try {
    const { alg, kid } = JSON.parse(decoded(header).toString('utf8')) as { alg?: string; kid?: string };
    // Who signs may not choose how it is checked.
    if (alg !== 'HS256' || kid !== token.id) return false;
  } catch {
    return false;
  }
  const wanted = createHmac('sha256', token.secret)
    .update(`${header}.${Buffer.from(content, 'utf8').toString('base64url')}`)
    .digest();
  const given = decoded(mac);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

interface PublicKubeconfig {
  clusters?: { cluster?: { 'certificate-authority-data'?: string } }[];
}

/** The authority that the signed data names. Throws ConfigurationError when the data is not to be trusted. */
export function trustedAuthority(data: Readonly<Record<string, string>>, token: JoinToken, hash?: string): string {
  const content = data[KUBECONFIG_KEY] ?? '';
  const signature = data[SIGNATURE_PREFIX + token.id];
  if (signature === undefined)
    throw new ConfigurationError(`the server knows no token "${token.id}": it is wrong, has expired or was deleted; ${NEW_TOKEN}`);
  if (!isSigned(content, signature, token))
    throw new ConfigurationError(
      `what the server says of its cluster is not signed with the token: either the token's second part is wrong, or this is not the cluster's server; ${NEW_TOKEN}`,
    );
  const encoded = (parse(content) as PublicKubeconfig | null)?.clusters?.[0]?.cluster?.['certificate-authority-data'];
  if (!encoded) throw new ConfigurationError('the server names no certificate authority');
  const authority = Buffer.from(encoded, 'base64').toString('utf8');
  if (hash !== undefined && authorityHash(authority) !== hash.trim().toLowerCase())
    throw new ConfigurationError(`the server's certificate authority is ${authorityHash(authority)}, not ${hash}: this is another cluster`);
  return authority;
}

/** How long the cluster may take to sign for a token that was made a moment ago. */
const SIGNING_ROUNDS_MAX = 20;
const SIGNING_ROUND_MS = 250;

/** Asks the server, whom nobody vouches for yet, and gives back the authority that vouches for it from now on. */
export async function discoverAuthority(server: string, token: JoinToken, hash: string | undefined, runtime: Runtime): Promise<string> {
  // Nothing secret is sent, and nothing is believed without the token's signature.
  const handler = httpsHandler({ server, clock: runtime.clock, insecureSkipVerify: true });
  const client = apiClient({ handler, runtime, onClose: () => handler.close() });
  try {
    for (let round = 1; ; round++) {
      const { data = {} } = await client.of(corev1.configmaps).get(CLUSTER_INFO.name, CLUSTER_INFO.namespace);
      if (data[SIGNATURE_PREFIX + token.id] !== undefined || round === SIGNING_ROUNDS_MAX) return trustedAuthority(data, token, hash);
      await runtime.clock.sleep(SIGNING_ROUND_MS);
    }
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new ConfigurationError(`${server} is no server that machines can join: it has no ${CLUSTER_INFO.name}`, { cause: error });
  } finally {
    await client.close();
  }
}

export const bearerOf = (token: JoinToken): string => `Bearer ${tokenText(token)}`;
