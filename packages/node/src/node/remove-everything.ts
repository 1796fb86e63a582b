// Ends what a node left running and takes away what it made on the machine: containers, shims, containerd, mounts, cgroups.
import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { realRuntime } from '@tiphys/runtime';
import { cgroupTree } from '../cgroups/cgroup-tree.ts';
import { containerdPaths } from '../containerd/configuration.ts';
import { startContainerd, stopContainerd } from '../containerd/daemon.ts';
import { processesWithArgument, signal, waitUntilGone } from '../containerd/process.ts';
import type { CriClient } from '../cri/client.ts';
import { unmountBelow } from '../volumes/mounts.ts';
import { cgroupRoot } from './start-node.ts';

export interface RemoveOptions {
  directory: string;
  /** Seconds that containers get to end by themselves; default 2. */
  graceSeconds?: number;
  containerdBinary?: string;
}

const GRACE_SECONDS_DEFAULT = 2;
const KILLED_MS_MAX = 5000;
const POLL_MS = 20;

/** Where CNI's library keeps what plugins answered; containerd can't be told another place. */
const CNI_RESULTS = '/var/lib/cni/results';

/** Usually a sandbox's end has removed them, but not when its network namespace was gone. */
async function removeCniResults(sandboxIds: readonly string[]): Promise<void> {
  const kept = await readdir(CNI_RESULTS).catch(() => []);
  for (const name of kept) if (sandboxIds.some((id) => name.includes(id))) await rm(join(CNI_RESULTS, name), { force: true });
}

async function endContainers(cri: CriClient, graceSeconds: number): Promise<void> {
  const containers = await cri.listContainers({ state: { state: 1 } });
  await Promise.allSettled(containers.map(({ id }) => cri.stopContainer(id!, graceSeconds)));
  const sandboxes = await cri.listPodSandbox();
  // Stopping a sandbox also gives back its network: links, namespaces and addresses.
  await Promise.allSettled(sandboxes.map(({ id }) => cri.stopPodSandbox(id!)));
  await Promise.allSettled(sandboxes.map(({ id }) => cri.removePodSandbox(id!)));
  await removeCniResults(sandboxes.map(({ id }) => id!));
}

async function killProcesses(pids: readonly number[], argument: string): Promise<void> {
  for (const pid of pids) signal(pid, 'SIGKILL');
  await waitUntilGone(pids, argument, KILLED_MS_MAX);
}

/** May be called with or without a running node, and again. Nothing of the node is left but plain files in its folder. */
export async function removeEverything(options: RemoveOptions): Promise<void> {
  const { directory, graceSeconds = GRACE_SECONDS_DEFAULT } = options;
  const paths = containerdPaths(directory);
  const hasState = await readdir(paths.root).then(
    () => true,
    () => false,
  );
  if (hasState) {
    const binary = options.containerdBinary ? { binary: options.containerdBinary } : {};
    const containerd = await startContainerd({ runtime: realRuntime(), directory, ...binary }).catch(() => undefined);
    if (containerd) {
      await endContainers(containerd.cri, graceSeconds).catch(() => {});
      await containerd.stop();
    }
  }
  await stopContainerd(directory);
  await killProcesses(await processesWithArgument(paths.socket), paths.socket);
  const cgroups = await cgroupTree(cgroupRoot(directory));
  for (const pid of await cgroups.processes()) signal(pid, 'SIGKILL');
  // A timer that holds the process: whoever calls may have nothing else to wait for.
  for (let waitedMs = 0; waitedMs < KILLED_MS_MAX && (await cgroups.processes()).length > 0; waitedMs += POLL_MS) await delay(POLL_MS);
  await cgroups.removeAll();
  await unmountBelow(join(directory, 'containerd'));
  await unmountBelow(join(directory, 'kubelet'));
  await rm(paths.state, { recursive: true, force: true });
  // Folders that containerd makes outside its own, whatever its configuration; they stay when another containerd uses them.
  for (const folder of [
    '/run/containerd/s',
    '/run/containerd/fifo',
    '/run/containerd/io.containerd.runtime.v2.task/k8s.io',
    '/run/containerd/runc/k8s.io',
    '/run/containerd/runc',
    '/run/containerd',
    CNI_RESULTS,
    dirname(CNI_RESULTS),
  ]) {
    await rmdir(folder).catch(() => {});
  }
}
