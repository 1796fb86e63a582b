// What the Pod Security Standards check, each as one function of a pod (pod-security-admission policy/check_*.go, v1.36).
import type { corev1, ObjectMeta } from '@tiphys/api';
import { containersOf } from '../attributes.ts';

export type Level = 'privileged' | 'baseline' | 'restricted';

export interface Finding {
  /** Short: which rule. */
  reason: string;
  /** Who breaks it and how. */
  detail: string;
}

export type CheckPod = (spec: corev1.PodSpec, metadata: ObjectMeta) => Finding | undefined;

export const quotedList = (items: readonly string[]) => items.map((item) => `"${item}"`).join(', ');
export const sorted = (set: Iterable<string>) => [...new Set(set)].sort();
export const plural = (word: string, count: number, many = `${word}s`) => (count === 1 ? word : many);

/** `container "a"` or `containers "a", "b"`. */
export const containersText = (names: readonly string[]) => `${plural('container', names.length)} ${quotedList(names)}`;

type Security = corev1.SecurityContext;

/** Init containers first, then containers, then ephemeral ones. */
export const allContainers = (spec: corev1.PodSpec): corev1.Container[] => [...containersOf(spec)].map(({ container }) => container);

export const namesWhere = (spec: corev1.PodSpec, test: (container: corev1.Container) => boolean): string[] =>
  allContainers(spec)
    .filter(test)
    .map((container) => container.name);

export const finding = (condition: boolean, reason: string, detail: () => string): Finding | undefined =>
  condition ? { reason, detail: detail() } : undefined;

/** The pod and containers that say something they may not, as `pod and container "a"`. */
export function settersText(pod: boolean, containers: readonly string[]): string {
  return [...(pod ? ['pod'] : []), ...(containers.length > 0 ? [containersText(containers)] : [])].join(' and ');
}

export const usesUserNamespace = (spec: corev1.PodSpec) => spec.hostUsers === false;
export const isWindows = (spec: corev1.PodSpec) => spec.os?.name === 'windows';

/** Whether the pod or containers name a value that is not allowed. */
export function badValues<T>(
  spec: corev1.PodSpec,
  read: (security: Security | corev1.PodSecurityContext) => T | undefined,
  isBad: (value: T) => boolean,
): { pod: boolean; containers: string[]; values: T[] } {
  const values: T[] = [];
  const check = (security: Security | corev1.PodSecurityContext | undefined): boolean => {
    const value = security && read(security);
    if (value === undefined || !isBad(value)) return false;
    values.push(value);
    return true;
  };
  const pod = check(spec.securityContext);
  return { pod, containers: namesWhere(spec, (container) => check(container.securityContext)), values };
}
