// The pods of one node: starts a worker for each that is bound here, adopts what runs already, and removes what nobody wants
// (pkg/kubelet/kubelet.go HandlePodAdditions, HandlePodCleanups).
import { corev1 } from '@tiphys/api';
import type { CriClient } from '../cri/client.ts';
import { isCriNotFound } from '../cri/errors.ts';
import { EvictionManager } from '../eviction/eviction-manager.ts';
import type { Pressure, Threshold } from '../eviction/signals.ts';
import { removeUnusedImages } from '../images/garbage.ts';
import type { NodeContext } from '../pod-worker/node-context.ts';
import { allContainers, LABELS, podUidOf, stateOf } from '../pod-worker/pod-runtime.ts';
import { PodWorker } from '../pod-worker/worker.ts';
import { problemsOf, type Refusal } from './admission.ts';
import { appArmorEnabled } from './app-armor.ts';
import { type Admission, admissionOf } from './pod-admission.ts';

export interface PodSet {
  pod(namespace: string, name: string): corev1.Pod | undefined;
  wake(uids: ReadonlySet<string>): void;
  wakeAll(): void;
  /** A container's process ended; its pod is looked at until CRI shows it. */
  containerEnded(containerId: string): Promise<void>;
  removeOrphans(): Promise<void>;
  runningContainers(): Promise<{ id: string; logPath: string }[]>;
  /** Ends pods that use more than they may, and one when the node is short of something. */
  evict(): Promise<void>;
  /** What the node is short of. */
  pressures(): readonly Pressure[];
  /** Names of the images that pods want. */
  images(): Set<string>;
  stop(): Promise<void>;
}

/** CRI learns of an end a moment after the event: how long it is waited for. */
const SETTLE_MS = [0, 5, 10, 20, 40, 80, 160, 320];

const hasEnded = (pod: corev1.Pod) => pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';

/** The uid of the pod whose container (or sandbox) has ended, as soon as CRI shows the end. */
async function podOfEnded({ cri, runtime }: NodeContext, containerId: string): Promise<string | undefined> {
  for (const delayMs of SETTLE_MS) {
    await runtime.clock.sleep(delayMs);
    const [container] = await cri.listContainers({ id: containerId }).catch(() => []);
    if (container && stateOf(container.state) === 'running') continue;
    if (container) return container.labels?.[LABELS.podUid];
    const [sandbox] = await cri.listPodSandbox({ id: containerId }).catch(() => []);
    return sandbox && podUidOf(sandbox);
  }
  return undefined;
}

async function removeSandbox(cri: CriClient, id: string): Promise<void> {
  for (const container of await cri.listContainers({ podSandboxId: id })) {
    await cri.stopContainer(container.id!, 1).catch(() => {});
    await cri.removeContainer(container.id!).catch(() => {});
  }
  await cri.stopPodSandbox(id).catch(() => {});
  await cri.removePodSandbox(id).catch((error) => {
    if (!isCriNotFound(error)) throw error;
  });
}

async function removeOrphans({ cri, cgroups, volumes, runtime }: NodeContext, isKnown: (uid: string) => boolean): Promise<void> {
  for (const sandbox of await cri.listPodSandbox()) {
    const uid = podUidOf(sandbox);
    if (isKnown(uid)) continue;
    runtime.log.info('removing a pod that nobody knows', { uid });
    await removeSandbox(cri, sandbox.id!);
    await cgroups.removePod(uid);
  }
  for (const uid of await volumes.known()) if (!isKnown(uid)) await volumes.unmount(uid);
}

async function runningContainers(cri: CriClient): Promise<{ id: string; logPath: string }[]> {
  const containers = await cri.listContainers({ state: { state: 1 } });
  const found: { id: string; logPath: string }[] = [];
  for (const { id } of containers) {
    const { status } = await cri.containerStatus(id!).catch(() => ({ status: undefined }));
    if (status?.logPath) found.push({ id: id!, logPath: status.logPath });
  }
  return found;
}

/** What the pod has already must not count: the question is whether the new amounts fit. */
const admitResize = (pod: corev1.Pod, node: corev1.Node | undefined, others: readonly corev1.Pod[]) =>
  node && problemsOf({ ...pod, status: {} }, node, others)[0];

function rejected({ events }: NodeContext, pod: corev1.Pod, { reason, message }: Refusal): Refusal {
  events.event({ ...pod, apiVersion: 'v1', kind: 'Pod' }, 'Warning', reason, message);
  return { reason, message: `Pod was rejected: ${message}` };
}

function wakeWaiting(workers: Iterable<PodWorker>): void {
  for (const worker of workers) if (worker.waitsForRoom) worker.wake();
}

function wantedImages(workers: readonly PodWorker[]): Set<string> {
  const names = workers.flatMap(({ pod }) => [
    ...allContainers(pod).map(({ image }) => image ?? ''),
    ...(pod.spec!.volumes ?? []).map(({ image }) => image?.reference ?? ''),
  ]);
  return new Set(names.filter(Boolean));
}

function evictionManager(context: NodeContext, thresholds: readonly Threshold[], workers: () => PodWorker[]): EvictionManager {
  const { cri, directory, images, runtime } = context;
  const removeImages = () => {
    const options = { cri, directory, pulled: images.pulled, wanted: wantedImages(workers()), nowMs: runtime.clock.now() };
    return removeUnusedImages(options, Number.POSITIVE_INFINITY);
  };
  return new EvictionManager({ context, thresholds, pods: workers, removeImages });
}

export interface PodSetOptions {
  context: NodeContext;
  node: () => corev1.Node | undefined;
  /** When pods have to go for the node's sake. */
  thresholds: readonly Threshold[];
}

export async function podSet({ context: given, node, thresholds }: PodSetOptions): Promise<PodSet> {
  const { client, cri } = given;
  const informer = client.informer(corev1.pods, { fieldSelector: `spec.nodeName=${given.nodeName}` });
  const workers = new Map<string, PodWorker>();
  const hasAppArmor = await appArmorEnabled();
  const adopted = new Set((await cri.listPodSandbox()).map(podUidOf));

  const context: NodeContext = {
    ...given,
    admitResize: (pod) => admitResize(pod, node(), counted(pod.metadata!.uid!)),
    onRoom: () => wakeWaiting(workers.values()),
  };
  const eviction = evictionManager(context, thresholds, () => [...workers.values()]);
  const counted = (uid: string) =>
    [...workers.values()].filter(({ pod, takesRoom }) => pod.metadata!.uid !== uid && takesRoom && !hasEnded(pod)).map(({ pod }) => pod);
  const add = (pod: corev1.Pod) => {
    const uid = pod.metadata!.uid!;
    // What ran before this process was admitted then.
    const known = node();
    const isNew = !adopted.has(uid) && !hasEnded(pod) && !pod.metadata!.deletionTimestamp;
    const facts = known && isNew && { node: known, others: counted(uid), pressures: eviction.pressures(), hasAppArmor };
    const { refusal, toPreempt }: Admission = facts ? admissionOf(pod, facts) : { toPreempt: [] };
    for (const { metadata } of toPreempt) workers.get(metadata!.uid!)?.preempt();
    workers.set(uid, new PodWorker(context, pod, forget, refusal && rejected(context, pod, refusal)));
  };
  const forget = (uid: string) => void workers.delete(uid);
  const put = (pod: corev1.Pod) => {
    const worker = workers.get(pod.metadata!.uid!);
    if (worker) worker.update(pod);
    else add(pod);
  };
  const unsubscribe = informer.subscribe({
    added: put,
    updated: (pod, old) => {
      if (old.metadata!.uid !== pod.metadata!.uid) workers.get(old.metadata!.uid!)?.remove();
      put(pod);
    },
    deleted: (pod) => workers.get(pod.metadata!.uid!)?.remove(),
  });
  await informer.synced();

  const wake = (uids: ReadonlySet<string>) => {
    for (const uid of uids) workers.get(uid)?.wake();
  };
  return {
    pod: (namespace, name) => informer.get(name, namespace),
    wake,
    wakeAll: () => {
      for (const worker of workers.values()) worker.wake();
    },
    containerEnded: async (containerId) => {
      const uid = await podOfEnded(context, containerId);
      if (uid !== undefined) wake(new Set([uid]));
    },
    removeOrphans: () => removeOrphans(context, (uid) => workers.has(uid)),
    runningContainers: () => runningContainers(cri),
    evict: () => eviction.synchronize(),
    pressures: () => eviction.pressures(),
    images: () => wantedImages([...workers.values()]),
    stop: async () => {
      unsubscribe();
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
    },
  };
}
