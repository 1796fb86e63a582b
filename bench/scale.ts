// Clusters of any size in one process: nodes and pods from nothing, a large Deployment, memory, and an idle day on the virtual clock.
// Goals on two cores: 5,000 nodes Ready and 10,000 pods Running ≤ 10 s; 5,000 replicas bound ≤ 5 s; 5,000 nodes and 50,000 pods in
// ≤ 1.5 GB; a day of 100 idle nodes ≤ 60 s. CPU seconds stand beside the time, for machines that do other things too.
//   npm run bench -- scale [PART]     nodes-and-pods, deployment, memory or day; each in a process of its own
import { spawnSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { appsv1, corev1, type KubeObject, type ResourceType } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import { startCluster } from '@tiphys/cluster';
import { VirtualCluster } from '@tiphys/simulation';
import { report } from './measure.ts';

const NODES = 5000;
const NAMESPACE = 'default';
const AT_ONCE = 200;
/** A part that is not done by then says how far it has come. */
const LIMIT_SECONDS = 120;

/** What is waited for, with how much of it there is. */
const progress: (() => string)[] = [];

/** Resolves when so many objects of the type are as they should be. */
function until<T extends KubeObject>(client: Client, type: ResourceType<T>, count: number, holds: (object: T) => boolean): Promise<void> {
  const informer = client.informer(type);
  const done = new Set<string>();
  progress.push(() => `${done.size} of ${count} ${type.resource}`);
  return new Promise((resolve) => {
    const look = (object: T) => {
      if (holds(object) && done.add(object.metadata!.uid!).size === count) resolve();
    };
    informer.subscribe({ added: look, updated: look });
  });
}

const template = (name: string) => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '10m' } } }] } as corev1.PodSpec,
});

const isNodeReady = ({ status }: corev1.Node) =>
  status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
const isRunning = ({ status }: corev1.Pod) => status?.phase === 'Running';

async function createPods(client: Client, count: number): Promise<void> {
  const pods = client.of(corev1.pods);
  let next = 0;
  const worker = async () => {
    while (next < count) await pods.create({ metadata: { name: `pod-${next++}`, namespace: NAMESPACE }, spec: template('pod').spec });
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Wall and CPU seconds of the work. */
async function timed(what: string, work: () => Promise<unknown>): Promise<string> {
  const [startedMs, cpuBefore] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpuBefore);
  return `${what}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} CPU seconds`;
}

const started = () => startCluster({ runtime: 'simulated', nodes: NODES });

async function withPods(count: number): Promise<{ client: Client; close(): Promise<void> }> {
  const cluster = await started();
  const ready = until(cluster.client, corev1.nodes, NODES, isNodeReady);
  const running = until(cluster.client, corev1.pods, count, isRunning);
  await createPods(cluster.client, count);
  await Promise.all([ready, running]);
  return cluster;
}

const PARTS: Readonly<Record<string, () => Promise<string>>> = {
  'nodes-and-pods': async () => {
    let close = async () => {};
    const line = await timed('5,000 nodes Ready and 10,000 pods Running, from nothing', async () => {
      const cluster = await withPods(10_000);
      close = () => cluster.close();
    });
    await close();
    return line;
  },
  deployment: async () => {
    await using cluster = await started();
    await until(cluster.client, corev1.nodes, NODES, isNodeReady);
    return await timed('a Deployment of 5,000 replicas, until all are bound', async () => {
      const bound = until(cluster.client, corev1.pods, 5000, ({ spec }) => Boolean(spec?.nodeName));
      const spec = { replicas: 5000, selector: { matchLabels: { app: 'web' } }, template: template('web') };
      await cluster.client.of(appsv1.deployments).create({ metadata: { name: 'web', namespace: NAMESPACE }, spec });
      await bound;
    });
  },
  memory: async () => {
    const cluster = await withPods(50_000);
    const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
    const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
    const parts = `${gigabytes(heapUsed)} heap in use, ${gigabytes(arrayBuffers)} encoded`;
    await cluster.close();
    return `5,000 nodes and 50,000 pods Running: ${gigabytes(rss)} resident (${parts})`;
  },
  day: async () => {
    await using cluster = new VirtualCluster({ seed: 1, nodes: 100 });
    await cluster.start();
    return await timed('a day of 100 idle nodes on the virtual clock', () => cluster.clock.advance(86_400_000));
  },
};

const part = process.argv[3];
if (part) {
  const limit = setTimeout(() => {
    const { user, system } = process.cpuUsage();
    const far = progress.map((each) => each()).join(', ');
    console.log(`${part}: not done in ${LIMIT_SECONDS} s and ${((user + system) / 1e6).toFixed(1)} CPU seconds, ${far}`);
    process.exit();
  }, LIMIT_SECONDS * 1000);
  console.log(await PARTS[part]!());
  clearTimeout(limit);
} else {
  const lines = Object.keys(PARTS).map((name) => {
    const load = loadavg()[0]!.toFixed(1);
    // A child that never comes to its own timer is ended.
    const timeout = 2 * LIMIT_SECONDS * 1000;
    const { stdout, stderr } = spawnSync(process.execPath, [process.argv[1]!, 'scale', name], { encoding: 'utf8', timeout });
    return `- ${stdout.trim() || stderr || `${name}: ended after ${2 * LIMIT_SECONDS} s`} (load before: ${load})`;
  });
  report('scale', 'Clusters of any size', lines);
}
