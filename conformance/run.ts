// npm run conformance -- [--focus REGEX] [--skip REGEX] [--processes N] [--kubeconfig FILE] [--update]
//
// Runs upstream's conformance tests (446 in v1.36.3) against a cluster started from this checkout, or the one that
// --kubeconfig names, and holds the outcome against known-failing.txt: a test that fails and is not listed, or passes and
// is, is an error. --update rewrites RESULTS.md and the counts. TIPHYS_PEERS names the folder that build-peers.sh filled;
// images are taken from its folder `images` (images.py makes them).
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { judge, type Outcome, parseJunit, parseKnownFailing, resultsPage } from './results.ts';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const PARALLEL_TIMEOUT = '80m';

const { values: flags } = parseArgs({
  options: {
    focus: { type: 'string', default: '\\[Conformance\\]' },
    skip: { type: 'string', default: '' },
    processes: { type: 'string', default: '4' },
    kubeconfig: { type: 'string' },
    report: { type: 'string' },
    update: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const peers = process.env.TIPHYS_PEERS;
if (flags.help || !peers) {
  console.log(
    readFileSync(fileURLToPath(import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('//'))
      .map((line) => line.slice(3))
      .join('\n'),
  );
  if (!flags.help) console.log('\nskipped: TIPHYS_PEERS is not set, so there are no upstream tests to run');
  process.exit(0);
}

const tiphys = (...args: string[]) =>
  spawnSync(process.execPath, [join(root, 'packages/cli/src/main.ts'), ...args], { stdio: ['ignore', 'inherit', 'inherit'] });

/** A fresh cluster with upstream's images loaded. */
function startOwnCluster(): { kubeconfig: string; stop(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'tiphys-conformance-'));
  const stop = () => {
    tiphys('down', '--data-dir', directory);
    rmSync(directory, { recursive: true, force: true });
  };
  const up = tiphys('up', '--detach', '--data-dir', directory, '--no-user-kubeconfig', '--runtime', 'containerd');
  if (up.status !== 0) {
    stop();
    throw new Error('the cluster did not start');
  }
  const images = join(peers!, 'images');
  for (const name of readdirSync(images).filter((file) => file.endsWith('.tar')))
    tiphys('image', 'load', join(images, name), '--data-dir', directory);
  return { kubeconfig: join(directory, 'kubeconfig'), stop };
}

/** One run of ginkgo; resolves when it ends, whatever its outcome: the junit files say what happened. */
function ginkgo(kubeconfig: string, report: string, processes: string, focus: string[], skip: string[]): Promise<void> {
  mkdirSync(report, { recursive: true });
  const args = [
    'run',
    `--procs=${processes}`,
    `--timeout=${PARALLEL_TIMEOUT}`,
    '--no-color',
    '--silence-skips',
    ...focus.map((f) => `--focus=${f}`),
    ...skip.map((s) => `--skip=${s}`),
  ];
  args.push(
    join(peers!, 'e2e.test'),
    '--',
    '--provider=skeleton',
    `--kubeconfig=${kubeconfig}`,
    `--kubectl-path=${join(peers!, 'kubectl')}`,
    '--disable-log-dump',
    `--report-dir=${report}`,
  );
  const child = spawn(join(peers!, 'ginkgo'), args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, KUBECONFIG: kubeconfig, PATH: `${peers}:${process.env.PATH}` },
  });
  const log: Buffer[] = [];
  child.stdout.on('data', (chunk) => log.push(chunk));
  child.stderr.on('data', (chunk) => log.push(chunk));
  return new Promise((settle) =>
    child.on('close', () => {
      writeFileSync(join(report, 'e2e.log'), Buffer.concat(log));
      settle();
    }),
  );
}

function outcomes(report: string): Map<string, Outcome> {
  const all = new Map<string, Outcome>();
  for (const part of ['parallel', 'serial']) {
    const folder = join(report, part);
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder).filter((name) => /^junit.*\.xml$/.test(name)))
      for (const [name, outcome] of parseJunit(readFileSync(join(folder, file), 'utf8'))) all.set(name, outcome);
  }
  return all;
}

const report = flags.report ?? mkdtempSync(join(tmpdir(), 'tiphys-conformance-report-'));
const own = flags.kubeconfig ? undefined : startOwnCluster();
const kubeconfig = flags.kubeconfig ?? own!.kubeconfig;
const SERIAL = '\\[Serial\\]|\\[Disruptive\\]';
const skip = flags.skip ? [flags.skip] : [];
try {
  await ginkgo(kubeconfig, join(report, 'parallel'), flags.processes, [flags.focus], [SERIAL, ...skip]);
  await ginkgo(kubeconfig, join(report, 'serial'), '1', [`(${flags.focus}).*(${SERIAL})|(${SERIAL}).*(${flags.focus})`], skip);
} finally {
  own?.stop();
}
const results = outcomes(report);
const listed = parseKnownFailing(readFileSync(join(here, 'known-failing.txt'), 'utf8'));
const { passed, failed, surprises } = judge(results, listed);
console.log(
  `${passed.length} passed, ${failed.length} failed (${failed.length - surprises.filter((s) => s.startsWith('FAILED')).length} of them known); report in ${report}`,
);
for (const surprise of surprises) console.log(surprise);
if (flags.update) {
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).stdout.trim();
  writeFileSync(join(here, 'RESULTS.md'), resultsPage(results, commit, new Date().toISOString().slice(0, 10)));
}
process.exitCode = surprises.length > 0 ? 1 : 0;
