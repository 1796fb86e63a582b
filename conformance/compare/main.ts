// npm run compare -- [policy] [discovery] [openapi]
//
// Holds what a fresh cluster of this checkout shows of itself (the bootstrap policy, discovery in both forms, OpenAPI v2
// and v3 without descriptions) against kube-apiserver v1.36.3, started beside it. Every difference must be in
// accepted.txt, with a reason. TIPHYS_PEERS names the folder that build-peers.sh filled.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCluster } from '@tiphys/cluster';
import { parse } from 'yaml';
import { type Fetch, fetcher, startUpstream } from '../../tools/upstream/upstream.ts';
import { differences, judgeDifferences, linesToShow, parseAccepted } from './differences.ts';
import { documentsOf, PART_NAMES } from './documents.ts';

const here = dirname(fileURLToPath(import.meta.url));

/** Over the wire, as the administrator's kubeconfig has it. */
function administratorFetch(kubeconfigFile: string): Fetch {
  const { clusters, users } = parse(readFileSync(kubeconfigFile, 'utf8'));
  const decoded = (text: string) => Buffer.from(text, 'base64').toString();
  const { cluster } = clusters[0];
  const { user } = users[0];
  return fetcher({
    port: Number(new URL(cluster.server).port),
    tls: {
      ca: decoded(cluster['certificate-authority-data']),
      cert: decoded(user['client-certificate-data']),
      key: decoded(user['client-key-data']),
    },
  });
}

const GATHERED_ATTEMPTS_MAX = 600;
const GATHERED_INTERVAL_MS = 100;

async function untilRolesGathered(fetch: Fetch): Promise<void> {
  for (let attempt = 0; attempt < GATHERED_ATTEMPTS_MAX; attempt++) {
    if (JSON.parse(await fetch('/apis/rbac.authorization.k8s.io/v1/clusterroles/admin')).rules?.length) return;
    await new Promise((resolve) => setTimeout(resolve, GATHERED_INTERVAL_MS));
  }
  throw new Error('the role admin was not filled');
}

async function compare(peers: string, parts: readonly string[]): Promise<number> {
  const upstream = await startUpstream({ peers });
  try {
    // It fills the roles that gather others.
    await upstream.startControllers('clusterrole-aggregation-controller');
    await untilRolesGathered(upstream.fetch);
    await using cluster = await startCluster({ runtime: 'none' });
    const [reference, own] = await Promise.all([
      documentsOf(upstream.fetch, parts),
      documentsOf(administratorFetch(cluster.kubeconfig), parts),
    ]);
    const found: string[] = [];
    for (const name of [...new Set([...reference.keys(), ...own.keys()])].sort()) {
      for (const line of differences(reference.get(name), own.get(name))) found.push(`${name} ${line}`);
    }
    const accepted = parseAccepted(readFileSync(join(here, 'accepted.txt'), 'utf8')).filter(({ pattern }) =>
      parts.some((part) => pattern.startsWith(part) || (part === 'discovery' && pattern.startsWith('aggregated'))),
    );
    const { surprises, acceptedCount, unused } = judgeDifferences(found, accepted);
    for (const line of linesToShow(surprises)) console.log(line);
    for (const pattern of unused) console.log(`accepted, but no longer different: ${pattern}`);
    console.log(`${reference.size} documents compared; ${acceptedCount} accepted differences, ${surprises.length} others`);
    return surprises.length + unused.length > 0 ? 1 : 0;
  } finally {
    await upstream.stop();
  }
}

const peers = process.env.TIPHYS_PEERS;
const wanted = process.argv.slice(2);
const unknown = wanted.filter((part) => !PART_NAMES.includes(part));
if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}; known are ${PART_NAMES.join(', ')}`);
if (!peers) console.log('skipped: TIPHYS_PEERS is not set, so there is no upstream server to compare with');
else process.exitCode = await compare(peers, wanted.length > 0 ? wanted : PART_NAMES);
