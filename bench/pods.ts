// From created to Running, as a watcher sees it, with the image present: one pod after another, and sixty at once. Beside
// upstream's kubelet when TIPHYS_PEERS and REFERENCE_KUBECONFIG (a cluster of upstream's on this machine) are set.
// Goals: p50 ≤ 250 ms; sixty ≤ 8 s. Beside them what the same sixty cost when CRI is called without anything of ours around it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { corev1 } from '@tiphys/api';
import { type Client, clientFromKubeconfig } from '@tiphys/client';
import { dataFolder, obstacles } from '@tiphys/cluster';
import { type CriClient, cgroupRoot, containerdPaths, criClient } from '@tiphys/node';
import { realClock } from '@tiphys/runtime';
import { bundle, type Figures, figures, machineCpuSeconds, report, tiphys } from './measure.ts';

const IMAGE = 'bench/pause:1';
const SEQUENTIAL = 20;
const BURST = 60;
const ROUNDS = 3;
/** What ends behind a pod's back: its sandbox is removed after the API has forgotten it. */
const SETTLE_MS = 3000;
const settled = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));

const podNamed = (name: string, image: string): corev1.Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'c', image, imagePullPolicy: 'Never' }] },
});

/** Milliseconds from just before the create to the Running event, for each pod. */
async function latencies(client: Client, image: string, count: number, together: boolean): Promise<number[]> {
  const pods = client.of(corev1.pods);
  const informer = client.informer(corev1.pods, { namespace: 'default' });
  await informer.synced();
  const waiting = new Map<string, () => void>();
  const stop = informer.subscribe({ updated: (pod) => pod.status?.phase === 'Running' && waiting.get(pod.metadata!.name!)?.() });
  const one = async (index: number) => {
    const name = `bench-${index}`;
    const started = performance.now();
    const running = new Promise<void>((settle) => waiting.set(name, settle));
    await pods.create(podNamed(name, image));
    await running;
    return performance.now() - started;
  };
  const took: number[] = [];
  await timed(async () => {
    if (together) took.push(...(await Promise.all(Array.from({ length: count }, (_, index) => one(index)))));
    else for (let index = 0; index < count; index++) took.push(await one(index));
  });
  const gone = new Promise<void>((settle) => {
    let left = count;
    informer.subscribe({ deleted: () => --left === 0 && settle() });
  });
  // Not by force: a pod that is gone from the API before its processes are would burden the next measurement.
  for (let index = 0; index < count; index++) await pods.delete(`bench-${index}`, 'default');
  await gone;
  stop();
  return took;
}

interface Measured {
  sequential: Figures;
  burst: Figures;
  /** CPU seconds of the whole machine during a burst. */
  cpu: Figures;
}

/** `run` answers the milliseconds of each pod. */
async function measured(run: (count: number, together: boolean) => Promise<number[]>): Promise<Measured> {
  const sequential: number[] = [];
  const bursts: number[] = [];
  const cpu: number[] = [];
  await run(3, false);
  for (let round = 0; round < ROUNDS; round++) {
    await settled();
    sequential.push(...(await run(SEQUENTIAL, false)));
    await settled();
    bursts.push(Math.max(...(await run(BURST, true))));
    cpu.push(lastRunCpuSeconds);
  }
  return { sequential: figures(sequential), burst: figures(bursts), cpu: figures(cpu) };
}

/** Set when the last pod runs, before anything is taken away. */
let lastRunCpuSeconds = 0;

async function timed<T>(work: () => Promise<T>): Promise<T> {
  const before = machineCpuSeconds();
  const result = await work();
  lastRunCpuSeconds = machineCpuSeconds() - before;
  return result;
}

async function measureCluster(kubeconfig: string, image: string): Promise<Measured> {
  const client = await clientFromKubeconfig({ path: kubeconfig });
  return measured((count, together) => latencies(client, image, count, together)).finally(() => client.close());
}

async function bareCall(cri: CriClient, nodeFolder: string, image: string, index: number): Promise<{ id: string; tookMs: number }> {
  const logDirectory = join(nodeFolder, 'bare-logs', String(index));
  mkdirSync(join(logDirectory, 'c'), { recursive: true });
  const sandbox = {
    metadata: { name: `bare-${index}`, namespace: 'bare', uid: `bare-${index}`, attempt: 0 },
    hostname: `bare-${index}`,
    logDirectory,
    linux: { cgroupParent: `${cgroupRoot(nodeFolder)}/bare`, securityContext: { namespaceOptions: { pid: 1 } } },
  };
  const started = performance.now();
  const id = await cri.runPodSandbox({ config: sandbox });
  const config = { metadata: { name: 'c', attempt: 0 }, image: { image }, logPath: 'c/0.log', linux: {} };
  await cri.startContainer(await cri.createContainer({ podSandboxId: id, config, sandboxConfig: sandbox }));
  return { id, tookMs: performance.now() - started };
}

/** The floor: the three CRI calls of a pod, while the cluster is frozen so that it does not take the pods away. */
async function measureBare(directory: string, image: string): Promise<Measured> {
  const folder = dataFolder(directory);
  const { pid } = JSON.parse(readFileSync(join(directory, 'process.json'), 'utf8')) as { pid: number };
  const cri = criClient(containerdPaths(folder.nodeFolder).socket, realClock());
  const run = async (count: number, together: boolean) => {
    const started = performance.now();
    const made = await timed(async () => {
      const one = (index: number) => bareCall(cri, folder.nodeFolder, image, index);
      if (together) return Promise.all(Array.from({ length: count }, (_, index) => one(index)));
      const all: Awaited<ReturnType<typeof one>>[] = [];
      for (let index = 0; index < count; index++) all.push(await one(index));
      return all;
    });
    const wholeMs = performance.now() - started;
    for (const { id } of made) await cri.stopPodSandbox(id).then(() => cri.removePodSandbox(id));
    return together ? [wholeMs] : made.map(({ tookMs }) => tookMs);
  };
  process.kill(pid, 'SIGSTOP');
  return measured(run).finally(() => {
    process.kill(pid, 'SIGCONT');
    cri.close();
  });
}

const ms = ({ median, min, max, count }: Figures) => `${median.toFixed(0)} ms (${min.toFixed(0)}–${max.toFixed(0)}, ${count} pods)`;
const seconds = ({ median, min, max }: Figures, factor: number) =>
  `${(median / factor).toFixed(2)} s (${(min / factor).toFixed(2)}–${(max / factor).toFixed(2)})`;
const row = (who: string, { sequential, burst, cpu }: Measured) =>
  `| ${who} | ${ms(sequential)} | ${seconds(burst, 1000)} | ${seconds(cpu, 1)} |`;

if (obstacles().length > 0) console.log(`skipped, real containers are not possible here: ${obstacles().join('; ')}`);
else {
  bundle();
  const scratch = mkdtempSync(join(tmpdir(), 'tiphys-bench-'));
  const directory = join(scratch, 'data');
  const lines = [
    `| who | created → Running, one at a time, p50 | 60 pods at once, until the last runs, ${ROUNDS} rounds | CPU of the machine meanwhile |`,
    '|---|---|---|---|',
  ];
  const load = loadavg()[0]!.toFixed(2);
  try {
    tiphys('up', '--detach', '--data-dir', directory, '--no-user-kubeconfig', '--port', '16443');
    tiphys(
      'image',
      'pack',
      IMAGE,
      '--base',
      'scratch',
      '--with-libraries',
      '--copy',
      '/bin/sleep:/bin/sleep',
      '--entrypoint',
      '/bin/sleep',
      '--cmd',
      '3600',
      '--data-dir',
      directory,
    );
    lines.push(row('Tiphys', await measureCluster(join(directory, 'kubeconfig'), IMAGE)));
    lines.push(row('bare CRI calls', await measureBare(directory, `docker.io/${IMAGE}`)));
    tiphys('down', '--keep-data', '--data-dir', directory);
    const reference = process.env.REFERENCE_KUBECONFIG;
    if (reference)
      lines.push(row("upstream's kubelet", await measureCluster(reference, process.env.REFERENCE_IMAGE ?? 'registry.k8s.io/pause:3.10.2')));
    else console.log('skipped the comparison: REFERENCE_KUBECONFIG is not set');
  } finally {
    tiphys('down', '--data-dir', directory);
    rmSync(scratch, { recursive: true, force: true });
  }
  report('pods', `How long a pod takes to run with its image present`, [
    ...lines,
    '',
    `Goals: p50 ≤ 250 ms; 60 pods ≤ 8 s. The machine's load when it began: ${load}.`,
  ]);
}
