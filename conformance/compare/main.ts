// npm run compare -- [policy] [discovery] [openapi]
//
// Holds what a cluster of this checkout with a few custom resource definitions shows of itself (the bootstrap policy, discovery in both forms, OpenAPI v2
// and v3 without descriptions) against kube-apiserver v1.36.3, started beside it. Every difference must be in
// accepted.txt, with a reason. TIPHYS_PEERS names the folder that build-peers.sh filled.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCluster } from '@tiphys/cluster';
import { parse } from 'yaml';
import { type Fetch, fetcher, startUpstream } from '../../tools/upstream/upstream.ts';
import { declareCustomKinds } from '../differential/custom-kinds.ts';
import { connect } from '../differential/server.ts';
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

const PUBLISHED = ['apis/custom.example.com/v1', 'apis/custom.example.com/v1beta1', 'apis/custom.example.com/v2'];

/** Definitions are published some time after their resources are served, in version 2 last. */
async function untilPublished(fetch: Fetch): Promise<void> {
  for (let attempt = 0; attempt < GATHERED_ATTEMPTS_MAX; attempt++) {
    const { paths } = JSON.parse(await fetch('/openapi/v3'));
    const { paths: old } = JSON.parse(await fetch('/openapi/v2'));
    if (PUBLISHED.every((path) => path in paths && Object.keys(old).some((each) => each.startsWith(`/${path}/`)))) return;
    await new Promise((resolve) => setTimeout(resolve, GATHERED_INTERVAL_MS * 10));
  }
  throw new Error('the definitions were not published');
}

/** Gives a server the definitions of the differential run, so that what is published of custom resources is compared as well. */
async function declareDefinitions(name: 'reference' | 'own', port: number, token: string, fetch: Fetch): Promise<void> {
  const server = connect(name, port, token);
  await declareCustomKinds(server);
  server.close();
  await untilPublished(fetch);
}

async function compare(peers: string, parts: readonly string[]): Promise<number> {
  const upstream = await startUpstream({ peers });
  const scratch = mkdtempSync(join(tmpdir(), 'tiphys-compare-'));
  try {
    // It fills the roles that gather others.
    await upstream.startControllers('clusterrole-aggregation-controller');
    await untilRolesGathered(upstream.fetch);
    const tokenFile = join(scratch, 'tokens.csv');
    writeFileSync(tokenFile, `${upstream.token},admin,admin,"system:masters"\n`, { mode: 0o600 });
    await using cluster = await startCluster({ runtime: 'none', tokenFile });
    const ownFetch = administratorFetch(cluster.kubeconfig);
    await declareDefinitions('reference', upstream.port, upstream.token, upstream.fetch);
    await declareDefinitions('own', Number(new URL(cluster.url).port), upstream.token, ownFetch);
    const [reference, own] = await Promise.all([documentsOf(upstream.fetch, parts), documentsOf(ownFetch, parts)]);
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
    rmSync(scratch, { recursive: true, force: true });
  }
}

const peers = process.env.TIPHYS_PEERS;
const wanted = process.argv.slice(2);
const unknown = wanted.filter((part) => !PART_NAMES.includes(part));
if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}; known are ${PART_NAMES.join(', ')}`);
if (!peers) console.log('skipped: TIPHYS_PEERS is not set, so there is no upstream server to compare with');
else process.exitCode = await compare(peers, wanted.length > 0 ? wanted : PART_NAMES);
