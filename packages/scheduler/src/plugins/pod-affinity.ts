// InterPodAffinity: pods that want to be near or far from pods that run (docs: assign-pod-node; plugins/interpodaffinity).
import type { corev1 } from '@tiphys/api';
import { labelSelectorMatcher } from '@tiphys/machinery';
import { type NodeInfo, type Plugin, type PodInfo, refuse, SCORE_MAX, type Snapshot } from '../framework.ts';

/** Topology `key=value` → how many pods. */
type Counts = Map<string, number>;

interface State {
  affinity: { term: corev1.PodAffinityTerm; counts: Counts }[];
  antiAffinity: { term: corev1.PodAffinityTerm; counts: Counts }[];
  /** Topologies where a running pod's own anti-affinity refuses this pod. */
  refusedBy: Counts;
  /** No pod anywhere matches the affinity terms, and the pod matches them itself: it may be the first. */
  isFirst: boolean;
}

const pair = (node: NodeInfo, key: string): string | undefined => {
  const value = node.node.metadata?.labels?.[key];
  return value === undefined ? undefined : `${key}=${value}`;
};

const raise = (counts: Counts, key: string | undefined, by = 1) => {
  if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + by);
};

const requiredTerms = (affinity: { requiredDuringSchedulingIgnoredDuringExecution?: corev1.PodAffinityTerm[] } | undefined) =>
  affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];

/** Whether the term of a pod in `ownNamespace` is about the other pod. */
export function termMatcher(term: corev1.PodAffinityTerm, own: corev1.Pod, snapshot: Snapshot): (other: corev1.Pod) => boolean {
  const labels = own.metadata?.labels ?? {};
  const extra = [
    ...(term.matchLabelKeys ?? [])
      .filter((key) => labels[key] !== undefined)
      .map((key) => ({ key, operator: 'In', values: [labels[key]!] })),
    ...(term.mismatchLabelKeys ?? [])
      .filter((key) => labels[key] !== undefined)
      .map((key) => ({ key, operator: 'NotIn', values: [labels[key]!] })),
  ];
  const selector =
    term.labelSelector && extra.length > 0
      ? { ...term.labelSelector, matchExpressions: [...(term.labelSelector.matchExpressions ?? []), ...extra] }
      : term.labelSelector;
  const matches = labelSelectorMatcher(selector);
  const namespaceMatches = term.namespaceSelector ? labelSelectorMatcher(term.namespaceSelector) : undefined;
  const named = term.namespaces?.length || term.namespaceSelector ? (term.namespaces ?? []) : [own.metadata!.namespace!];
  return (other) => {
    const namespace = other.metadata!.namespace!;
    const inNamespace =
      named.includes(namespace) || (namespaceMatches?.matches(snapshot.namespace(namespace)?.metadata?.labels ?? {}) ?? false);
    return inNamespace && matches.matches(other.metadata?.labels ?? {});
  };
}

function countMatching(terms: readonly corev1.PodAffinityTerm[], pod: corev1.Pod, snapshot: Snapshot, together: boolean) {
  const counted = terms.map((term) => ({ term, counts: new Map() as Counts, matches: termMatcher(term, pod, snapshot) }));
  for (const node of snapshot.nodes) {
    for (const other of node.pods.values()) {
      const hits = counted.map((entry) => entry.matches(other.pod));
      if (together && !hits.every(Boolean)) continue;
      for (const [index, { term, counts }] of counted.entries()) if (hits[index]) raise(counts, pair(node, term.topologyKey));
    }
  }
  return counted;
}

function refusedByExisting(pod: corev1.Pod, snapshot: Snapshot): Counts {
  const counts: Counts = new Map();
  for (const node of snapshot.nodesWithAffinity) {
    for (const other of node.pods.values()) {
      if (!other.hasAntiAffinity) continue;
      for (const term of requiredTerms(other.pod.spec!.affinity?.podAntiAffinity))
        if (termMatcher(term, other.pod, snapshot)(pod)) raise(counts, pair(node, term.topologyKey));
    }
  }
  return counts;
}

function preFilter({ pod }: PodInfo, snapshot: Snapshot): { state?: State; skip?: boolean } {
  const refusedBy = refusedByExisting(pod, snapshot);
  const near = requiredTerms(pod.spec!.affinity?.podAffinity);
  const far = requiredTerms(pod.spec!.affinity?.podAntiAffinity);
  if (near.length === 0 && far.length === 0 && refusedBy.size === 0) return { skip: true };
  const affinity = countMatching(near, pod, snapshot, true);
  const isFirst = affinity.every(({ counts, matches }) => counts.size === 0 && matches(pod));
  return { state: { affinity, antiAffinity: countMatching(far, pod, snapshot, false), refusedBy, isFirst } };
}

function filter(_pod: PodInfo, node: NodeInfo, state: State) {
  const pairs = state.affinity.map(({ term, counts }) => ({ key: pair(node, term.topologyKey), counts }));
  if (pairs.some(({ key }) => key === undefined)) return refuse(["node(s) didn't match pod affinity rules"], true);
  if (!state.isFirst && pairs.some(({ key, counts }) => !counts.get(key!)))
    return refuse(["node(s) didn't match pod affinity rules"], true);
  for (const { term, counts } of state.antiAffinity) {
    const key = pair(node, term.topologyKey);
    if (key !== undefined && counts.get(key)) return refuse(["node(s) didn't match pod anti-affinity rules"]);
  }
  for (const key of state.refusedBy.keys()) {
    const [label] = key.split('=', 1);
    if (pair(node, label!) === key) return refuse(["node(s) didn't satisfy existing pods anti-affinity rules"]);
  }
  return undefined;
}

const HARD_AFFINITY_WEIGHT = 1;

/** Sum per topology: this pod's preferences about others, and the others' about this pod. */
function preScore({ pod }: PodInfo, _feasible: readonly NodeInfo[], snapshot: Snapshot): Counts | undefined {
  const sums: Counts = new Map();
  const own = pod.spec!.affinity;
  const weighted = (affinity: corev1.Affinity | undefined) => [
    ...(affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((entry) => ({ ...entry, sign: 1 })),
    ...(affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((entry) => ({ ...entry, sign: -1 })),
  ];
  const ownTerms = weighted(own).map((entry) => ({ ...entry, matches: termMatcher(entry.podAffinityTerm, pod, snapshot) }));
  // Without wishes of its own, only those of others can matter.
  for (const node of ownTerms.length > 0 ? snapshot.nodes : snapshot.nodesWithAffinity) {
    for (const other of node.pods.values()) {
      for (const { weight, sign, podAffinityTerm, matches } of ownTerms)
        if (matches(other.pod)) raise(sums, pair(node, podAffinityTerm.topologyKey), sign * weight);
      const theirs = other.pod.spec!.affinity;
      if (!theirs) continue;
      const required = requiredTerms(theirs.podAffinity).map((podAffinityTerm) => ({
        weight: HARD_AFFINITY_WEIGHT,
        sign: 1,
        podAffinityTerm,
      }));
      for (const { weight, sign, podAffinityTerm } of [...weighted(theirs), ...required])
        if (termMatcher(podAffinityTerm, other.pod, snapshot)(pod)) raise(sums, pair(node, podAffinityTerm.topologyKey), sign * weight);
    }
  }
  return sums.size > 0 ? sums : undefined;
}

export const interPodAffinity: Plugin<any> = {
  name: 'InterPodAffinity',
  weight: 2,
  events: ['PodAdded', 'PodDeleted', 'PodUpdated', 'NodeAdded', 'NodeUpdated', 'NamespaceUpdated'],
  preFilter,
  filter,
  preScore,
  score: (_pod, node, sums: Counts) => {
    let score = 0;
    for (const [key, value] of Object.entries(node.node.metadata?.labels ?? {})) score += sums.get(`${key}=${value}`) ?? 0;
    return score;
  },
  normalize: (scores) => {
    const max = Math.max(...scores);
    const min = Math.min(...scores);
    for (let i = 0; i < scores.length; i++) scores[i] = max === min ? 0 : Math.floor((SCORE_MAX * (scores[i]! - min)) / (max - min));
  },
};
