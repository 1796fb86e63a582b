// PodTopologySpread: pods evenly over zones, nodes or other topologies (KEP-895; plugins/podtopologyspread).
import type { corev1 } from '@tiphys/api';
import { labelSelectorMatcher, matchesNodeAffinity, untoleratedTaint } from '@tiphys/machinery';
import { type NodeInfo, type Plugin, type PodInfo, refuse, SCORE_MAX, type Snapshot } from '../framework.ts';

interface Counted {
  constraint: corev1.TopologySpreadConstraint;
  matchesSelf: boolean;
  /** Value of the topology key → matching pods. */
  counts: Map<string, number>;
  min: number;
}

function selectorOf(constraint: corev1.TopologySpreadConstraint, pod: corev1.Pod) {
  const labels = pod.metadata?.labels ?? {};
  const extra = (constraint.matchLabelKeys ?? [])
    .filter((key) => labels[key] !== undefined)
    .map((key) => ({ key, operator: 'In', values: [labels[key]!] }));
  const { labelSelector } = constraint;
  return labelSelectorMatcher(
    labelSelector && { ...labelSelector, matchExpressions: [...(labelSelector.matchExpressions ?? []), ...extra] },
  );
}

/** Whether the node counts, by the constraint's inclusion policies. */
function included(constraint: corev1.TopologySpreadConstraint, pod: corev1.Pod, { node }: NodeInfo): boolean {
  if ((constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor' && !matchesNodeAffinity(pod.spec!, node)) return false;
  if (constraint.nodeTaintsPolicy === 'Honor' && untoleratedTaint(node.spec?.taints, pod.spec!.tolerations, ['NoSchedule', 'NoExecute']))
    return false;
  return true;
}

function count(constraints: readonly corev1.TopologySpreadConstraint[], pod: corev1.Pod, snapshot: Snapshot): Counted[] {
  const hasEveryKey = (node: NodeInfo) =>
    constraints.every((constraint) => node.node.metadata?.labels?.[constraint.topologyKey] !== undefined);
  const nodes = snapshot.nodes.filter(hasEveryKey);
  return constraints.map((constraint) => {
    const selector = selectorOf(constraint, pod);
    const counts = new Map<string, number>();
    for (const node of nodes) {
      if (!included(constraint, pod, node)) continue;
      const value = node.node.metadata!.labels![constraint.topologyKey]!;
      let matching = 0;
      for (const other of node.pods.values()) {
        const { namespace, labels, deletionTimestamp } = other.pod.metadata!;
        if (namespace === pod.metadata!.namespace && !deletionTimestamp && selector.matches(labels ?? {})) matching++;
      }
      counts.set(value, (counts.get(value) ?? 0) + matching);
    }
    const enough = counts.size >= (constraint.minDomains ?? 1);
    const min = enough && counts.size > 0 ? Math.min(...counts.values()) : 0;
    return { constraint, matchesSelf: selector.matches(pod.metadata?.labels ?? {}), counts, min };
  });
}

const constraintsOf = (pod: corev1.Pod, action: string) =>
  (pod.spec!.topologySpreadConstraints ?? []).filter((c) => c.whenUnsatisfiable === action);

function filter(_pod: PodInfo, node: NodeInfo, counted: readonly Counted[]) {
  for (const { constraint, matchesSelf, counts, min } of counted) {
    const value = node.node.metadata?.labels?.[constraint.topologyKey];
    if (value === undefined) return refuse(["node(s) didn't match pod topology spread constraints (missing required label)"], true);
    const skew = (counts.get(value) ?? 0) + (matchesSelf ? 1 : 0) - min;
    if (skew > constraint.maxSkew) return refuse(["node(s) didn't match pod topology spread constraints"]);
  }
  return undefined;
}

export const podTopologySpread: Plugin<any> = {
  name: 'PodTopologySpread',
  weight: 2,
  events: ['PodAdded', 'PodDeleted', 'PodUpdated', 'NodeAdded', 'NodeUpdated'],
  preFilter: ({ pod }, snapshot) => {
    const constraints = constraintsOf(pod, 'DoNotSchedule');
    return constraints.length === 0 ? { skip: true } : { state: count(constraints, pod, snapshot) };
  },
  filter,
  preScore: ({ pod }, _feasible, snapshot) => {
    const constraints = constraintsOf(pod, 'ScheduleAnyway');
    return constraints.length === 0 ? undefined : count(constraints, pod, snapshot);
  },
  score: (_pod, node, counted: readonly Counted[]) => {
    let score = 0;
    for (const { constraint, counts } of counted) {
      const value = node.node.metadata?.labels?.[constraint.topologyKey];
      // A topology with few values weighs more: log(values + 2), as upstream.
      if (value !== undefined) score += (counts.get(value) ?? 0) * Math.log(counts.size + 2) + constraint.maxSkew - 1;
    }
    return Math.round(score);
  },
  normalize: (scores) => {
    const max = Math.max(...scores);
    const min = Math.min(...scores);
    for (let i = 0; i < scores.length; i++) scores[i] = max === 0 ? SCORE_MAX : Math.floor((SCORE_MAX * (max + min - scores[i]!)) / max);
  },
};
