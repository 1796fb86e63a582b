// What the rules of a pod's parts share while one pod spec is checked.
import type { corev1 } from '@tiphys/api';
import type { Errors } from '../errors.ts';

export interface PodScope {
  errors: Errors;
  /** False for the template of a workload, where some rules wait until a pod is made. */
  isPod: boolean;
  spec: corev1.PodSpec;
  /** The volumes that are valid, by name. */
  volumes: ReadonlyMap<string, corev1.Volume>;
  claimNames: ReadonlySet<string>;
  /** False when the pod runs in a user namespace of its own. */
  hostUsers: boolean;
}

export type ContainerKind = 'containers' | 'initContainers' | 'ephemeralContainers';
/** What all three kinds of container have. */
export type AnyContainer = corev1.Container;

/** Calls back for every container of every kind, in upstream's order, with its path. */
export function eachContainer(
  spec: corev1.PodSpec,
  path: string,
  visit: (container: AnyContainer, path: string, kind: ContainerKind) => void,
): void {
  spec.initContainers?.forEach((container, i) => {
    visit(container, `${path}.initContainers[${i}]`, 'initContainers');
  });
  spec.containers?.forEach((container, i) => {
    visit(container, `${path}.containers[${i}]`, 'containers');
  });
  spec.ephemeralContainers?.forEach((container, i) => {
    visit(container as AnyContainer, `${path}.ephemeralContainers[${i}]`, 'ephemeralContainers');
  });
}

export const isSidecar = (container: AnyContainer) => container.restartPolicy === 'Always';
