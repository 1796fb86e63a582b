// A fresh cluster for the tests, started from this checkout, with upstream's images loaded and a registry that serves them: one test
// pulls. The registry is told as anybody would tell of a mirror (registryConfigurationDirectory).
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { indexImages, startRegistry } from './registry.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Where the tests' images come from. */
const MIRRORED = 'registry.k8s.io';

const tiphys = (...args: string[]) =>
  spawnSync(process.execPath, [join(root, 'packages/cli/src/main.ts'), ...args], { stdio: ['ignore', 'ignore', 'inherit'] });

/** `DIR/registry.k8s.io/hosts.toml`, as containerd's documentation of hosts has it. */
function describeMirror(folder: string, url: string): void {
  mkdirSync(join(folder, MIRRORED), { recursive: true });
  writeFileSync(
    join(folder, MIRRORED, 'hosts.toml'),
    `server = "https://${MIRRORED}"\n[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`,
  );
}

export interface OwnCluster {
  kubeconfig: string;
  stop(): Promise<void>;
}

export async function startOwnCluster(peers: string): Promise<OwnCluster> {
  const images = join(peers, 'images');
  const registry = await startRegistry(await indexImages(images));
  const scratch = mkdtempSync(join(tmpdir(), 'tiphys-conformance-'));
  const directory = join(scratch, 'data');
  const stop = async () => {
    tiphys('down', '--data-dir', directory);
    rmSync(scratch, { recursive: true, force: true });
    await registry.close();
  };
  const registries = join(scratch, 'registries');
  describeMirror(registries, registry.url);
  const configuration = join(scratch, 'configuration.yaml');
  const fields = { apiVersion: 'tiphys.dev/v1alpha1', kind: 'ClusterConfiguration', registryConfigurationDirectory: registries };
  writeFileSync(configuration, JSON.stringify(fields));
  const up = tiphys(
    ...['up', '--detach', '--data-dir', directory, '--no-user-kubeconfig', '--runtime', 'containerd', '--config', configuration],
  );
  if (up.status !== 0) {
    await stop();
    throw new Error('the cluster did not start');
  }
  for (const name of readdirSync(images).filter((file) => file.endsWith('.tar')))
    tiphys('image', 'load', join(images, name), '--data-dir', directory);
  return { kubeconfig: join(directory, 'kubeconfig'), stop };
}
