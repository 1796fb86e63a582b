// Plugins that look at one node and one pod: name, schedulability, taints, affinity, ports.
import type { corev1 } from '@tiphys/api';
import {
  hostPortsCollide,
  matchesNodeAffinity,
  matchesNodeSelector,
  preferredNodeAffinityWeight,
  tolerates,
  untoleratedTaint,
} from '@tiphys/machinery';
import type { Hint } from '../framework/events.ts';
import { normalizeByMax, type Plugin, refuse } from '../framework/plugin.ts';

/** Text of a part of the pod; empty for nothing. */
const text = (part: unknown): string => (part === undefined ? '' : JSON.stringify(part));

export const nodeName: Plugin = {
  name: 'NodeName',
  events: { NodeAdded: true },
  signature: ({ pod }) => pod.spec!.nodeName ?? '',
  filter: ({ pod }, node) =>
    pod.spec!.nodeName && pod.spec!.nodeName !== node.name ? refuse(["node(s) didn't match the requested node name"], true) : undefined,
};

const UNSCHEDULABLE: corev1.Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

const becameSchedulable: Hint = (_pod, { node }) => !node?.new?.spec?.unschedulable;

export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  events: { NodeAdded: becameSchedulable, NodeUpdated: becameSchedulable },
  signature: ({ pod }) => text(pod.spec!.tolerations),
  filter: ({ pod }, { node }) =>
    node.spec?.unschedulable && !pod.spec!.tolerations?.some((toleration) => tolerates(toleration, UNSCHEDULABLE))
      ? refuse(['node(s) were unschedulable'], true)
      : undefined,
};

const HARD_EFFECTS = ['NoSchedule', 'NoExecute'];

const isTolerated: Hint = (pod, { node }) => !untoleratedTaint(node?.new?.spec?.taints, pod.spec!.tolerations, HARD_EFFECTS);

const countPreferNoSchedule = (pod: corev1.Pod, node: corev1.Node): number =>
  (node.spec?.taints ?? []).filter((taint) => untoleratedTaint([taint], pod.spec!.tolerations, ['PreferNoSchedule'])).length;

export const taintToleration: Plugin = {
  name: 'TaintToleration',
  weight: 3,
  events: { NodeAdded: isTolerated, NodeUpdated: isTolerated },
  // The tolerations are in the signature already, by NodeUnschedulable; a profile may be without that one.
  signature: ({ pod }) => text(pod.spec!.tolerations),
  filter: ({ pod }, { node }) =>
    untoleratedTaint(node.spec?.taints, pod.spec!.tolerations, HARD_EFFECTS)
      ? refuse(['node(s) had untolerated taint(s)'], true)
      : undefined,
  score: ({ pod }, { node }) => countPreferNoSchedule(pod, node),
  normalize: (scores) => normalizeByMax(scores, true),
};

type Terms = readonly corev1.NodeSelectorTerm[];

/** Names of the only nodes the terms can be about; undefined when some term says nothing of names. */
export function namedNodes(terms: Terms): ReadonlySet<string> | undefined {
  const all = new Set<string>();
  for (const { matchFields = [] } of terms) {
    let named: string[] | undefined;
    for (const { key, operator, values = [] } of matchFields)
      if (key === 'metadata.name' && operator === 'In') named = named ? named.filter((name) => values.includes(name)) : [...values];
    if (!named) return undefined;
    for (const name of named) all.add(name);
  }
  return all;
}

export interface NodeAffinityArguments {
  addedAffinity?: corev1.NodeAffinity;
}

export function nodeAffinity({ addedAffinity }: NodeAffinityArguments = {}): Plugin {
  const added = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const addedPreferences = addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const addedSpec = { containers: [], affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: addedPreferences } } };
  const matches: Hint = (pod, { node }) =>
    node?.new !== undefined && matchesNodeAffinity(pod.spec!, node.new) && (!added || matchesNodeSelector(added, node.new));
  return {
    name: 'NodeAffinity',
    weight: 2,
    events: { NodeAdded: matches, NodeUpdated: matches },
    signature: ({ pod }) => `${text(pod.spec!.nodeSelector)} ${text(pod.spec!.affinity?.nodeAffinity)}`,
    preFilter: ({ pod }) => {
      const required = pod.spec!.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
      if (!required && !added && !pod.spec!.nodeSelector) return { skip: true };
      const nodeNames = required?.nodeSelectorTerms.length ? namedNodes(required.nodeSelectorTerms) : undefined;
      if (nodeNames?.size === 0) return { refusal: refuse(['pod affinity terms conflict'], true) };
      return nodeNames ? { nodeNames } : {};
    },
    filter: ({ pod }, { node }) => {
      if (added && !matchesNodeSelector(added, node)) return refuse(["node(s) didn't match scheduler-enforced node affinity"], true);
      return matchesNodeAffinity(pod.spec!, node) ? undefined : refuse(["node(s) didn't match Pod's node affinity/selector"], true);
    },
    preScore: ({ pod }) =>
      addedPreferences.length > 0 || pod.spec!.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.length
        ? true
        : undefined,
    score: ({ pod }, { node }) =>
      preferredNodeAffinityWeight(pod.spec!, node) + (addedPreferences.length > 0 ? preferredNodeAffinityWeight(addedSpec, node) : 0),
    normalize: (scores) => normalizeByMax(scores),
  };
}

export const nodePorts: Plugin = {
  name: 'NodePorts',
  events: {
    NodeAdded: true,
    PodDeleted: (waiting, { pod }) => {
      const ports = (of: corev1.Pod | undefined) => of?.spec?.containers.flatMap((container) => container.ports ?? []) ?? [];
      return ports(pod?.old).some(({ hostPort }) => hostPort && ports(waiting).some((wanted) => wanted.hostPort === hostPort));
    },
  },
  signature: ({ hostPorts }) => (hostPorts.length === 0 ? '' : JSON.stringify(hostPorts)),
  preFilter: ({ hostPorts }) => ({ skip: hostPorts.length === 0 }),
  filter: ({ hostPorts }, { pods }) => {
    for (const { hostPorts: taken } of pods.values())
      if (taken.some((port) => hostPorts.some((wanted) => hostPortsCollide(wanted, port))))
        return refuse(["node(s) didn't have free ports for the requested pod ports"]);
    return undefined;
  },
};
