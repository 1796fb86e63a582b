// A fresh cluster for the tests, put together from this checkout and, where asked, upstream's programs in place of our parts. Images
// are pulled from a registry of its own, of which the nodes are told as anybody would tell of a mirror.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programs } from '../../tools/upstream/programs.ts';
import type { Machine } from './lab.ts';
import { startOwnNodes } from './own-nodes.ts';
import { startOwnServer } from './own-server.ts';
import type { Parts } from './parts.ts';
import { indexImages, startRegistry } from './registry.ts';
import type { Setup } from './setup.ts';
import { startUpstreamLoops } from './upstream-loops.ts';
import { startUpstreamNodes } from './upstream-nodes.ts';
import { startUpstreamServer } from './upstream-server.ts';

/** Where the tests' images come from. */
const MIRRORED = 'registry.k8s.io';

export interface StartedCluster extends AsyncDisposable {
  kubeconfig: string;
}

/** `DIR/registry.k8s.io/hosts.toml`, as containerd's documentation of hosts has it. */
function describeMirror(folder: string, url: string): void {
  mkdirSync(join(folder, MIRRORED), { recursive: true });
  writeFileSync(
    join(folder, MIRRORED, 'hosts.toml'),
    `server = "https://${MIRRORED}"\n[host."${url}"]\n  capabilities = ["pull", "resolve"]\n`,
  );
}

/** This program runs on the first of the machines. */
export async function startCluster(peers: string, setup: Setup, machines: readonly Machine[]): Promise<StartedCluster> {
  await using stack = new AsyncDisposableStack();
  const scratch = mkdtempSync(join(tmpdir(), 'tiphys-conformance-'));
  stack.defer(() => rmSync(scratch, { recursive: true, force: true }));
  const registry = await startRegistry(await indexImages(join(peers, 'images')), machines[0]!.address);
  stack.defer(() => registry.close());
  const registries = join(scratch, 'registries');
  describeMirror(registries, registry.url);
  const upstream = programs(peers, scratch);
  stack.defer(() => upstream.stop());
  const parts: Parts = { peers, setup, machines, scratch, registries, programs: upstream, stack };
  const server = await (setup.upstream.has('apiserver') ? startUpstreamServer(parts) : startOwnServer(parts));
  await startUpstreamLoops(parts, server);
  await (setup.upstream.has('kubelet') ? startUpstreamNodes(parts, server) : startOwnNodes(parts, server));
  const started = stack.move();
  return { kubeconfig: server.kubeconfig, [Symbol.asyncDispose]: () => started.disposeAsync() };
}
