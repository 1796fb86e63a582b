// The kill -9 proof: a cluster with running pods is killed at random moments and started again. Everything that was acknowledged must
// be there, and containers must not notice.
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { appsv1, corev1 } from '@tiphys/api';
import type { Client } from '@tiphys/client';
import type { Random } from '@tiphys/runtime';
import { startedTicks } from '../data-folder.ts';
import { acknowledgedWrites } from './acknowledged-writes.ts';
import { beginClusterProcess, type ClusterProcess, type ProcessOptions, startClusterProcess } from './cluster-process.ts';
import { loadTestImage, serverCommand, TEST_IMAGE } from './images.ts';
import { cgroupOf } from './machine-state.ts';
import { isNodeReady } from './pods.ts';
import { until } from './until.ts';

const NAME = 'survivor';
const PORT = 8080;
const REPLICAS = 2;
const READY_MS_MAX = 60_000;
const KILL_WITHIN_MS = 1200;
/** Every so many cycles the start itself is killed once, somewhere within about its length. */
const KILLED_START_EVERY = 3;
const START_MS = 1500;

export interface CycleReport {
  killedAfterMs: number;
  killedStartAfterMs?: number;
  startMs: number;
  acknowledged: number;
  /** What should not have happened, in sentences. */
  failures: string[];
}

export interface KillCycles {
  cycle(): Promise<CycleReport>;
  /** Ends the cluster as Ctrl-C does. */
  close(): Promise<void>;
}

async function deploy(client: Client): Promise<void> {
  const labels = { app: NAME };
  const container = { name: 'server', image: TEST_IMAGE, imagePullPolicy: 'Never' as const, command: serverCommand(PORT) };
  await client.of(appsv1.deployments).create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: NAME, namespace: 'default' },
    spec: {
      replicas: REPLICAS,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ ...container, volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] }],
          volumes: [{ name: 'scratch', emptyDir: { medium: 'Memory' } }],
        },
      },
    },
  });
  await client.of(corev1.services).create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: NAME, namespace: 'default' },
    spec: { selector: labels, ports: [{ port: 80, targetPort: PORT }] },
  });
}

function processesBelow(folder: string): string[] {
  const own = readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...own, ...folders.flatMap((entry) => processesBelow(join(folder, entry.name)))];
}

/** Every process of the cluster's containers, each with the time of its start. */
function containerProcesses(directory: string): string[] {
  const hierarchy = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'].find((path) => readdirSync(path).includes(cgroupOf(join(directory, 'node'))));
  const pids = hierarchy ? processesBelow(join(hierarchy, cgroupOf(join(directory, 'node')))) : [];
  return pids.map((pid) => `${pid}@${startedTicks(Number(pid))}`).sort();
}

interface Running {
  /** One line for each pod: name, uid, sandbox address, and each container's id and restarts. */
  pods: string[];
  processes: string[];
}

async function survivors(client: Client): Promise<readonly corev1.Pod[]> {
  return (await client.of(corev1.pods).list({ namespace: 'default', labelSelector: `app=${NAME}` })).items;
}

function described(pod: corev1.Pod): string {
  const statuses = pod.status?.containerStatuses ?? [];
  const containers = statuses.map((status) => `${status.containerID} restarts=${status.restartCount} ready=${status.ready}`);
  return [pod.metadata!.name, pod.metadata!.uid, pod.status?.phase, pod.status?.podIP, ...containers].join(' ');
}

async function running(client: Client, directory: string): Promise<Running> {
  return { pods: (await survivors(client)).map(described).sort(), processes: containerProcesses(directory) };
}

async function allReady(client: Client): Promise<boolean> {
  const pods = await survivors(client);
  const isReady = (pod: corev1.Pod) => pod.status?.containerStatuses?.[0]?.ready === true && !pod.metadata!.deletionTimestamp;
  return pods.length === REPLICAS && pods.every(isReady);
}

const ANSWER_MS_MAX = 10_000;

/** What the service answers, through the kernel's rules. */
export function askService(address: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ host: address, port }, () => socket.write('GET / HTTP/1.0\r\n\r\n'));
    socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy(new Error(`no answer from ${address}:${port}`)));
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    socket.once('error', reject);
    socket.once('close', () =>
      answer.includes('200 OK') ? resolve(answer) : reject(new Error(`${address}:${port} answered "${answer}"`)),
    );
  });
}

/** Asks the service again and again, whatever the cluster does meanwhile. */
function followService(address: string): { failures: string[]; stop(): Promise<void> } {
  const failures: string[] = [];
  let going = true;
  const asking = (async () => {
    while (going) {
      await askService(address, 80).catch((error: Error) => failures.push(`the service failed: ${error.message}`));
      await delay(20);
    }
  })();
  return {
    failures,
    stop: () => {
      going = false;
      return asking;
    },
  };
}

function compared(before: Running, after: Running): string[] {
  const difference = (what: string, was: readonly string[], is: readonly string[]) =>
    was.join('\n') === is.join('\n') ? [] : [`${what} changed from\n${was.join('\n')}\nto\n${is.join('\n')}`];
  return [...difference('pods', before.pods, after.pods), ...difference('processes of containers', before.processes, after.processes)];
}

/** Resolves with the service's address when its pods answer there. */
async function prepared(client: Client, directory: string): Promise<string> {
  await loadTestImage(join(directory, 'node'));
  await deploy(client);
  await until('all pods are ready', READY_MS_MAX, () => allReady(client));
  const address = (await client.of(corev1.services).get(NAME, 'default')).spec!.clusterIP!;
  await until('the service answers', READY_MS_MAX, () => askService(address, 80));
  return address;
}

/** Starts the cluster with its pods; each cycle kills it and starts it again. */
export async function startKillCycles(options: ProcessOptions & { directory: string }, random: Random): Promise<KillCycles> {
  let cluster: ClusterProcess = await startClusterProcess(options);
  const address = await prepared(cluster.client, options.directory).catch(async (error) => {
    await cluster.stop();
    throw error;
  });
  const writes = acknowledgedWrites();
  let cycles = 0;

  const cycle = async (): Promise<CycleReport> => {
    const before = await running(cluster.client, options.directory);
    const follower = followService(address);
    const acknowledgedBefore = writes.count();
    const writing = writes.run(cluster.client);
    const killedAfterMs = Math.floor(random.number() * KILL_WITHIN_MS);
    await delay(killedAfterMs);
    await cluster.kill();
    await writing.stopped;
    let killedStartAfterMs: number | undefined;
    if (cycles++ % KILLED_START_EVERY === KILLED_START_EVERY - 1) {
      killedStartAfterMs = Math.floor(random.number() * START_MS);
      const starting = beginClusterProcess(options);
      await delay(killedStartAfterMs);
      await starting.kill();
    }
    const startedAt = performance.now();
    cluster = await startClusterProcess(options);
    const startMs = performance.now() - startedAt;
    const { client } = cluster;
    const failures = await writes.losses(client);
    await until('the node is ready', READY_MS_MAX, () => isNodeReady(client));
    await until('all pods are ready', READY_MS_MAX, () => allReady(client));
    failures.push(...compared(before, await running(client, options.directory)));
    await follower.stop();
    failures.push(...new Set(follower.failures));
    const acknowledged = writes.count() - acknowledgedBefore;
    return { killedAfterMs, startMs, acknowledged, failures, ...(killedStartAfterMs === undefined ? {} : { killedStartAfterMs }) };
  };
  return { cycle, close: () => cluster.stop() };
}
