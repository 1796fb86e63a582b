// npm run conformance -- [--focus REGEX] [--skip REGEX] [--only parallel|serial|none] [--processes N] [--timeout DURATION]
//                        [--nodes N] [--upstream PARTS] [--etcd] [--kubeconfig FILE] [--report DIR] [--resume] [--update]
//
// Runs upstream's conformance tests (446 in v1.36.3) against a cluster started from this checkout, or the one that --kubeconfig
// names: first those that may run side by side, then the [Serial] ones, then once more, alone, what failed and is not known to.
// A test that fails and is not in known-failing.txt, or passes and is, is an error. --update rewrites known-failing.txt and RESULTS.md.
//
// The cluster is on N machines (2, which two tests need), each a network namespace of this one with its own containerd; the tests
// run on the first. --upstream puts upstream's programs in the place of our parts: apiserver, controllers, scheduler, kubelet,
// with commas between them; --etcd keeps the state in upstream's etcd. Results of such clusters are in results/.
//
// Every run adds a numbered folder to the report. With --resume, what passed in the report's earlier runs is not run again; Ctrl-C
// stops a run and keeps what is known. --only none runs nothing and looks at the report alone.
//
// TIPHYS_PEERS names the folder that build-peers.sh filled; images are taken from its folder `images` (images.py makes them).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startCluster } from './cluster/cluster.ts';
import { labOfProcess, MACHINES_MAX, runInLab } from './cluster/lab.ts';
import { checkSetup, describeSetup, NODES_DEFAULT, parseUpstream, type Setup, setupFlags, setupName } from './cluster/setup.ts';
import { listTests, runTests } from './ginkgo.ts';
import { judge, knownFailingPage, mergeRuns, type Outcome, parseJunit, parseKnownFailing, resultsPage, runsAlone } from './results.ts';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const EVERY_TEST = '\\[Conformance\\]';
const KNOWN_FAILING = join(here, 'known-failing.txt');
/** Of tests between two lines of progress where nothing else tells. */
const PROGRESS_STEP = 10;

const { values: flags } = parseArgs({
  options: {
    focus: { type: 'string', default: EVERY_TEST },
    skip: { type: 'string', default: '' },
    only: { type: 'string', default: 'all' },
    processes: { type: 'string', default: '4' },
    timeout: { type: 'string', default: '3h' },
    nodes: { type: 'string', default: String(NODES_DEFAULT) },
    upstream: { type: 'string', default: '' },
    etcd: { type: 'boolean', default: false },
    kubeconfig: { type: 'string' },
    report: { type: 'string' },
    resume: { type: 'boolean', default: false },
    update: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const peers = process.env.TIPHYS_PEERS ? resolve(process.env.TIPHYS_PEERS) : '';
if (flags.help || !peers) {
  const head = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\nimport ')[0]!;
  console.log(head.replace(/^\/\/ ?/gm, ''));
  if (!flags.help) console.log('\nskipped: TIPHYS_PEERS is not set, so there are no upstream tests to run');
  process.exit(0);
}
if (!['all', 'parallel', 'serial', 'none'].includes(flags.only)) throw new Error('--only takes parallel, serial or none');

const setup: Setup = { nodes: Number(flags.nodes), upstream: parseUpstream(flags.upstream), etcd: flags.etcd };
checkSetup(setup);
if (!(setup.nodes >= 1 && setup.nodes <= MACHINES_MAX)) throw new Error(`--nodes takes a number up to ${MACHINES_MAX}`);
const machines = labOfProcess();
if (!machines && !flags.kubeconfig && flags.only !== 'none') process.exit(await runInLab(setup.nodes));

const report = resolve(flags.report ?? mkdtempSync(join(tmpdir(), 'tiphys-conformance-report-')));
const commit = () => {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();
  const isChanged = git('status', '--porcelain', '--untracked-files=no', '--', 'packages') !== '';
  return `${git('rev-parse', '--short', 'HEAD')}${isChanged ? ' with changes' : ''}`;
};

/** The report's runs in order: folders `NUMBER-PART`. */
function runsOfReport() {
  if (!existsSync(report)) return [];
  const folders = readdirSync(report).filter((name) => /^\d+-(parallel|serial|again)$/.test(name));
  return folders
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((name) => {
      const folder = join(report, name);
      const outcomes = new Map<string, Outcome>();
      for (const file of readdirSync(folder).filter((entry) => /^junit.*\.xml$/.test(entry)))
        for (const [test, outcome] of parseJunit(readFileSync(join(folder, file), 'utf8'))) outcomes.set(test, outcome);
      return { commit: readFileSync(join(folder, 'commit.txt'), 'utf8').trim(), again: name.endsWith('again'), outcomes };
    });
}

async function runPart(part: 'parallel' | 'serial' | 'again', names: readonly string[], kubeconfig: string): Promise<void> {
  if (names.length === 0) return;
  const folder = join(report, `${runsOfReport().length + 1}-${part}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'commit.txt'), `${commit()}\n`);
  const processes = part === 'parallel' ? Number(flags.processes) : 1;
  console.log(`${part}: ${names.length} tests in ${folder}`);
  let said = { ended: 0, failed: 0 };
  const onProgress = (ended: number, failed: number) => {
    if (failed === said.failed && ended < said.ended + PROGRESS_STEP && ended < names.length) return;
    said = { ended, failed };
    console.log(`  ${ended} of ${names.length}${failed > 0 ? `, ${failed} failed` : ''}`);
  };
  await runTests({ peers, kubeconfig, folder, names, processes, timeout: flags.timeout, onProgress });
}

async function runAll(names: readonly string[], listed: ReadonlyMap<string, string>): Promise<void> {
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  await using own = flags.kubeconfig ? undefined : await startCluster(peers, setup, machines!);
  const kubeconfig = own?.kubeconfig ?? resolve(flags.kubeconfig!);
  const [alone, beside] = [names.filter(runsAlone), names.filter((name) => !runsAlone(name))];
  if (flags.only !== 'serial' && !stopped) await runPart('parallel', beside, kubeconfig);
  if (flags.only !== 'parallel' && !stopped) await runPart('serial', alone, kubeconfig);
  const outcomes = mergeRuns(runsOfReport());
  const failed = names.filter((name) => outcomes.get(name)?.passed === false && !listed.has(name));
  if (!stopped) await runPart('again', failed, kubeconfig);
}

/** RESULTS.md is of our own cluster; those with parts of upstream's have a page each, and never change what is known to fail. */
function updatePages(all: readonly string[], results: ReadonlyMap<string, Outcome>): void {
  const name = setupName(setup);
  const folder = join(here, 'results');
  const words = ['npm run conformance --', setupFlags(setup), '--update'].filter((word) => word !== '');
  const facts = { setup: describeSetup(setup), command: words.join(' '), date: new Date().toISOString().slice(0, 10) };
  if (name === '') {
    writeFileSync(KNOWN_FAILING, knownFailingPage(results, listed));
    const others = existsSync(folder) ? readdirSync(folder).sort() : [];
    const links = others.map((file) => `[${file.replace(/\.md$/, '')}](results/${file})`);
    writeFileSync(join(here, 'RESULTS.md'), resultsPage(all, results, { ...facts, others: links }));
    return;
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.md`), resultsPage(all, results, facts));
}

const listed = parseKnownFailing(readFileSync(KNOWN_FAILING, 'utf8'));
const all = listTests(peers, EVERY_TEST, '');
const chosen = flags.focus === EVERY_TEST && !flags.skip ? all : listTests(peers, flags.focus, flags.skip);
const earlier = flags.resume ? mergeRuns(runsOfReport()) : new Map<string, Outcome>();
const names = chosen.filter((name) => !earlier.get(name)?.passed);
if (flags.only !== 'none') await runAll(names, listed);
const results = mergeRuns(runsOfReport());
const { passed, failed, surprises } = judge(results, listed);
const known = failed.filter((name) => listed.has(name)).length;
console.log(
  `${passed.length} passed, ${failed.length} failed (${known} of them known), ${all.length - results.size} not run; report in ${report}`,
);
for (const surprise of surprises) console.log(surprise);
if (flags.update) updatePages(all, results);
process.exitCode = surprises.length > 0 ? 1 : 0;
