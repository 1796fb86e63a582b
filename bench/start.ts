// From nothing to usable: startCluster() in a fresh process, `tiphys up` to a Ready node with a new and an old folder, and
// what an idle cluster costs. Goals: 0.7 s; 3 s and 1.5 s; 150 MB and 1 % of a core.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { obstacles } from '@tiphys/cluster';
import { bundle, cpuSeconds, figures, report, residentMebibytes, root, shown, tiphys } from './measure.ts';

const RUNS = 5;
const IDLE_SETTLE_MS = 10_000;
const IDLE_MEASURED_MS = 30_000;

const PROBE = `
const start = performance.now();
const { startCluster } = await import(process.argv[1]);
await using cluster = await startCluster({ runtime: 'simulated' });
const accounts = { group: '', version: 'v1', resource: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true };
const account = cluster.client.informer(accounts, { namespace: 'default' });
await new Promise((settle) => account.subscribe({ added: (object) => object.metadata.name === 'default' && settle() }));
console.log(performance.now() - start, process.memoryUsage().rss / 2 ** 20);
`;

function startClusterMs(entry: string): number[] {
  return Array.from({ length: RUNS }, () => {
    const result = spawnSync(process.execPath, ['--input-type=module', '-e', PROBE, entry], { encoding: 'utf8' });
    if (result.status !== 0) throw new Error(result.stderr);
    return Number(result.stdout.split(' ')[0]);
  });
}

const sleep = (ms: number) => new Promise((settle) => setTimeout(settle, ms));

function upMs(directory: string): number {
  const started = performance.now();
  tiphys('up', '--detach', '--data-dir', directory, '--no-user-kubeconfig', '--port', '16443');
  const took = performance.now() - started;
  // `up` returns when the node is registered and Ready; this asks the API whether that is true.
  tiphys('wait', '--for=condition=Ready', 'node', '--all', '--timeout=1s', '--kubeconfig', join(directory, 'kubeconfig'));
  return took;
}

async function idle(directory: string): Promise<string[]> {
  const { pid } = JSON.parse(readFileSync(join(directory, 'process.json'), 'utf8')) as { pid: number };
  await sleep(IDLE_SETTLE_MS);
  const ours = (commandLine: string, candidate: number) => candidate === pid || commandLine.includes(directory);
  const containerd = residentMebibytes((commandLine, candidate) => candidate !== pid && commandLine.includes(directory));
  const all = residentMebibytes(ours);
  const before = cpuSeconds(pid);
  await sleep(IDLE_MEASURED_MS);
  const share = ((cpuSeconds(pid) - before) / (IDLE_MEASURED_MS / 1000)) * 100;
  return [
    `| idle memory, all our processes | ${all.toFixed(0)} MiB (containerd ${containerd.toFixed(0)} MiB of it) | ≤ 150 MB |`,
    `| idle CPU of tiphys, share of one core | ${share.toFixed(2)} % | ≤ 1 % |`,
  ];
}

bundle();
const lines = ['| what | measured | goal |', '|---|---|---|'];
lines.push(
  `| startCluster() to the default service account, npm package | ${shown(figures(startClusterMs(join(root, 'dist/index.mjs'))), 'ms')} | ≤ 700 ms |`,
);
lines.push(
  `| the same from the sources | ${shown(figures(startClusterMs(join(root, 'packages/cluster/src/index.ts'))), 'ms')} | ≤ 700 ms |`,
);
if (obstacles().length > 0) console.log(`skipped, real containers are not possible here: ${obstacles().join('; ')}`);
else {
  const scratch = mkdtempSync(join(tmpdir(), 'tiphys-bench-'));
  const directory = join(scratch, 'data');
  try {
    const fresh: number[] = [];
    const again: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      fresh.push(upMs(directory));
      tiphys('down', '--keep-data', '--data-dir', directory);
      again.push(upMs(directory));
      if (run === RUNS - 1) lines.push(...(await idle(directory)));
      tiphys('down', '--data-dir', directory);
    }
    lines.splice(
      4,
      0,
      `| tiphys up to node Ready, new folder | ${shown(figures(fresh), 'ms')} | ≤ 3000 ms |`,
      `| tiphys up to node Ready, old folder | ${shown(figures(again), 'ms')} | ≤ 1500 ms |`,
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
report('start', 'From nothing to usable, and idle', lines);
