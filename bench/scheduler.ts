// How fast pods that wait get their nodes: API server and scheduler, no nodes and no controllers. The same nodes and pods for our
// scheduler on our server (in memory, one process) and for kube-scheduler on kube-apiserver with etcd, and every placement checked.
// Run: node bench/scheduler.ts [--nodes 5000] [--pods 10000] [--only CASE,…] [--own]
import { parseArgs } from 'node:util';
import { corev1 } from '@tiphys/api';
import { type Client, clientFromKubeconfig, inProcessClient } from '@tiphys/client';
import { builtinDefinitions } from '@tiphys/registry';
import { realRuntime } from '@tiphys/runtime';
import { startScheduler } from '@tiphys/scheduler';
import { createApiServer } from '@tiphys/server';
import { memoryStore } from '@tiphys/storage';
import { startUpstream } from '../tools/upstream/upstream.ts';
import { report } from './measure.ts';
import { misplacements } from './placements.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '5000' },
    pods: { type: 'string', default: '10000' },
    only: { type: 'string' },
    own: { type: 'boolean', default: false },
  },
});
const NODES = Number(values.nodes);
const PODS = Number(values.pods);
const PARALLEL = 64;
const ZONES = 10;
const NAMESPACE = 'default';
const HOSTNAME = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';

type Wanted = Partial<corev1.PodSpec>;
const term = (topologyKey: string) => ({ topologyKey, labelSelector: { matchLabels: { app: 'x' } } });
const required = (topologyKey: string) => ({ requiredDuringSchedulingIgnoredDuringExecution: [term(topologyKey)] });
const preferred = (topologyKey: string) => ({
  preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term(topologyKey) }],
});
const spread = (whenUnsatisfiable: string) => ({
  topologySpreadConstraints: [{ maxSkew: 5, topologyKey: ZONE, whenUnsatisfiable, labelSelector: { matchLabels: { app: 'x' } } }],
});

/** Named as in upstream's scheduler_perf; the share is of the pods, where the full count would take upstream too long. */
const CASES: Record<string, { spec: Wanted; share: number }> = {
  SchedulingBasic: { spec: {}, share: 1 },
  SchedulingPodAntiAffinity: { spec: { affinity: { podAntiAffinity: required(HOSTNAME) } }, share: 0.2 },
  SchedulingPodAffinity: { spec: { affinity: { podAffinity: required(ZONE) } }, share: 0.5 },
  SchedulingPreferredPodAffinity: { spec: { affinity: { podAffinity: preferred(HOSTNAME) } }, share: 0.5 },
  SchedulingPreferredPodAntiAffinity: { spec: { affinity: { podAntiAffinity: preferred(HOSTNAME) } }, share: 0.5 },
  TopologySpreading: { spec: spread('DoNotSchedule'), share: 0.5 },
  PreferredTopologySpreading: { spec: spread('ScheduleAnyway'), share: 0.5 },
};

async function each(count: number, make: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await make(next++);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

async function fill(client: Client, spec: Wanted, pods: number): Promise<void> {
  const capacity = { cpu: '32', memory: '256Gi', pods: '110' };
  const status = { capacity, allocatable: capacity, conditions: [{ type: 'Ready', status: 'True' }] } as corev1.NodeStatus;
  await client
    .of(corev1.namespaces)
    .create({ metadata: { name: NAMESPACE } })
    .catch(() => undefined);
  await client
    .of(corev1.serviceaccounts)
    .create({ metadata: { name: 'default', namespace: NAMESPACE } })
    .catch(() => undefined);
  await each(NODES, async (index) => {
    const name = `node-${index}`;
    const node = await client
      .of(corev1.nodes)
      .create({ metadata: { name, labels: { [HOSTNAME]: name, [ZONE]: `zone-${index % ZONES}` } }, status });
    // Admission marks new nodes as not ready; the node lifecycle controller, which is not here, would take that back.
    if (node.spec?.taints?.length) await client.of(corev1.nodes).patch(name, undefined, 'merge', { spec: { taints: null } });
  });
  const containers = [{ name: 'c', image: 'registry.k8s.io/pause:3.10', resources: { requests: { cpu: '100m', memory: '500Mi' } } }];
  await each(pods, (index) =>
    client.of(corev1.pods).create({
      metadata: { name: `pod-${index}`, namespace: NAMESPACE, labels: { app: 'x' } },
      spec: { containers, ...spec },
    }),
  );
}

/** Seconds from the scheduler's start to the last pod bound. */
async function timed(client: Client, pods: number, start: () => Promise<unknown>): Promise<number> {
  const informer = client.informer(corev1.pods);
  await informer.synced();
  const bound = new Set<string>();
  const all = Promise.withResolvers<void>();
  const look = (pod: corev1.Pod) => {
    if (pod.spec?.nodeName) bound.add(pod.metadata!.name!);
    if (bound.size === pods) all.resolve();
  };
  const stop = informer.subscribe({ added: look, updated: look });
  // Nothing else may keep the process alive while a program beside it works.
  const hold = setInterval(() => {}, 60_000);
  const startMs = performance.now();
  await start();
  await all.promise;
  const seconds = (performance.now() - startMs) / 1000;
  clearInterval(hold);
  stop();
  const nodes = (await client.of(corev1.nodes).list()).items;
  const wrong = misplacements(informer.list(NAMESPACE), nodes);
  if (wrong.length > 0) throw new Error(`${wrong.length} pods are where they may not be: ${wrong.slice(0, 3).join('; ')}`);
  return seconds;
}

async function own(spec: Wanted, pods: number): Promise<number> {
  const runtime = realRuntime();
  await using server = createApiServer({ runtime, store: memoryStore(), definitions: builtinDefinitions() });
  await server.ready;
  const client = inProcessClient({ handler: server, runtime, user: { name: 'bench', groups: ['system:masters'] } });
  await fill(client, spec, pods);
  let scheduler: ReturnType<typeof startScheduler> | undefined;
  const seconds = await timed(client, pods, async () => {
    scheduler = startScheduler({ client, runtime });
  });
  await scheduler?.stop();
  await client.close();
  return seconds;
}

async function upstream(peers: string, spec: Wanted, pods: number): Promise<number> {
  const reference = await startUpstream({
    peers,
    apiServerFlags: ['--max-requests-inflight=3000', '--max-mutating-requests-inflight=1000'],
  });
  const client = clientFromKubeconfig({ path: reference.kubeconfig, runtime: realRuntime() });
  try {
    await fill(client, spec, pods);
    return await timed(client, pods, () => reference.startScheduler({ clientConnection: { qps: 5000, burst: 10_000 } }));
  } finally {
    await client.close();
    await reference.stop();
  }
}

const peers = values.own ? undefined : process.env.TIPHYS_PEERS;
if (!peers) console.log('without upstream: TIPHYS_PEERS is not set, or --own was given');
const names = values.only?.split(',') ?? Object.keys(CASES);
const rows: string[] = [];
for (const name of names) {
  const { spec, share } = CASES[name]!;
  const pods = Math.round(PODS * share);
  // Ours, theirs, ours: the second time on compiled code, as a server that runs for long is; both are shown.
  const first = pods / (await own(spec, pods));
  const theirs = peers ? pods / (await upstream(peers, spec, pods)) : undefined;
  const second = pods / (await own(spec, pods));
  const ratio = theirs ? `${(Math.min(first, second) / theirs).toFixed(0)}×` : '-';
  rows.push(`| ${name} | ${pods} | ${first.toFixed(0)} / ${second.toFixed(0)} | ${theirs?.toFixed(0) ?? '-'} | ${ratio} |`);
  console.log(rows.at(-1));
}
const table = ['| case | pods | Tiphys, pods/s (two runs) | upstream, pods/s | at least |', '|---|---|---|---|---|', ...rows];
report('scheduler', 'Pods that wait get their nodes', [`${NODES} nodes in ${ZONES} zones; every placement was checked.`, '', ...table]);
