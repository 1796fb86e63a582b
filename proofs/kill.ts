// kill -9, again and again: what packages/cluster/src/kill.e2e.test.ts does a few times. Writes bench/results/kill.md.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cleanUp, dataFolder } from '@tiphys/cluster';
import { seededRandom } from '@tiphys/runtime';
import { freePort } from '../packages/cluster/src/testing/cluster-process.ts';
import { type CycleReport, startKillCycles } from '../packages/cluster/src/testing/kill-cycles.ts';
import { skipWithoutContainers } from '../packages/cluster/src/testing/skip.ts';
import type { ProofOptions } from './main.ts';

const RESULTS = join(dirname(import.meta.dirname), 'bench', 'results', 'kill.md');

function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0);
}

function table(reports: readonly CycleReport[], { seed }: ProofOptions): string {
  const failed = reports.filter(({ failures }) => failures.length > 0);
  const starts = reports.map(({ startMs }) => startMs);
  const { stdout: commit } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' });
  const rows: [string, string | number][] = [
    ['cycles of kill -9 and start', reports.length],
    ['cycles in which the start itself was killed, too', reports.filter((report) => report.killedStartAfterMs !== undefined).length],
    ['writes acknowledged', reports.reduce((sum, report) => sum + report.acknowledged, 0)],
    ['cycles with anything lost, changed or unreachable', failed.length],
    ['start until the node is ready, p50', `${percentile(starts, 0.5)} ms`],
    ['start until the node is ready, p95', `${percentile(starts, 0.95)} ms`],
    ['seed', seed],
  ];
  return [
    '# kill -9',
    '',
    'A cluster with a Deployment of two pods behind a Service is killed at a random moment while four writers create, change and delete',
    'objects, and started again. After each start: every acknowledged write is there and the revision has not gone back; pods, containers and',
    'processes are the same ones (ids, process ids with their start times, restart counts); the node is Ready; and the service, which is asked',
    'all the time, never failed to answer.',
    '',
    `${new Date().toISOString().slice(0, 10)}, commit ${commit?.trim() || 'unknown'}, ${cpus().length} cores, Linux ${release()}. Again: \`npm run proofs -- kill --cycles ${reports.length}\`.`,
    '',
    '| what | |',
    '|---|---|',
    ...rows.map(([what, value]) => `| ${what} | ${value} |`),
    '',
    ...failed.map((report) => `- ${JSON.stringify(report)}`),
  ].join('\n');
}

export async function proveKill(options: ProofOptions): Promise<boolean> {
  const reason = await skipWithoutContainers();
  if (reason) throw new Error(reason);
  const directory = mkdtempSync(join(tmpdir(), 'tiphys-kill-'));
  const reports: CycleReport[] = [];
  try {
    const clusterOptions = { directory, runtime: 'containerd' as const, port: await freePort(), kubeletPort: 0 };
    const cycles = await startKillCycles(clusterOptions, seededRandom(options.seed));
    try {
      while (reports.length < options.cycles) {
        const report = await cycles.cycle();
        reports.push(report);
        process.stdout.write(`${reports.length}/${options.cycles} ${JSON.stringify(report)}\n`);
      }
    } finally {
      await cycles.close();
    }
  } finally {
    await cleanUp(dataFolder(directory));
    rmSync(directory, { recursive: true });
    if (reports.length > 0) {
      mkdirSync(dirname(RESULTS), { recursive: true });
      writeFileSync(RESULTS, `${table(reports, options).trimEnd()}\n`);
    }
  }
  return reports.every(({ failures }) => failures.length === 0);
}
