// A DaemonSet's pods: how they look, and on which node each belongs (pkg/controller/daemon/util).
import { appsv1, type corev1 } from '@tiphys/api';
import { matchesNodeAffinity, untoleratedTaint } from '@tiphys/machinery';
import { scaledValue } from '../deployment/numbers.ts';
import { REVISION_HASH_LABEL } from '../history/revisions.ts';
import { nodeOf, type Pod } from '../pods/pod-state.ts';
import { podFromTemplate } from '../pods/pod-writes.ts';
import { annotationsOf, labelsOf, nameOf, timeMs } from '../runtime/objects.ts';

export type DaemonSet = appsv1.DaemonSet;

const GENERATION_ANNOTATION = 'deprecated.daemonset.template.generation';
const GENERATION_LABEL = 'pod-template-generation';

const tolerated = (key: string, effect: string): corev1.Toleration => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect });

/** Troubles of a node that are no reason for its daemons to leave. */
const TOLERATIONS = [
  tolerated('not-ready', 'NoExecute'),
  tolerated('unreachable', 'NoExecute'),
  tolerated('disk-pressure', 'NoSchedule'),
  tolerated('memory-pressure', 'NoSchedule'),
  tolerated('pid-pressure', 'NoSchedule'),
  tolerated('unschedulable', 'NoSchedule'),
];
const HOST_NETWORK_TOLERATION = tolerated('network-unavailable', 'NoSchedule');

export function tolerationsOf(spec: corev1.PodSpec | undefined): corev1.Toleration[] {
  const added = spec?.hostNetwork ? [...TOLERATIONS, HOST_NETWORK_TOLERATION] : TOLERATIONS;
  const same = (a: corev1.Toleration, b: corev1.Toleration) =>
    a.key === b.key && a.effect === b.effect && (a.operator ?? 'Equal') === b.operator && (a.value ?? '') === '';
  const own = (spec?.tolerations ?? []).filter((toleration) => !added.some((one) => same(toleration, one)));
  return [...own, ...added];
}

/** The template's generation as an old annotation has it; undefined when it is no number. */
function templateGeneration(set: DaemonSet): string | undefined {
  const text = annotationsOf(set)[GENERATION_ANNOTATION];
  return text !== undefined && /^[+-]?[0-9]+$/.test(text) ? String(Number(text)) : undefined;
}

export function isUpdated(set: DaemonSet, pod: Pod, hash: string): boolean {
  const generation = templateGeneration(set);
  return labelsOf(pod)[REVISION_HASH_LABEL] === hash || (generation !== undefined && labelsOf(pod)[GENERATION_LABEL] === generation);
}

/** Pinned to the node by affinity, so that the scheduler binds it there. */
function pinned(affinity: corev1.Affinity | undefined, node: string): corev1.Affinity {
  const byName = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }] };
  return { ...affinity, nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: byName } };
}

export function daemonPod(set: DaemonSet, hash: string, node: string): Pod {
  const pod = podFromTemplate(appsv1.daemonsets, set, set.spec?.template);
  const generation = templateGeneration(set);
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: {
        ...labelsOf(pod),
        ...(generation === undefined ? {} : { [GENERATION_LABEL]: generation }),
        [REVISION_HASH_LABEL]: hash,
      },
    },
    spec: { ...pod.spec!, affinity: pinned(pod.spec?.affinity, node), tolerations: tolerationsOf(pod.spec) },
  };
}

/** The node the pod is on or pinned to. */
export function targetNode(pod: Pod): string | undefined {
  if (nodeOf(pod) !== '') return nodeOf(pod);
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const { matchFields = [] } of terms) {
    for (const { key, operator, values } of matchFields) {
      if (key === 'metadata.name' && operator === 'In') return values?.length === 1 ? values[0] : undefined;
    }
  }
  return undefined;
}

export interface Fit {
  /** A pod belongs on the node. */
  run: boolean;
  /** A pod that is there may stay. */
  stay: boolean;
}

export function fitOf(set: DaemonSet, node: corev1.Node): Fit {
  const spec = set.spec?.template.spec;
  const named = spec?.nodeName ?? '';
  if ((named !== '' && named !== nameOf(node)) || (spec && !matchesNodeAffinity(spec, node))) return { run: false, stay: false };
  const isTolerated = (effects: readonly string[]) => !untoleratedTaint(node.spec?.taints, tolerations, effects);
  const tolerations = tolerationsOf(spec);
  return isTolerated(['NoSchedule', 'NoExecute']) ? { run: true, stay: true } : { run: false, stay: isTolerated(['NoExecute']) };
}

/** Scheduled pods first, then the oldest. */
export function byAge(a: Pod, b: Pod): number {
  const unscheduled = Number(nodeOf(a) === '') - Number(nodeOf(b) === '');
  if (unscheduled !== 0) return unscheduled;
  const age = timeMs(a.metadata?.creationTimestamp) - timeMs(b.metadata?.creationTimestamp);
  return age !== 0 ? age : nameOf(a) < nameOf(b) ? -1 : 1;
}

const rollingUpdate = (set: DaemonSet) =>
  (set.spec?.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate' ? set.spec?.updateStrategy?.rollingUpdate : undefined;

export const surgeCount = (set: DaemonSet, nodes: number): number => scaledValue(rollingUpdate(set)?.maxSurge, nodes, true) ?? 0;
export const unavailableCount = (set: DaemonSet, nodes: number): number =>
  scaledValue(rollingUpdate(set)?.maxUnavailable, nodes, true) ?? 0;
export const allowsSurge = (set: DaemonSet): boolean => surgeCount(set, 1) > 0;
