// Start, memory, and the requests of everyday work: loadgen's measurements with 16 clients.
import { loadgen } from './loadgen.ts';
import type { Group, Row, Run, Scale } from './measurement.ts';
import { mebibytes } from './meter.ts';
import { type Side, tiphys, upstream, usedSeconds } from './servers.ts';
import { snapshot } from './snapshot.ts';

const SETTLE_MS = 5000;
const IDLE_MS = 10_000;
const NAMESPACE = 'loadgen';
/** loadgen's own counts beside the pods'. */
const SEQUENTIAL = 300;
const APPLIES = 500;
const LISTS = 7;
const FAN_OUT = 100 * 200;

const sleep = (ms: number) => new Promise((settle) => setTimeout(settle, ms));

/** What one unit of a measurement costs the servers, in milliseconds of CPU. */
function costs(serverSeconds: ReadonlyMap<string, number>, pods: number): Run {
  const units: Record<string, number> = {
    'create-seq': SEQUENTIAL,
    create: pods,
    get: pods * 2,
    'patch-status': pods / 2,
    apply: APPLIES,
    'list-consistent': LISTS,
    'list-cache': LISTS,
    'list-selector': LISTS,
    'watch-fanout': FAN_OUT,
    'delete-collection': pods,
  };
  const run: Run = {};
  for (const [name, count] of Object.entries(units)) run[`${name}.cpu`] = ((serverSeconds.get(name) ?? 0) / count) * 1000;
  return run;
}

async function measure(side: Side, { peers, pods }: Scale) {
  await sleep(SETTLE_MS);
  const idleMebibytes = mebibytes(side);
  const usedBefore = usedSeconds(side);
  await sleep(IDLE_MS);
  const idlePercent = ((usedSeconds(side) - usedBefore) / IDLE_MS) * 1000 * 100;
  const options = { peers, side, namespace: NAMESPACE, pods };
  const requests = await loadgen({ ...options, only: ['create-seq', 'create', 'get', 'patch', 'apply', 'list'] });
  const loadedMebibytes = mebibytes(side);
  const watches = await loadgen({ ...options, only: ['watch'] });
  const objects = await snapshot(side, NAMESPACE, ['pods', 'configmaps']);
  const deletion = await loadgen({ ...options, only: ['delete'] });
  // Where a run repeats a measurement to prepare its own, the first counts.
  const runs = [watches, deletion, requests];
  const run: Run = {
    ...Object.fromEntries(runs.flatMap(({ figures }) => [...figures])),
    ...costs(new Map(runs.flatMap(({ serverSeconds }) => [...serverSeconds])), pods),
    ready: side.readySeconds,
    account: side.accountSeconds,
    idleMebibytes,
    idlePercent,
    loadedMebibytes,
  };
  return { run, objects };
}

const rate = (label: string, name: string, atLeast: number): Row[] => [
  { label, figure: `${name}.rate`, unit: '/s', goal: { atLeast } },
  { label: `${label}: p99`, figure: `${name}.p99`, unit: 'ms', digits: 1 },
  { label: `${label}: CPU of the servers for one`, figure: `${name}.cpu`, unit: 'ms', digits: 2 },
];
const list = (label: string, name: string, atMost: number): Row[] => [
  { label, figure: `${name}.mean`, unit: 'ms', digits: 1, goal: { atMost } },
  { label: `${label}: CPU of the servers for one`, figure: `${name}.cpu`, unit: 'ms', digits: 1, goal: { atMost: 1 / 20 } },
];

export const requests: Group = {
  title: 'start, memory and everyday requests',
  ours: tiphys,
  theirs: upstream,
  run: measure,
  rows: [
    { label: 'from nothing to ready', figure: 'ready', unit: 's', digits: 2, goal: { atMost: 1 / 10 } },
    { label: 'from nothing to the default service account', figure: 'account', unit: 's', digits: 2, goal: { atMost: 1 / 15 } },
    { label: 'memory of the idle control plane', figure: 'idleMebibytes', unit: 'MiB', goal: { atMost: 1 / 4 } },
    { label: 'CPU of the idle control plane, of one core', figure: 'idlePercent', unit: '%', digits: 1 },
    { label: 'memory after the load', figure: 'loadedMebibytes', unit: 'MiB', goal: { atMost: 1 / 3 } },
    ...rate('creates, one client', 'create-seq', 2),
    ...rate('creates, 16 clients', 'create', 5),
    ...rate('gets, 16 clients', 'get', 4),
    ...rate('status patches, 16 clients', 'patch-status', 6),
    ...rate('applies, 16 clients', 'apply', 2),
    ...list('list of all pods, consistent', 'list-consistent', 1 / 6),
    ...list('list of all pods, from cache', 'list-cache', 1 / 6),
    ...list('list of pods by label', 'list-selector', 1 / 10),
    { label: 'watch fan-out, 100 watchers', figure: 'watch-fanout.rate', unit: 'events/s', goal: { atLeast: 4 } },
    { label: 'watch fan-out, 100 watchers: p99', figure: 'watch-fanout.p99', unit: 'ms', goal: { atMost: 1 / 4 } },
    { label: 'watch fan-out: CPU of the servers for one event', figure: 'watch-fanout.cpu', unit: 'ms', digits: 4 },
    { label: 'deletecollection of all pods', figure: 'delete-collection', unit: 'pods/s', goal: { atLeast: 10 } },
    { label: 'deletecollection: CPU of the servers for one pod', figure: 'delete-collection.cpu', unit: 'ms', digits: 3 },
  ],
};
