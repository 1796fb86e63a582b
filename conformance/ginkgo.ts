// Upstream's test program: which tests there are, and running some of them.
import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDryRun, patternsOf } from './results.ts';

/** Names of the conformance tests that the patterns choose; nothing is run and no cluster is needed. */
export function listTests(peers: string, focus: string, skip: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'tiphys-conformance-list-'));
  try {
    const report = join(folder, 'list.json');
    const args = ['--ginkgo.dry-run', '--ginkgo.no-color', `--ginkgo.json-report=${report}`, `--ginkgo.focus=${focus}`];
    if (skip) args.push(`--ginkgo.skip=${skip}`);
    const run = spawnSync(join(peers, 'e2e.test'), [...args, '--provider=skeleton', '--kubeconfig=none'], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`e2e.test can't list its tests: ${run.stdout}${run.stderr}`);
    return parseDryRun(readFileSync(report, 'utf8')).filter((name) => name.includes('[Conformance]'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface RunOptions {
  peers: string;
  kubeconfig: string;
  /** Gets junit files, e2e.log and what tests leave. */
  folder: string;
  names: readonly string[];
  processes: number;
  timeout: string;
  /** Called as tests end. */
  onProgress(ended: number, failed: number): void;
}

/** Of those in the log: ginkgo prints a dot when a test ends, and says in brackets how when it didn't pass. */
function countEnds(text: string, counts: { ended: number; failed: number }): void {
  counts.ended += text.match(/•/g)?.length ?? 0;
  counts.failed += text.match(/• \[(?:FAILED|PANICKED|TIMEDOUT)/g)?.length ?? 0;
}

/**
 * Resolves when ginkgo has ended, whatever the outcome: the junit files say what happened. A signal is passed on, so that ginkgo
 * writes down what is known so far.
 */
export async function runTests(options: RunOptions): Promise<void> {
  const { peers, kubeconfig, folder, names, processes } = options;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'tests.txt'), names.map((name) => `${name}\n`).join(''));
  const args = ['run', `--procs=${processes}`, `--timeout=${options.timeout}`, '--no-color', '--silence-skips'];
  args.push(...patternsOf(names).map((pattern) => `--focus=${pattern}`));
  args.push(join(peers, 'e2e.test'), '--', '--provider=skeleton', `--kubeconfig=${kubeconfig}`, `--kubectl-path=${join(peers, 'kubectl')}`);
  args.push('--disable-log-dump', `--report-dir=${folder}`);
  const env = { ...process.env, KUBECONFIG: kubeconfig, PATH: `${peers}:${process.env.PATH}` };
  const child = spawn(join(peers, 'ginkgo'), args, { stdio: ['ignore', 'pipe', 'pipe'], env, detached: true });
  // To its whole group, as a terminal does: ginkgo leaves it to its test processes to hear it.
  const passOn = () => void process.kill(-child.pid!, 'SIGINT');
  process.on('SIGINT', passOn).on('SIGTERM', passOn);
  const log = createWriteStream(join(folder, 'e2e.log'));
  const counts = { ended: 0, failed: 0 };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    log.write(text);
    const before = counts.ended;
    countEnds(text, counts);
    if (counts.ended > before) options.onProgress(counts.ended, counts.failed);
  });
  child.stderr.on('data', (chunk) => log.write(chunk));
  await new Promise<void>((settle, fail) => child.once('error', fail).once('close', () => settle()));
  process.off('SIGINT', passOn).off('SIGTERM', passOn);
  await new Promise<void>((settle) => log.end(settle));
}
