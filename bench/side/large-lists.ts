// A selector that matches nothing among very many objects, and large lists read slowly by several at once.
import type { ClientHttp2Stream } from 'node:http2';
import { connect, parallel } from './connections.ts';
import type { Group, Scale } from './measurement.ts';
import { metered } from './meter.ts';
import { type Side, tiphys, upstream } from './servers.ts';

const NAMESPACE = 'large';
const MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const WRITERS = 64;
const SMALL_BYTES = 512;
const LARGE_BYTES = 1_000_000;
const SELECTIONS = 10;
const READERS = 10;
/** A slow reader takes this much, and then a rest. */
const SIP_BYTES = 4 * 1024 * 1024;
const REST_MS = 100;

async function fill(side: Side, count: number, bytes: number): Promise<void> {
  const client = connect({ ...side, count: 4 });
  await client.send('POST', '/api/v1/namespaces', { metadata: { name: NAMESPACE } });
  const map = (index: number) => ({ metadata: { name: `m-${index}`, labels: { app: 'large', shard: `s${index % 10}` } } });
  const data = { text: 'x'.repeat(bytes) };
  await parallel(count, WRITERS, (index) => client.send('POST', MAPS, { ...map(index), data }));
  client.close();
}

async function selects(side: Side, { objects }: Scale) {
  await fill(side, objects, SMALL_BYTES);
  const client = connect(side);
  const list = async () => {
    const { items } = await client.send('GET', `${MAPS}?labelSelector=app%3Dnothing`);
    if (items.length > 0) throw new Error('the selector matches something');
  };
  await list();
  const { result, cost } = await metered(side, () => parallel(SELECTIONS, 1, list));
  client.close();
  return { run: { p50: result.p50Ms, cpu: (cost.serverSeconds / SELECTIONS) * 1000 } };
}

export const selectors: Group = {
  title: 'a selector among many objects',
  roundsMax: 2,
  ours: tiphys,
  theirs: upstream,
  run: selects,
  rows: [
    { label: 'list by a selector that matches none', figure: 'p50', unit: 'ms', digits: 1, goal: { atMost: 1 / 100 } },
    { label: 'list by a selector that matches none: CPU of the servers', figure: 'cpu', unit: 'ms', digits: 1 },
  ],
};

/** Bytes of the whole answer. */
function readSlowly(stream: ClientHttp2Stream): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let sip = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      sip += chunk.length;
      if (sip < SIP_BYTES) return;
      sip = 0;
      stream.pause();
      setTimeout(() => stream.resume(), REST_MS);
    });
    stream.on('end', () => resolve(bytes));
    stream.on('error', reject);
  });
}

async function reads(side: Side, { listMegabytes }: Scale) {
  await fill(side, listMegabytes, LARGE_BYTES);
  const clients = Array.from({ length: READERS }, () => connect({ ...side, windowBytes: 1024 * 1024 }));
  const { result, cost } = await metered(side, () => Promise.all(clients.map((each) => each.open(MAPS).then(readSlowly))));
  for (const each of clients) each.close();
  const [least, most] = [Math.min(...result), Math.max(...result)];
  if (least !== most || least < listMegabytes * LARGE_BYTES) throw new Error(`lists of different sizes: ${result.join(', ')}`);
  const peak = cost.mostMebibytes;
  return { run: { grown: cost.grownMebibytes, peak, seconds: cost.wallMs / 1000, cpu: cost.serverSeconds } };
}

export const slowReaders: Group = {
  title: 'large lists at once',
  roundsMax: 3,
  ours: tiphys,
  theirs: upstream,
  run: reads,
  rows: [
    { label: 'ten large lists at once with slow readers: memory growth', figure: 'grown', unit: 'MiB', goal: { atMost: 1 / 10 } },
    { label: 'ten large lists at once with slow readers: most memory', figure: 'peak', unit: 'MiB' },
    { label: 'ten large lists at once: until all are read', figure: 'seconds', unit: 's', digits: 1 },
    { label: 'ten large lists at once: CPU of the servers', figure: 'cpu', unit: 's', digits: 1 },
  ],
};
