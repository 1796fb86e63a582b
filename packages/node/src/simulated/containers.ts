// The runtime that simulated pods run in: what a container runtime would say of a pod in a given state. The node's own rules
// make the pod's status of it, so that both kinds of node report alike.
import { createHash } from 'node:crypto';
import type { corev1 } from '@tiphys/api';
import { containerHash, isHostNetwork, isSidecar, type PodRuntime, type RuntimeContainer } from '../pod-worker/pod-runtime.ts';

export interface Life {
  startedMs: number;
  /** Set once the containers have ended. */
  ended?: { atMs: number; exitCode: number };
  /** How often the containers ran before. */
  restarts: number;
  address: string | undefined;
}

/** How a container ends that does not listen to SIGTERM. */
export const KILLED_EXIT_CODE = 137;

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

function container(pod: corev1.Pod, spec: corev1.Container, life: Life, kind: 'init' | 'sidecar' | 'regular'): RuntimeContainer {
  const { uid } = pod.metadata!;
  const image = spec.image ?? '';
  const ended = kind === 'init' ? { atMs: life.startedMs, exitCode: 0 } : life.ended;
  const restartCount = kind === 'regular' ? life.restarts : 0;
  return {
    id: digest(`${uid}/${spec.name}/${restartCount}`),
    name: spec.name,
    sandboxId: digest(`${uid}`),
    state: ended ? 'exited' : 'running',
    createdAtMs: life.startedMs,
    startedAtMs: life.startedMs,
    finishedAtMs: ended?.atMs ?? 0,
    exitCode: kind === 'sidecar' ? 0 : (ended?.exitCode ?? 0),
    image,
    imageRef: `${image.replace(/[@:][^/]*$/, '')}@sha256:${digest(image)}`,
    reason: ended ? (ended.exitCode === 0 || kind === 'sidecar' ? 'Completed' : 'Error') : '',
    message: '',
    restartCount,
    hash: containerHash(spec),
    logPath: '',
  };
}

export function simulatedRuntime(pod: corev1.Pod, life: Life): PodRuntime {
  const { uid } = pod.metadata!;
  const { initContainers = [], containers } = pod.spec!;
  return {
    sandboxes: [
      {
        id: digest(`${uid}`),
        attempt: 0,
        ready: life.ended === undefined,
        createdAtMs: life.startedMs,
        hostNetwork: isHostNetwork(pod),
        ips: life.address ? [life.address] : [],
      },
    ],
    containers: [
      ...initContainers.map((spec) => container(pod, spec, life, isSidecar(spec) ? 'sidecar' : 'init')),
      ...containers.map((spec) => container(pod, spec, life, 'regular')),
    ],
  };
}

/** The life of a pod that was running already, from what was reported of it. */
export function lifeOf(pod: corev1.Pod): Life | undefined {
  const running = pod.status?.containerStatuses?.find((status) => status.state?.running);
  if (!running) return undefined;
  return {
    startedMs: Date.parse(running.state!.running!.startedAt!),
    restarts: running.restartCount,
    address: isHostNetwork(pod) ? undefined : pod.status?.podIP,
  };
}
