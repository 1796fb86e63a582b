// What controllers ask about a pod (pkg/api/v1/pod/util.go, pkg/controller/controller_utils.go).
import type { corev1 } from '@tiphys/api';
import { isDeleting, timeMs } from '../runtime/objects.ts';

export type Pod = corev1.Pod;

export const phaseOf = (pod: Pod): string => pod.status?.phase ?? '';
export const isTerminal = (pod: Pod): boolean => phaseOf(pod) === 'Succeeded' || phaseOf(pod) === 'Failed';
export const isActive = (pod: Pod): boolean => !isTerminal(pod) && !isDeleting(pod);
export const isTerminating = (pod: Pod): boolean => !isTerminal(pod) && isDeleting(pod);
export const nodeOf = (pod: Pod): string => pod.spec?.nodeName ?? '';

export function podCondition(pod: Pod, type: string): corev1.PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export const isReady = (pod: Pod): boolean => podCondition(pod, 'Ready')?.status === 'True';

/** When a ready pod is available if nothing changes: 0 for at once; undefined for a pod that is not ready. */
export function availableAtMs(pod: Pod, minReadySeconds: number): number | undefined {
  const ready = podCondition(pod, 'Ready');
  if (ready?.status !== 'True') return undefined;
  if (minReadySeconds <= 0) return 0;
  return ready.lastTransitionTime ? timeMs(ready.lastTransitionTime) + minReadySeconds * 1000 : undefined;
}

export function isAvailable(pod: Pod, minReadySeconds: number, nowMs: number): boolean {
  const atMs = availableAtMs(pod, minReadySeconds);
  return atMs !== undefined && atMs <= nowMs;
}

/** The earliest time at which one more of the pods becomes available by waiting. */
export function nextAvailabilityMs(pods: readonly Pod[], minReadySeconds: number, nowMs: number): number | undefined {
  if (minReadySeconds <= 0) return undefined;
  let next: number | undefined;
  for (const pod of pods) {
    const atMs = availableAtMs(pod, minReadySeconds);
    if (atMs !== undefined && atMs > nowMs && (next === undefined || atMs < next)) next = atMs;
  }
  return next;
}
