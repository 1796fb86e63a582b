// From created to Running, as a watcher sees it, with the image present: one pod after another, and sixty at once. Beside
// upstream's kubelet when TIPHYS_PEERS and REFERENCE_KUBECONFIG (a cluster of upstream's on this machine) are set.
// Goals: p50 ≤ 250 ms; sixty ≤ 8 s.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { corev1 } from '@tiphys/api';
import { type Client, clientFromKubeconfig } from '@tiphys/client';
import { obstacles } from '@tiphys/cluster';
import { bundle, figures, report, tiphys } from './measure.ts';

const IMAGE = 'bench/pause:1';
const SEQUENTIAL = 20;
const BURST = 60;
const ROUNDS = 3;

const podNamed = (name: string, image: string): corev1.Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'c', image, imagePullPolicy: 'Never' }] },
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
  if (together) took.push(...(await Promise.all(Array.from({ length: count }, (_, index) => one(index)))));
  else for (let index = 0; index < count; index++) took.push(await one(index));
  const gone = new Promise<void>((settle) => {
    let left = count;
    informer.subscribe({ deleted: () => --left === 0 && settle() });
  });
  for (let index = 0; index < count; index++) await pods.delete(`bench-${index}`, 'default', { gracePeriodSeconds: 0 });
  await gone;
  stop();
  return took;
}

async function measure(kubeconfig: string, image: string) {
  const client = await clientFromKubeconfig({ path: kubeconfig });
  const sequential: number[] = [];
  const bursts: number[] = [];
  await latencies(client, image, 3, false);
  for (let round = 0; round < ROUNDS; round++) {
    sequential.push(...(await latencies(client, image, SEQUENTIAL, false)));
    bursts.push(Math.max(...(await latencies(client, image, BURST, true))));
  }
  await client.close();
  return { sequential: figures(sequential), burst: figures(bursts) };
}

const row = (who: string, { sequential, burst }: Awaited<ReturnType<typeof measure>>) =>
  `| ${who} | ${sequential.median.toFixed(0)} ms (${sequential.min.toFixed(0)}–${sequential.max.toFixed(0)}, ${sequential.count} pods) | ${(burst.median / 1000).toFixed(2)} s (${(burst.min / 1000).toFixed(2)}–${(burst.max / 1000).toFixed(2)}, ${burst.count} rounds) |`;

if (obstacles().length > 0) console.log(`skipped, real containers are not possible here: ${obstacles().join('; ')}`);
else {
  bundle();
  const scratch = mkdtempSync(join(tmpdir(), 'tiphys-bench-'));
  const directory = join(scratch, 'data');
  const lines = ['| who | created → Running, one at a time, p50 | 60 pods at once, until the last runs |', '|---|---|---|'];
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
    lines.push(row('Tiphys', await measure(join(directory, 'kubeconfig'), IMAGE)));
    tiphys('down', '--keep-data', '--data-dir', directory);
    const reference = process.env.REFERENCE_KUBECONFIG;
    if (reference)
      lines.push(row("upstream's kubelet", await measure(reference, process.env.REFERENCE_IMAGE ?? 'registry.k8s.io/pause:3.10.2')));
    else console.log('skipped the comparison: REFERENCE_KUBECONFIG is not set');
  } finally {
    tiphys('down', '--data-dir', directory);
    rmSync(scratch, { recursive: true, force: true });
  }
  report('pods', `How long a pod takes to run with its image present`, [...lines, '', 'Goals: p50 ≤ 250 ms; 60 pods ≤ 8 s.']);
}
