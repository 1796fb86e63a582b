// The npm package, as people get it: packed, installed into an empty folder, and used from there as a command and as a library.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = dirname(import.meta.dirname);
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

describe('the npm package', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'tiphys-package-'));
  const project = join(scratch, 'project');
  const home = join(scratch, 'home');
  const userKubeconfig = join(home, 'config');
  const dataFolder = join(scratch, 'data');
  const environment = {
    ...process.env,
    HOME: home,
    KUBECONFIG: userKubeconfig,
    TIPHYS_DATA_DIR: dataFolder,
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
  };
  const inProject = async (program: string, ...args: string[]) => {
    const { stdout, stderr } = await run(program, args, { cwd: project, env: environment, maxBuffer: OUTPUT_BYTES_MAX });
    return { stdout, stderr };
  };
  const tiphys = (...args: string[]) => inProject('npx', '--no-install', 'tiphys', ...args);

  before(async () => {
    mkdirSync(project);
    mkdirSync(home);
    const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', scratch], {
      cwd: root,
      env: environment,
      maxBuffer: OUTPUT_BYTES_MAX,
    });
    const tarball = join(scratch, stdout.trim().split('\n').at(-1)!);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'project', private: true, type: 'module' }));
    // Everything is bundled, so nothing has to be fetched; the packages with Node are not what is tried here.
    await inProject('npm', 'install', '--offline', '--omit=optional', '--no-audit', '--no-fund', tarball);
  });
  after(async () => {
    if (existsSync(join(dataFolder, 'version'))) await tiphys('down');
    rmSync(scratch, { recursive: true });
  });

  test('it needs no other package', () => {
    const manifest = JSON.parse(readFileSync(join(project, 'node_modules', 'tiphys', 'package.json'), 'utf8'));
    assert.deepEqual(manifest.dependencies ?? {}, {});
    assert.equal(existsSync(join(project, 'node_modules', 'tiphys', 'packages')), false, 'the sources stay at home');
  });

  test('the command starts a cluster from an empty folder', async () => {
    const mine = 'apiVersion: v1\nkind: Config\nclusters: []\nusers: []\ncontexts: []\ncurrent-context: ""\n';
    writeFileSync(userKubeconfig, mine);
    assert.match((await tiphys('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
    await tiphys('up', '--detach', '--runtime', 'simulated', '--port', '0');
    assert.match(readFileSync(userKubeconfig, 'utf8'), /name: tiphys/);
    assert.match((await tiphys('get', 'nodes')).stdout, /^NAME\s+STATUS.*\n\S+\s+Ready\s/);
    await tiphys('down');
    assert.equal(existsSync(dataFolder), false);
    assert.doesNotMatch(readFileSync(userKubeconfig, 'utf8'), /tiphys/);
  });

  test('what V8 made of the program comes with it, and is no more than a help', async () => {
    const compiled = join(project, 'node_modules', 'tiphys', 'dist', 'compiled');
    const file = join(compiled, `commands-${process.version}-${process.platform}-${process.arch}`);
    const whole = readFileSync(file);
    writeFileSync(file, whole.with(whole.length >> 1, whole[whole.length >> 1]! ^ 1));
    assert.match((await tiphys('--version')).stdout, /^\d+\.\d+\.\d+\n$/, 'damaged');
    assert.match(
      (await inProject(process.execPath, '--no-opt', 'node_modules/tiphys/dist/tiphys.mjs', '--version')).stdout,
      /^\d/,
      'other flags',
    );
    rmSync(file);
    assert.match((await tiphys('--version')).stdout, /^\d+\.\d+\.\d+\n$/, 'missing');
  });

  test('the library starts one in a program, which then ends by itself', async () => {
    const program = `import { startCluster } from 'tiphys';
await using cluster = await startCluster({ runtime: 'simulated' });
const { body } = await cluster.client.raw('GET', '/api/v1/namespaces/default');
console.log(body.metadata.name, cluster.url.startsWith('https://127.0.0.1:'));
`;
    writeFileSync(join(project, 'program.mjs'), program);
    assert.equal((await inProject(process.execPath, 'program.mjs')).stdout, 'default true\n');
  });

  test('the simulation runs a cluster on a virtual clock', async () => {
    const program = `import { corev1, simulate } from 'tiphys/simulation';
await simulate({ seed: 5, nodes: 2 }, async ({ client, clock }) => {
  const startMs = clock.now();
  await clock.advance('1h');
  const { items } = await client.of(corev1.nodes).list();
  console.log(items.length, clock.now() - startMs);
});
`;
    writeFileSync(join(project, 'simulation.mjs'), program);
    assert.equal((await inProject(process.execPath, 'simulation.mjs')).stdout, '2 3600000\n');
  });

  test('TypeScript knows the library', async () => {
    const program = `import { type Cluster, startCluster } from 'tiphys';
import { appsv1, simulate } from 'tiphys/simulation';
const names: string[] = await simulate({}, async ({ client }) =>
  (await client.of(appsv1.deployments).list()).items.map(({ metadata }) => metadata!.name!),
);
const cluster: Cluster = await startCluster({ runtime: 'simulated' });
const url: string = cluster.url;
// @ts-expect-error there is no such runtime
await startCluster({ runtime: 'quantum' });
await cluster.close();
export { names, url };
`;
    writeFileSync(join(project, 'program.ts'), program);
    mkdirSync(join(project, 'node_modules', '@types'), { recursive: true });
    symlinkSync(join(root, 'node_modules', '@types', 'node'), join(project, 'node_modules', '@types', 'node'));
    const flags = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'esnext',
      '--lib',
      'esnext',
      '--types',
      'node',
      'program.ts',
    ];
    await inProject(join(root, 'node_modules', '.bin', 'tsc'), ...flags).catch((error: { stdout: string }) => assert.fail(error.stdout));
  });
});
