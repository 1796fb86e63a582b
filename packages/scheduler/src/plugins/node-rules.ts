// Plugins that look at one node and one pod: name, schedulability, taints, affinity, ports.

import type { corev1 } from '@tiphys/api';
import { hostPortsCollide, matchesNodeAffinity, preferredNodeAffinityWeight, tolerates, untoleratedTaint } from '@tiphys/machinery';
import { normalizeByMax, type Plugin, refuse } from '../framework.ts';

export const nodeName: Plugin = {
  name: 'NodeName',
  events: ['NodeAdded'],
  filter: ({ pod }, node) =>
    pod.spec!.nodeName && pod.spec!.nodeName !== node.name ? refuse(["node(s) didn't match the requested node name"], true) : undefined,
};

const UNSCHEDULABLE: corev1.Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  events: ['NodeAdded', 'NodeUpdated'],
  filter: ({ pod }, { node }) =>
    node.spec?.unschedulable && !pod.spec!.tolerations?.some((toleration) => tolerates(toleration, UNSCHEDULABLE))
      ? refuse(['node(s) were unschedulable'], true)
      : undefined,
};

const countPreferNoSchedule = (pod: corev1.Pod, node: corev1.Node): number =>
  (node.spec?.taints ?? []).filter((taint) => untoleratedTaint([taint], pod.spec!.tolerations, ['PreferNoSchedule'])).length;

export const taintToleration: Plugin = {
  name: 'TaintToleration',
  weight: 3,
  events: ['NodeAdded', 'NodeUpdated'],
  filter: ({ pod }, { node }) =>
    untoleratedTaint(node.spec?.taints, pod.spec!.tolerations, ['NoSchedule', 'NoExecute'])
      ? refuse(['node(s) had untolerated taint(s)'], true)
      : undefined,
  score: ({ pod }, { node }) => countPreferNoSchedule(pod, node),
  normalize: (scores) => normalizeByMax(scores, true),
};

export const nodeAffinity: Plugin<true> = {
  name: 'NodeAffinity',
  weight: 2,
  events: ['NodeAdded', 'NodeUpdated'],
  preFilter: ({ pod }) => ({
    skip: !pod.spec!.nodeSelector && !pod.spec!.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution,
  }),
  filter: ({ pod }, { node }) =>
    matchesNodeAffinity(pod.spec!, node) ? undefined : refuse(["node(s) didn't match Pod's node affinity/selector"], true),
  preScore: ({ pod }) => (pod.spec!.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.length ? true : undefined),
  score: ({ pod }, { node }) => preferredNodeAffinityWeight(pod.spec!, node),
  normalize: (scores) => normalizeByMax(scores),
};

export const nodePorts: Plugin = {
  name: 'NodePorts',
  events: ['NodeAdded', 'PodDeleted'],
  preFilter: ({ hostPorts }) => ({ skip: hostPorts.length === 0 }),
  filter: ({ hostPorts }, { pods }) => {
    for (const { hostPorts: taken } of pods.values())
      if (taken.some((port) => hostPorts.some((wanted) => hostPortsCollide(wanted, port))))
        return refuse(["node(s) didn't have free ports for the requested pod ports"]);
    return undefined;
  },
};
