// Takes away what a pod has left: older runs of its containers while it lives, everything when it is gone
// (pkg/kubelet/kuberuntime/kuberuntime_gc.go, kubelet.go SyncTerminatedPod).
import { rm } from 'node:fs/promises';
import { corev1 as core, type corev1 } from '@tiphys/api';
import { isNotFound } from '@tiphys/machinery';
import type { CriClient } from '../cri/client.ts';
import { isCriNotFound } from '../cri/errors.ts';
import type { NodeContext } from './node-context.ts';
import { podLogDirectory } from './paths.ts';
import { allContainers, type PodRuntime } from './pod-runtime.ts';

/** Dead runs of a container that are kept beside the newest. */
const DEAD_KEPT_MAX = 1;

/** One that is gone already is as good as removed. */
export async function removeContainer(cri: CriClient, id: string): Promise<void> {
  await cri.removeContainer(id).catch((error) => {
    if (!isCriNotFound(error)) throw error;
  });
}

/** A new sandbox starts from the beginning: init containers of the old one must not count. */
export async function purgeInit({ cri }: NodeContext, pod: corev1.Pod, runtime: PodRuntime): Promise<void> {
  const names = new Set((pod.spec!.initContainers ?? []).map(({ name }) => name));
  for (const { id, name } of runtime.containers) if (names.has(name)) await removeContainer(cri, id);
}

export async function pruneRuns({ cri }: NodeContext, pod: corev1.Pod, runtime: PodRuntime): Promise<void> {
  for (const { name } of allContainers(pod)) {
    const [, ...older] = runtime.containers.filter((container) => container.name === name);
    for (const { id, logPath, state } of older.filter(({ state }) => state !== 'running').slice(DEAD_KEPT_MAX)) {
      if (state === 'exited') await removeContainer(cri, id);
      if (logPath) await rm(logPath, { force: true });
    }
  }
  for (const { id, ready } of runtime.sandboxes.slice(1)) {
    if (ready || runtime.containers.some(({ sandboxId }) => sandboxId === id)) continue;
    await cri.removePodSandbox(id).catch(() => {});
  }
}

/** Tells the API that nothing of a deleted pod runs here any more. */
export async function leaveApi({ client, statuses }: NodeContext, pod: corev1.Pod): Promise<void> {
  const { uid, name, namespace } = pod.metadata!;
  await statuses.written(uid!);
  try {
    await client.of(core.pods).delete(name!, namespace, { gracePeriodSeconds: 0, preconditions: { uid: uid! } });
  } catch (error) {
    if (!isNotFound(error) && (error as { code?: number }).code !== 409) throw error;
  }
}

export async function removePod(context: NodeContext, pod: corev1.Pod): Promise<void> {
  const { cri, directory, view, statuses, allocations, crashLoop, images, cgroups } = context;
  const uid = pod.metadata!.uid!;
  const runtime = await view.podRuntime(uid);
  for (const { id } of runtime.containers) await removeContainer(cri, id);
  for (const { id } of runtime.sandboxes) {
    await cri.stopPodSandbox(id).catch(() => {});
    await cri.removePodSandbox(id).catch((error) => {
      if (!isCriNotFound(error)) throw error;
    });
  }
  await rm(podLogDirectory(directory, pod), { recursive: true, force: true });
  await cgroups.removePod(uid);
  view.forget(uid);
  statuses.forget(uid);
  allocations.forget(uid);
  crashLoop.forget(`${uid}_`);
  images.forget(uid);
}
