// npm test: installs what is missing, then every check and test, each named with its time. Stops at the first that fails.
//   npm test -- --only unit        one step

import { spawn } from 'node:child_process';
import { globSync } from './glob.mjs';
import { installNpmPackages, installSystemPackages, nodePath, root } from './install.mjs';
import { ownNetwork } from './network-namespace.mjs';

installNpmPackages();
installSystemPackages();

const node = nodePath();
const bin = (name) => `${root}/node_modules/.bin/${name}`;
const tests = (pattern) => globSync(root, pattern);
const TEST_FILES_AT_ONCE = 2;
/** Nets for what hangs, far above what anything takes: a test fails by name, a step is ended and says what was running. */
const TEST_MS_MAX = 5 * 60_000;
const STEP_MS_MAX = 12 * 60_000;

// Every test file is a process of its own and loads the same sources: their types are stripped and they are compiled once.
const env = { NODE_COMPILE_CACHE: `${root}/.cache/compiled`, ...process.env };

/** Counts of all test steps, as node's runner prints them. */
const totals = new Map();
const COUNT = /^ℹ (tests|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/gm;

/** Runs a program, shows its output as it comes and resolves with its exit code. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['inherit', 'pipe', 'inherit'] });
    const patience = setTimeout(() => {
      console.log(`\nnot done after ${STEP_MS_MAX / 60_000} minutes`);
      child.kill('SIGINT');
    }, STEP_MS_MAX);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      process.stdout.write(text);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(patience);
      for (const [, name, count] of output.matchAll(COUNT)) totals.set(name, (totals.get(name) ?? 0) + Number(count));
      resolve(code ?? 1);
    });
  });
}

const steps = [
  { name: 'types', run: () => run(bin('tsc'), ['--noEmit', '-p', 'tsconfig.json']) },
  { name: 'lint', run: () => run(bin('biome'), ['check', '--error-on-warnings', '.']) },
  { name: 'tidy', run: () => run(node, ['tools/tidy/main.ts']) },
  {
    name: 'unit',
    run: () =>
      run(node, [
        '--test',
        `--test-timeout=${TEST_MS_MAX}`,
        `--test-concurrency=${TEST_FILES_AT_ONCE}`,
        '--test-reporter=dot',
        '--test-reporter-destination=stdout',
        '--test-reporter=./tools/summary-reporter.mjs',
        '--test-reporter-destination=stdout',
        ...tests(/^(packages|tools|conformance|docs|proofs)\/.*(?<!\.e2e)\.test\.ts$/),
      ]),
  },
  {
    // Whole programs and real containers: one file at a time, because they share the machine's network and cgroups.
    name: 'end to end',
    run: async () => {
      const network = ownNetwork();
      if (network) console.log('a cluster runs on this machine: the tests get a network namespace of their own');
      const [command, ...args] = [
        ...(network?.words ?? []),
        node,
        '--test',
        `--test-timeout=${TEST_MS_MAX}`,
        '--test-concurrency=1',
        '--test-reporter=spec',
        ...tests(/^(packages|examples|tools|docs)\/.*\.e2e\.test\.ts$/),
      ];
      return run(command, args).finally(() => network?.remove());
    },
  },
];

const seconds = (sinceMs) => ((performance.now() - sinceMs) / 1000).toFixed(1);
const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : undefined;
if (only && !steps.some((step) => step.name === only)) {
  console.error(`no step is called ${only}; there are: ${steps.map((step) => step.name).join(', ')}`);
  process.exit(1);
}
const startedMs = performance.now();
let failed;
for (const step of steps.filter((s) => !only || s.name === only)) {
  const stepStartedMs = performance.now();
  console.log(`── ${step.name}`);
  const code = await step.run();
  console.log(`── ${step.name}: ${code === 0 ? 'ok' : 'FAILED'} (${seconds(stepStartedMs)} s)`);
  if (code === 0) continue;
  failed = step.name;
  break;
}
console.log(`\n── ${failed ? `${failed} FAILED` : 'all ok'} (${seconds(startedMs)} s)`);
for (const [name, count] of totals) console.log(`ℹ ${name} ${count}`);
process.exitCode = failed ? 1 : 0;
