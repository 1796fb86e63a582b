// Ends what a node left running and takes away what it made on the machine: containers, shims, containerd, mounts, cgroups.
import { readdir, readFile, realpath, rm, rmdir } from 'node:fs/promises';
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

/** Where runc keeps what it knows of containers. */
const RUNC_STATES = '/run/containerd/runc/k8s.io';
/** Beyond a container's grace: a runtime that has lost its state never answers, and processes can be ended without it. */
const END_MS_MAX = 15_000;

const SHIM_SOCKETS = 'unix:///run/containerd/s/';
const NAMESPACES = '/var/run/netns/cni-';

/** What a sandbox has outside the data folder, for when the runtime can't take it away itself. */
interface Leavings {
  id: string;
  networkNamespace: string | undefined;
}

interface VerboseInfo {
  runtimeSpec?: { linux?: { namespaces?: { type: string; path?: string }[] } };
}

async function leavingsOf(cri: CriClient, id: string): Promise<Leavings> {
  const { info } = await cri.podSandboxStatus(id, true).catch(() => ({ info: undefined }));
  const { runtimeSpec } = JSON.parse(info?.info ?? '{}') as VerboseInfo;
  return { id, networkNamespace: runtimeSpec?.linux?.namespaces?.find(({ type }) => type === 'network')?.path };
}

async function removeLeavings(sandboxes: readonly Leavings[], ids: readonly string[]): Promise<void> {
  const results = await readdir(CNI_RESULTS).catch(() => []);
  for (const name of results) if (ids.some((id) => name.includes(id))) await rm(join(CNI_RESULTS, name), { force: true });
  for (const id of ids) await rm(join(RUNC_STATES, id), { recursive: true, force: true });
  for (const { networkNamespace } of sandboxes) {
    if (!networkNamespace?.startsWith(NAMESPACES)) continue;
    // The kernel lists mounts by their true path.
    await unmountBelow(await realpath(networkNamespace).catch(() => networkNamespace));
    await rm(networkNamespace, { force: true });
  }
}

/** Shims that were killed leave their sockets, whose addresses lie beside their containers. */
async function removeShimSockets(state: string): Promise<void> {
  const tasks = join(state, 'io.containerd.runtime.v2.task', 'k8s.io');
  for (const id of await readdir(tasks).catch(() => [])) {
    const address = await readFile(join(tasks, id, 'address'), 'utf8').catch(() => '');
    if (address.startsWith(SHIM_SOCKETS)) await rm(address.slice('unix://'.length), { force: true });
  }
}

/** Resolves when the work is over or the time is. */
async function atMost(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, delay(timeoutMs, undefined, { signal: over.signal })]).catch(() => {});
  over.abort();
}

/** Answers what to look for afterwards. */
async function endContainers(cri: CriClient, graceSeconds: number): Promise<() => Promise<void>> {
  const sandboxes = await Promise.all((await cri.listPodSandbox()).map(({ id }) => leavingsOf(cri, id!)));
  const containers = await cri.listContainers();
  const running = containers.filter(({ state }) => state === 1);
  const end = async () => {
    await Promise.allSettled(running.map(({ id }) => cri.stopContainer(id!, graceSeconds)));
    // Stopping a sandbox also gives back its network: links, namespaces and addresses.
    await Promise.allSettled(sandboxes.map(({ id }) => cri.stopPodSandbox(id)));
    await Promise.allSettled(sandboxes.map(({ id }) => cri.removePodSandbox(id)));
  };
  await atMost(graceSeconds * 1000 + END_MS_MAX, end());
  return () => removeLeavings(sandboxes, [...sandboxes.map(({ id }) => id), ...containers.map(({ id }) => id!)]);
}

async function killProcesses(pids: readonly number[], argument: string): Promise<void> {
  for (const pid of pids) signal(pid, 'SIGKILL');
  await waitUntilGone(pids, argument, KILLED_MS_MAX);
}

const LONGEST_MS = 2 ** 31 - 1;

/** The clock's timers and sockets that wait do not hold a process, and whoever calls may have nothing else to wait for. */
async function holdingTheProcess(work: Promise<void>): Promise<void> {
  const over = new AbortController();
  const held = delay(LONGEST_MS, undefined, { signal: over.signal }).catch(() => {});
  try {
    await work;
  } finally {
    over.abort();
    await held;
  }
}

/** May be called with or without a running node, and again. Nothing of the node is left but plain files in its folder. */
export const removeEverything = (options: RemoveOptions): Promise<void> => holdingTheProcess(remove(options));

async function remove(options: RemoveOptions): Promise<void> {
  const { directory, graceSeconds = GRACE_SECONDS_DEFAULT } = options;
  const paths = containerdPaths(directory);
  const hasState = await readdir(paths.root).then(
    () => true,
    () => false,
  );
  let removeRest = async () => {};
  if (hasState) {
    const binary = options.containerdBinary ? { binary: options.containerdBinary } : {};
    const containerd = await startContainerd({ runtime: realRuntime(), directory, ...binary }).catch(() => undefined);
    if (containerd) {
      removeRest = await endContainers(containerd.cri, graceSeconds).catch(() => removeRest);
      await containerd.stop();
    }
  }
  await stopContainerd(directory);
  await killProcesses(await processesWithArgument(paths.socket), paths.socket);
  const cgroups = await cgroupTree(cgroupRoot(directory));
  for (const pid of await cgroups.processes()) signal(pid, 'SIGKILL');
  for (let waitedMs = 0; waitedMs < KILLED_MS_MAX && (await cgroups.processes()).length > 0; waitedMs += POLL_MS) await delay(POLL_MS);
  await cgroups.removeAll();
  await removeRest();
  await removeShimSockets(paths.state);
  await unmountBelow(join(directory, 'containerd'));
  await unmountBelow(join(directory, 'kubelet'));
  await rm(paths.state, { recursive: true, force: true });
  // Folders that containerd makes outside its own, whatever its configuration; they stay when another containerd uses them.
  for (const folder of [
    '/run/containerd/s',
    '/run/containerd/fifo',
    '/run/containerd/io.containerd.runtime.v2.task/k8s.io',
    RUNC_STATES,
    '/run/containerd/runc',
    '/run/containerd',
    CNI_RESULTS,
    dirname(CNI_RESULTS),
  ]) {
    await rmdir(folder).catch(() => {});
  }
}
