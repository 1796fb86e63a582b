// Very many watchers: how fast a change reaches all of them, and what it costs that they come back.
import type { ClientHttp2Stream } from 'node:http2';
import { type Connections, connect, latencies, parallel } from './connections.ts';
import { type Marks, watchMarks } from './marks.ts';
import type { Group, Scale } from './measurement.ts';
import { metered } from './meter.ts';
import { type Side, tiphys, upstream } from './servers.ts';
import { snapshot } from './snapshot.ts';

const NAMESPACE = 'watched';
const MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const MERGE = 'application/merge-patch+json';
/** Streams of one connection, which upstream allows at least. */
const STREAMS = 100;
const UPDATES = 40;
const UPDATERS = 4;
const CHANGED_MAPS = 50;
const CHANGERS = 64;
const SELECTIVE = 1000;
const MARK = '"fan-';

async function prepare(side: Side, maps: number): Promise<{ client: Connections; revision: string }> {
  const client = connect({ ...side, count: 4 });
  await client.send('POST', '/api/v1/namespaces', { metadata: { name: NAMESPACE } });
  await parallel(maps, 16, (index) => client.send('POST', MAPS, { metadata: { name: `m-${index}` }, data: { text: 'x'.repeat(1000) } }));
  return { client, revision: (await client.send('GET', `${MAPS}?limit=1`)).metadata.resourceVersion };
}

const change = (client: Connections, map: number, mark: string) =>
  client.send('PATCH', `${MAPS}/m-${map}`, { metadata: { labels: { mark } } }, MERGE);

async function fansOut(side: Side, { watchers }: Scale) {
  const { client, revision } = await prepare(side, UPDATES);
  const readers: Marks[] = [];
  for (let begun = 0; begun < watchers; begun += STREAMS) {
    const path = `${MAPS}?watch=true&resourceVersion=${revision}`;
    readers.push(await watchMarks({ ...side, path, watches: Math.min(STREAMS, watchers - begun), mark: MARK, count: UPDATES }));
  }
  const sentMs: number[] = [];
  const { result, cost } = await metered(side, async () => {
    await parallel(UPDATES, UPDATERS, (index) => {
      sentMs[index] = performance.now();
      return change(client, index, `fan-${index}`);
    });
    return (await Promise.all(readers.map(({ all }) => all))).flat();
  });
  const tookMs = result.flatMap((cameMs) => Array.from(cameMs, (atMs, index) => atMs - sentMs[index]!));
  const { perSecond, p99Ms } = latencies(tookMs, cost.wallMs);
  for (const reader of readers) reader.close();
  const objects = await snapshot(side, NAMESPACE, ['configmaps']);
  client.close();
  const events = watchers * UPDATES;
  const share = (cost.generatorSeconds / (cost.generatorSeconds + cost.serverSeconds)) * 100;
  return { run: { rate: perSecond, p99: p99Ms, cpu: (cost.serverSeconds / events) * 1000, share, grown: cost.grownMebibytes }, objects };
}

export const fanOut: Group = {
  title: 'watch fan-out',
  roundsMax: 3,
  ours: tiphys,
  theirs: upstream,
  run: fansOut,
  rows: [
    { label: 'watch fan-out, many watchers', figure: 'rate', unit: 'events/s', goal: { atLeast: 4 } },
    { label: 'watch fan-out, many watchers: p99', figure: 'p99', unit: 'ms', goal: { atMost: 1 / 4 } },
    { label: 'watch fan-out, many watchers: CPU of the servers for one event', figure: 'cpu', unit: 'ms', digits: 4 },
    { label: "watch fan-out: the generator's share of the CPU", figure: 'share', unit: '%' },
  ],
};

/** Follows the revision that a stream has told of, by an event or a bookmark. */
function follow(stream: ClientHttp2Stream, from: string): () => string {
  let revision = from;
  let rest = '';
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop()!;
    for (const line of lines) revision = /"resourceVersion":"(\d+)"/.exec(line)?.[1] ?? revision;
  });
  return () => revision;
}

/** Events that the server looked at when watches began, so far. */
async function initEvents(client: Connections): Promise<number> {
  const { status, body } = await client.request('GET', '/metrics');
  if (status !== 200) throw new Error(`metrics were answered ${status}`);
  let sum = 0;
  for (const line of body.toString().split('\n')) {
    if (line.startsWith('apiserver_init_events_total{') && line.includes('configmaps')) sum += Number(line.slice(line.lastIndexOf(' ')));
  }
  return sum;
}

const selective = `${MAPS}?watch=true&allowWatchBookmarks=true&labelSelector=mark%3Dnever`;

/** Opens a watch from each revision; those that are refused would have to list again, and are counted so. */
async function comeBack(side: Side, client: Connections, revisions: readonly string[]): Promise<{ replayed: number; relisted: number }> {
  const before = await initEvents(client);
  const connections = connect({ ...side, count: Math.ceil(revisions.length / STREAMS) });
  let relisted = 0;
  await parallel(revisions.length, STREAMS, async (index) => {
    const stream = await connections.open(`${selective}&timeoutSeconds=3&resourceVersion=${revisions[index]}`);
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    await new Promise((settle) => stream.on('close', settle));
    if (text.includes('"ERROR"')) relisted++;
  });
  connections.close();
  return { replayed: (await initEvents(client)) - before, relisted };
}

async function restarts(side: Side, { changes }: Scale) {
  const { client, revision } = await prepare(side, CHANGED_MAPS);
  const connections = connect({ ...side, count: SELECTIVE / STREAMS });
  const known: (() => string)[] = [];
  await parallel(SELECTIVE, STREAMS, async () => {
    known.push(follow(await connections.open(`${selective}&resourceVersion=${revision}`), revision));
  });
  await parallel(changes, CHANGERS, (index) => change(client, index % CHANGED_MAPS, `c${index}`));
  const marked = known.map((each) => each());
  connections.close();
  const withMarks = await comeBack(side, client, marked);
  const without = await comeBack(
    side,
    client,
    known.map(() => revision),
  );
  client.close();
  return {
    run: {
      replayed: withMarks.replayed,
      relisted: withMarks.relisted,
      fewer: without.replayed / Math.max(1, withMarks.replayed),
      relistedWithout: without.relisted,
    },
  };
}

export const watchRestarts: Group = {
  title: 'watch restarts',
  roundsMax: 2,
  ours: tiphys,
  theirs: upstream,
  run: restarts,
  rows: [
    { label: 'watch restart of 1,000: init events replayed with bookmarks', figure: 'replayed', unit: '', goal: { atMost: 1 / 10 } },
    { label: 'watch restart: times fewer than without bookmarks (goal: 40)', figure: 'fewer', unit: '×' },
    { label: 'watch restart with bookmarks: watches that must list again', figure: 'relisted', unit: '' },
    { label: 'watch restart without bookmarks: watches that must list again', figure: 'relistedWithout', unit: '' },
  ],
};
