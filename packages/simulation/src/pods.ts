// What checks ask of pods.
import type { corev1, KubeObject } from '@tiphys/api';
import type { Truth } from './truth.ts';

export const nameOf = ({ metadata }: KubeObject) => metadata?.name ?? '';
export const ownerOf = ({ metadata }: KubeObject) => metadata?.ownerReferences?.find(({ controller }) => controller);

export const isTerminal = ({ status }: corev1.Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed';

export const isReady = (pod: corev1.Pod) =>
  !pod.metadata?.deletionTimestamp && (pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false);

/** CPUs, whole or in thousandths, as stories and simulated nodes write them. */
export const amount = (quantity: string | undefined) =>
  quantity?.endsWith('m') ? Number(quantity.slice(0, -1)) / 1000 : Number(quantity ?? 0);

export const requestOf = ({ spec }: corev1.Pod) =>
  (spec?.containers ?? []).reduce((sum, { resources }) => sum + amount(resources?.requests?.cpu), 0);

/** CPUs that the pods of a node ask for. */
export const requestedOn = (truth: Truth, node: string) =>
  truth
    .all<corev1.Pod>('pods')
    .filter((pod) => pod.spec?.nodeName === node && !isTerminal(pod))
    .reduce((sum, pod) => sum + requestOf(pod), 0);
