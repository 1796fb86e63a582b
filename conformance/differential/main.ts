// npm run differential -- --help
//
// Sends the same generated requests to kube-apiserver v1.36.3 and to this checkout's API server, both without controllers, and tells where
// the answers part: status code, reason, message, causes, warnings, and the object with its managedFields. Differences must be in
// accepted.txt, with a reason. TIPHYS_PEERS names the folder that build-peers.sh filled.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startCluster } from '@tiphys/cluster';
import { startUpstream } from '../../tools/upstream/upstream.ts';
import { judgeDifferences, parseAccepted } from '../compare/differences.ts';
import { briefText, clustersOf, foundText } from './clusters.ts';
import { declareCustomKinds } from './custom-kinds.ts';
import { hasKeyWithoutEquality } from './merge-keys.ts';
import { minimise, tellStory } from './minimise.ts';
import { type EpisodeOptions, type Found, runEpisode } from './run.ts';
import { collectionPath, type Kind, kindsWithSeeds, LIMITS_NAMESPACE, NAMESPACE } from './seeds.ts';
import { connect, type Server } from './server.ts';
import type { Story } from './step.ts';

const here = dirname(fileURLToPath(import.meta.url));
const LANES = 8;
const PROGRESS_EVERY_MS = 10_000;
/** Stories that are made smaller and shown. */
const SHOWN_MAX = 40;

const HELP = `npm run differential -- [--seed N] [--requests N] [--kinds PATTERN] [--only EPISODE] [--replay FILE] [--stories FILE] [--shown N]

Sends the same generated requests (default 2000, drawn from seed 1) to kube-apiserver and to this checkout's API server, and tells where the
answers part. Stories that part are made as short as they can be; ${SHOWN_MAX} of them are shown, or --shown.
--kinds PATTERN   only kinds whose group, version and resource match
--only EPISODE    one episode of the seed
--stories FILE    writes those stories; --replay FILE plays them again
TIPHYS_PEERS names the folder with upstream's programs.`;

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    requests: { type: 'string', default: '2000' },
    kinds: { type: 'string', default: '' },
    only: { type: 'string' },
    replay: { type: 'string' },
    stories: { type: 'string' },
    shown: { type: 'string', default: String(SHOWN_MAX) },
    help: { type: 'boolean', default: false },
  },
});

async function prepare(server: Server): Promise<void> {
  for (const name of [NAMESPACE, LIMITS_NAMESPACE]) {
    await server.ask('POST', '/api/v1/namespaces', 'application/json', JSON.stringify({ metadata: { name } }));
    await server.ask(
      'POST',
      `/api/v1/namespaces/${name}/serviceaccounts`,
      'application/json',
      JSON.stringify({ metadata: { name: 'default' } }),
    );
  }
  await declareCustomKinds(server);
}

/** Accepted lines begin with `group/version resource`, or `*`, and may end with what the story, or the request that was answered, must have sent. */
function acceptance(): EpisodeOptions['isAccepted'] {
  const accepted = parseAccepted(readFileSync(join(here, 'accepted.txt'), 'utf8'));
  return (kind, line, { sent, patch }) => {
    const found = `${kind.group}/${kind.version} ${kind.resource} ${line}`;
    const lines = [found, `${found} having sent ${sent.join(' ')}`];
    if (hasKeyWithoutEquality(patch)) lines.push(`${found} merging by a key without equality`);
    return judgeDifferences(lines, accepted).acceptedCount > 0;
  };
}

async function runAll(servers: [Server, Server], kinds: readonly Kind[]): Promise<Found[]> {
  const wanted = Number(options.requests);
  const found: Found[] = [];
  const isAccepted = acceptance();
  const began = Date.now();
  let shown = began;
  let [next, requests, refused] = [0, 0, 0];
  const progress = () =>
    `${requests} requests, ${Math.round((100 * refused) / Math.max(1, requests))} % refused, ${Math.round((1000 * requests) / (Date.now() - began))}/s, ${found.length} differences`;
  const lane = async () => {
    while (requests < wanted) {
      const outcome = await runEpisode(servers, { seed: Number(options.seed), episode: next++, kinds, isAccepted });
      requests += outcome.requests;
      refused += outcome.refused;
      if (outcome.found) {
        found.push(outcome.found);
        console.log(briefText(outcome.found));
      }
      if (Date.now() - shown < PROGRESS_EVERY_MS) continue;
      shown = Date.now();
      console.log(progress());
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  console.log(`seed ${options.seed}: ${progress()}`);
  return found;
}

async function show(servers: [Server, Server], found: readonly Found[]): Promise<void> {
  const stories: Story[] = [];
  for (const { count, kind, example } of clustersOf(found).slice(0, Number(options.shown))) {
    const base = collectionPath(example.kind, namespaceIn(example));
    const steps = await minimise(servers, base, example.steps, example.lines[0]!);
    const lines = await tellStory(servers, base, steps);
    console.log(`\n${count} × ${foundText({ ...example, steps, lines: lines.length > 0 ? lines : example.lines })}`);
    stories.push({ kind, steps });
  }
  if (options.stories) writeFileSync(options.stories, `${JSON.stringify(stories, undefined, 1)}\n`);
}

const namespaceIn = ({ steps }: Pick<Found, 'steps'>) => /\/namespaces\/([^/]+)\//.exec(steps[0]!.path)?.[1] ?? NAMESPACE;

async function replay(servers: [Server, Server], kinds: readonly Kind[], file: string): Promise<number> {
  let count = 0;
  for (const { kind: name, steps } of JSON.parse(readFileSync(file, 'utf8')) as Story[]) {
    const kind = kinds.find(({ group, version, resource }) => `${group}/${version} ${resource}` === name);
    if (!kind) throw new Error(`no kind ${name}`);
    const lines = await tellStory(servers, collectionPath(kind, namespaceIn({ steps })), steps);
    if (lines.length > 0) count++;
    console.log(lines.length > 0 ? foundText({ episode: -1, kind, steps, lines }) : `  ${name}: no difference any more`);
  }
  return count;
}

async function main(peers: string): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), 'tiphys-differential-'));
  const tokenFile = join(scratch, 'tokens.csv');
  const upstream = await startUpstream({ peers });
  try {
    writeFileSync(tokenFile, `${upstream.token},admin,admin,"system:masters"\n`, { mode: 0o600 });
    await using cluster = await startCluster({ runtime: 'none', controllers: 'none', scheduler: 'none', tokenFile });
    const servers: [Server, Server] = [
      connect('reference', upstream.port, upstream.token),
      connect('own', Number(new URL(cluster.url).port), upstream.token),
    ];
    await Promise.all(servers.map(prepare));
    const { kinds: all, missing } = kindsWithSeeds();
    if (missing.length > 0) console.log(`without a seed: ${missing.join(', ')}`);
    const kinds = all.filter((kind) => new RegExp(options.kinds).test(`${kind.group}/${kind.version} ${kind.resource}`));
    try {
      if (options.replay) return await replay(servers, kinds, options.replay);
      if (options.only) {
        const { found } = await runEpisode(servers, {
          seed: Number(options.seed),
          episode: Number(options.only),
          kinds,
          isAccepted: acceptance(),
        });
        console.log(found ? foundText(found) : 'no difference');
        return found ? 1 : 0;
      }
      const found = await runAll(servers, kinds);
      await show(servers, found);
      return found.length;
    } finally {
      for (const server of servers) server.close();
    }
  } finally {
    await upstream.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

const peers = process.env.TIPHYS_PEERS;
if (options.help) console.log(HELP);
else if (!peers) console.log('skipped: TIPHYS_PEERS is not set, so there is no upstream server to compare with');
else process.exitCode = (await main(peers)) > 0 ? 1 : 0;
