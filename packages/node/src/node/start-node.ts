// startNode(): a kubelet. It speaks to the cluster only through the client it is given, and to its own containerd.

import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { corev1 } from '@tiphys/api';
import { type Client, type EventRecorder, eventRecorder } from '@tiphys/client';
import type { Runtime, Timer } from '@tiphys/runtime';
import { type CgroupTree, cgroupTree } from '../cgroups/cgroup-tree.ts';
import { SANDBOX_IMAGE } from '../containerd/configuration.ts';
import { type Containerd, startContainerd } from '../containerd/daemon.ts';
import { ENDS_PER_CPU_MAX, STARTS_PER_CPU_MAX, turns, withTurns } from '../cri/turns.ts';
import { EVICTION_HARD_DEFAULT, parseThresholds } from '../eviction/signals.ts';
import { collectImages } from '../images/garbage.ts';
import { imageMounts } from '../images/image-mounts.ts';
import { ensureSandboxImage, type ImageTarget } from '../images/import.ts';
import { imagePuller } from '../images/puller.ts';
import { openAllocations } from '../pod-worker/allocations.ts';
import { backOff } from '../pod-worker/back-off.ts';
import type { NodeContext } from '../pod-worker/node-context.ts';
import { nodeDirectory, podLogPath } from '../pod-worker/paths.ts';
import { runtimeView } from '../pod-worker/runtime-view.ts';
import { statusWriter } from '../pod-worker/status-writer.ts';
import type { NodeUsage } from '../streams/host.ts';
import { volumeManager } from '../volumes/volume-manager.ts';
import { writeCniConfiguration } from './cni.ts';
import { followContainers } from './container-events.ts';
import { rotateLog } from './log-rotation.ts';
import { type MachineFacts, readMachine } from './machine.ts';
import { allocatableOf, type NodeFacts, type RuntimeFeatures } from './node-object.ts';
import { type PodSet, podSet } from './pod-set.ts';
import { registerNode } from './registration.ts';
import { usageMeter } from './usage.ts';

export interface NodeOptions {
  client: Client;
  runtime: Runtime;
  name: string;
  /** The data folder. */
  directory: string;
  clusterDns: readonly string[];
  clusterDomain: string;
  podCidr: string;
  /** The node's own address; default that of the interface that leads out. */
  address?: string;
  /** Port of the node's HTTPS server, as the Node object shows it. */
  port?: number;
  labels?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
  taints?: readonly corev1.Taint[];
  /** When pods have to go for the node's sake, as the kubelet's --eviction-hard says it; default upstream's. */
  evictionHard?: string;
  /** The containerd program; default from PATH. */
  containerdBinary?: string;
  /** Folder with a `HOST/hosts.toml` per registry; default DIR/registries. */
  registryConfigurationDirectory?: string;
}

export interface Node {
  name: string;
  containerd: Containerd;
  images: ImageTarget;
  /** The pod with its status as this node knows it, which may be newer than the API's. */
  pod(namespace: string, name: string): corev1.Pod | undefined;
  /** The id of a container's newest run (or the one before), and where its log is. */
  findContainer(namespace: string, pod: string, container: string, previous?: boolean): Promise<FoundContainer | undefined>;
  /** The id of the pod's sandbox, for port-forward. */
  findSandbox(namespace: string, pod: string): Promise<string | undefined>;
  /** What node, pods and containers use at this moment. */
  usage(): Promise<NodeUsage>;
  /** Lets go: containers run on, and the next start adopts them. With `containers: 'end'` everything ends. */
  stop(): Promise<void>;
}

export interface FoundContainer {
  id: string;
  state: 'created' | 'running' | 'exited' | 'unknown';
  logPath: string;
  restartCount: number;
}

const KUBELET_PORT = 10250;
const HOUSEKEEPING_MS = 10_000;
const IMAGES_MS = 5 * 60_000;
/** The safety net below events: every pod is looked at this often anyway. */
const RELIST_MS = 60_000;

/** Names the cgroup tree, so that two data folders on one machine stay apart. */
export const cgroupRoot = (directory: string): string => `/tiphys-${createHash('sha256').update(directory).digest('hex').slice(0, 8)}`;

async function nodeFacts(
  options: NodeOptions,
  machine: MachineFacts,
  containerd: Containerd,
  pods: () => PodSet | undefined,
): Promise<NodeFacts> {
  const problems: string[] = [];
  let images: corev1.ContainerImage[] = [];
  let features: RuntimeFeatures | undefined;
  try {
    const { status, runtimeHandlers, features: common } = await containerd.cri.status();
    features = { handlers: runtimeHandlers ?? [], supplementalGroupsPolicy: common?.supplementalGroupsPolicy === true };
    for (const condition of status?.conditions ?? []) {
      // Others, such as warnings of deprecation, don't stop pods.
      if (condition.status || (condition.type !== 'NetworkReady' && condition.type !== 'RuntimeReady')) continue;
      const what =
        condition.type === 'NetworkReady' ? 'container runtime network not ready: NetworkReady=false' : 'container runtime is down';
      problems.push(condition.type === 'NetworkReady' ? `${what} reason:${condition.reason} message:${condition.message}` : what);
    }
    const listed = await containerd.cri.listImages();
    images = listed
      .filter(({ repoTags = [] }) => !repoTags.includes(SANDBOX_IMAGE))
      .map(({ repoTags = [], repoDigests = [], size = 0 }) => ({ names: [...repoDigests, ...repoTags].slice(0, 5), sizeBytes: size }));
  } catch {
    problems.push('container runtime is down');
  }
  return {
    name: options.name,
    machine,
    address: options.address ?? machine.address,
    runtimeVersion: `containerd://${containerd.facts.version}`,
    port: options.port ?? KUBELET_PORT,
    podCidr: options.podCidr,
    images,
    // No volume of this node has to be attached to it.
    volumesInUse: [],
    problems,
    pressures: pods()?.pressures() ?? [],
    ...(features ? { features } : {}),
    ...(options.labels ? { labels: options.labels } : {}),
    ...(options.annotations ? { annotations: options.annotations } : {}),
    ...(options.taints ? { taints: options.taints } : {}),
  };
}

interface Parts {
  containerd: Containerd;
  machine: MachineFacts;
  cgroups: CgroupTree;
  events: EventRecorder;
  target: ImageTarget;
}

async function nodeContext(options: NodeOptions, parts: Parts, wake: (uids: ReadonlySet<string>) => void): Promise<NodeContext> {
  const { client, runtime, directory } = options;
  const { containerd, machine, cgroups, events } = parts;
  const allocatable = allocatableOf(machine);
  const mounts = imageMounts(parts.target);
  const [resolvConf, machineHosts] = await Promise.all(
    ['/etc/resolv.conf', '/etc/hosts'].map((path) => readFile(path, 'utf8').catch(() => '')),
  );
  return {
    client,
    runtime,
    events,
    cri: withTurns(
      containerd.cri,
      turns(runtime.clock, machine.cpus * STARTS_PER_CPU_MAX),
      turns(runtime.clock, machine.cpus * ENDS_PER_CPU_MAX),
    ),
    view: runtimeView(containerd.cri),
    volumes: await volumeManager({
      client,
      runtime,
      directory: nodeDirectory(directory),
      allocatable: () => allocatable,
      onChange: wake,
      images: mounts,
    }),
    cgroups,
    imageMounts: mounts,
    images: imagePuller(containerd.cri, runtime.clock),
    statuses: statusWriter(client, runtime),
    allocations: await openAllocations(join(nodeDirectory(directory), 'pods'), (error) =>
      runtime.log.warning('resources of a pod could not be kept', { error: String(error) }),
    ),
    admitResize: () => undefined,
    onRoom: () => {},
    services: client.informer(corev1.services),
    crashLoop: backOff(),
    dns: { clusterDns: options.clusterDns, clusterDomain: options.clusterDomain, machine: resolvConf! },
    machineHosts: machineHosts!,
    nodeName: options.name,
    hostIp: options.address ?? machine.address,
    directory,
    memory: { capacityBytes: machine.memoryBytes, swapControl: await cgroups.swapControl(), endsTogether: cgroups.version === 2 },
    allocatable: () => allocatable,
    startedMs: runtime.clock.now(),
  };
}

/** What the node's HTTPS server asks about pods. */
function lookups(context: NodeContext, pods: PodSet): Pick<Node, 'pod' | 'findContainer' | 'findSandbox'> {
  return {
    pod: (namespace, name) => {
      const pod = pods.pod(namespace, name);
      const status = pod && context.statuses.get(pod.metadata!.uid!);
      return status ? { ...pod, status } : pod;
    },
    findContainer: async (namespace, name, container, previous = false) => {
      const pod = pods.pod(namespace, name);
      if (!pod) return undefined;
      const { containers } = await context.view.podRuntime(pod.metadata!.uid!);
      const found = containers.filter((one) => one.name === container)[previous ? 1 : 0];
      if (!found) return undefined;
      const { id, state, restartCount } = found;
      return { id, state, restartCount, logPath: podLogPath(context.directory, pod, container, restartCount) };
    },
    findSandbox: async (namespace, name) => {
      const pod = pods.pod(namespace, name);
      if (!pod) return undefined;
      const { sandboxes } = await context.view.podRuntime(pod.metadata!.uid!);
      return sandboxes.find(({ ready }) => ready)?.id;
    },
  };
}

/** Starts the node; resolves when it is registered. Pods run from then on. After an error nothing of it goes on by itself. */
export async function startNode(options: NodeOptions): Promise<Node> {
  const begun: (() => unknown)[] = [];
  try {
    return await startParts(options, (undo) => begun.unshift(undo));
  } catch (error) {
    for (const undo of begun) {
      try {
        await undo();
      } catch (cause) {
        options.runtime.log.debug('a part of a node that did not start could not be stopped', { error: String(cause) });
      }
    }
    throw error;
  }
}

async function startParts(options: NodeOptions, onFailure: (undo: () => unknown) => void): Promise<Node> {
  const { runtime, directory, client } = options;
  const { clock } = runtime;
  const thresholds = parseThresholds(options.evictionHard ?? EVICTION_HARD_DEFAULT);
  await mkdir(directory, { recursive: true });
  await writeCniConfiguration(directory, options.podCidr);
  const { containerdBinary: binary, registryConfigurationDirectory } = options;
  const starting = startContainerd({
    runtime,
    directory,
    ...(binary ? { binary } : {}),
    ...(registryConfigurationDirectory ? { registryConfigurationDirectory } : {}),
  });
  onFailure(async () => (await starting).release());
  const [containerd, machine, cgroups] = await Promise.all([starting, readMachine(directory), cgroupTree(cgroupRoot(directory))]);
  const target: ImageTarget = {
    socket: containerd.socket,
    snapshotter: containerd.facts.snapshotter,
    majorVersion: containerd.facts.majorVersion,
    ...(binary ? { binary } : {}),
  };
  await ensureSandboxImage(target, containerd.cri, (delayMs) => clock.sleep(delayMs));
  const events = eventRecorder({ client, runtime, component: 'kubelet', host: options.name });
  let pods: PodSet | undefined;
  const context = await nodeContext(options, { containerd, machine, cgroups, events, target }, (uids) => pods?.wake(uids));
  const registration = await registerNode({ client, runtime, events, facts: () => nodeFacts(options, machine, containerd, () => pods) });
  onFailure(() => registration.stop());
  // Others label and taint the node: admission must not judge by what the node itself wrote last.
  const own = client.informer(corev1.nodes, { fieldSelector: `metadata.name=${options.name}` });
  await Promise.all([context.services.synced(), own.synced()]);
  pods = await podSet({ context, thresholds, node: () => own.get(options.name) ?? registration.node() });
  const follower = followContainers({
    cri: containerd.cri,
    socket: containerd.socket,
    runtime,
    onPod: (uid) => pods!.wake(new Set([uid])),
    onContainer: (id) => void pods!.containerEnded(id),
    onGap: () => pods!.wakeAll(),
  });
  containerd.onRestart(() => {
    pods!.wakeAll();
    void registration.refresh().catch(() => {});
  });
  const timers = housekeeping(context, pods, () => registration.refresh());
  const running = pods;
  return {
    name: options.name,
    containerd,
    images: target,
    ...lookups(context, running),
    usage: usageMeter({ cri: containerd.cri, clock, directory, pod: (namespace, name) => running.pod(namespace, name) }),
    stop: async () => {
      timers.stop();
      await follower.stop();
      await running.stop();
      await registration.stop();
      await events.flushed();
      context.volumes.close();
      containerd.release();
    },
  };
}

function housekeeping(context: NodeContext, pods: PodSet, onPressure: () => Promise<void>): { stop(): void } {
  const { clock, log } = context.runtime;
  let timer: Timer | undefined;
  let relistMs = clock.monotonicMs() + RELIST_MS;
  let imagesMs = clock.monotonicMs() + IMAGES_MS;
  let stopped = false;
  const tidyImages = async () => {
    if (clock.monotonicMs() < imagesMs) return;
    imagesMs = clock.monotonicMs() + IMAGES_MS;
    const { cri, directory, images, nodeName } = context;
    const complaint = await collectImages({ cri, directory, pulled: images.pulled, wanted: pods.images(), nowMs: clock.now() });
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
    // Only a node that has pulled something could free anything.
    if (complaint && images.pulled.size > 0) context.events.event(node, 'Warning', 'FreeDiskSpaceFailed', complaint);
  };
  const tidy = async () => {
    await pods.removeOrphans();
    const before = pods.pressures().join();
    await pods.evict();
    // Whoever places pods should know soon.
    if (pods.pressures().join() !== before) await onPressure();
    await tidyImages();
    const stamp = new Date(clock.now()).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
    for (const { id, logPath } of await pods.runningContainers()) await rotateLog(context.cri, id, logPath, stamp);
    if (clock.monotonicMs() < relistMs) return;
    relistMs = clock.monotonicMs() + RELIST_MS;
    pods.wakeAll();
  };
  const again = () => {
    timer = clock.after(HOUSEKEEPING_MS, () => {
      void tidy()
        .catch((error) => log.warning('housekeeping failed', { error: String(error) }))
        .finally(() => stopped || again());
    });
  };
  again();
  return {
    stop: () => {
      stopped = true;
      timer?.cancel();
    },
  };
}

export const seccompDirectory = (directory: string): string => join(directory, 'seccomp');
