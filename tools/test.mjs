// npm test: installs what is missing, then every check and test, each named with its time. Stops at the first that fails.
//   npm test -- --only unit        one step

import { globSync } from './glob.mjs';
import { installNpmPackages, installSystemPackages, nodePath, root, run } from './install.mjs';

installNpmPackages();
installSystemPackages();

const node = nodePath();
const bin = (name) => `${root}/node_modules/.bin/${name}`;
const tests = (pattern) => globSync(root, pattern);
const TEST_FILES_AT_ONCE = 2;

const steps = [
  { name: 'types', run: () => run(bin('tsc'), ['--noEmit', '-p', 'tsconfig.json']) },
  { name: 'lint', run: () => run(bin('biome'), ['check', '--error-on-warnings', '.']) },
  { name: 'tidy', run: () => run(node, ['tools/tidy/main.ts']) },
  {
    name: 'unit',
    run: () =>
      run(node, [
        '--test',
        `--test-concurrency=${TEST_FILES_AT_ONCE}`,
        '--test-reporter=dot',
        '--test-reporter-destination=stdout',
        '--test-reporter=./tools/summary-reporter.mjs',
        '--test-reporter-destination=stdout',
        ...tests(/^(packages|tools|conformance|docs)\/.*(?<!\.e2e)\.test\.ts$/),
      ]),
  },
  {
    // Whole programs and real containers: one file at a time, because they share the machine's network and cgroups.
    name: 'end to end',
    run: () =>
      run(node, [
        '--test',
        '--test-concurrency=1',
        '--test-reporter=spec',
        ...tests(/^(packages|examples|tools|docs)\/.*\.e2e\.test\.ts$/),
      ]),
  },
];

const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : undefined;
for (const step of steps.filter((s) => !only || s.name === only)) {
  const started = performance.now();
  process.stdout.write(`── ${step.name}\n`);
  const code = step.run();
  process.stdout.write(`── ${step.name}: ${code === 0 ? 'ok' : 'FAILED'} (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
  if (code !== 0) process.exit(code);
}
