// PodTopologySpread: pods evenly over zones, nodes or other topologies (KEP-895; plugins/podtopologyspread). Counts come from
// tallies; a pod without constraints of its own is spread by the selectors of what owns and serves it.
import type { corev1 } from '@tiphys/api';
import { labelSelectorMatcher, matchesNodeAffinity, untoleratedTaint } from '@tiphys/machinery';
import type { Hint } from '../framework/events.ts';
import { type Change, type Plugin, type PreFilterResult, refuse, SCORE_MAX, type Snapshot } from '../framework/plugin.ts';
import type { NodeInfo, PodInfo } from '../world/infos.ts';
import { withLabelKeys } from '../world/pod-term.ts';
import type { Tally } from '../world/tally.ts';

type Constraint = corev1.TopologySpreadConstraint;

interface Selector {
  key: string;
  matches(labels: Readonly<Record<string, string>>): boolean;
}

interface Counted {
  constraint: Constraint;
  selector: Selector;
  tally: Tally;
  /** Domain → by how many more pods there are, in thought. */
  moved: ReadonlyMap<string, number>;
}

export interface TopologySpreadArguments {
  defaultConstraints?: readonly Constraint[];
  defaultingType?: 'System' | 'List';
}

const HOSTNAME = 'kubernetes.io/hostname';
const SYSTEM_DEFAULTS: readonly Constraint[] = [
  { topologyKey: HOSTNAME, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
];

const label = (node: NodeInfo, key: string): string | undefined => node.node.metadata?.labels?.[key];
const hasEveryKey = (node: NodeInfo, constraints: readonly { topologyKey: string }[]) =>
  constraints.every(({ topologyKey }) => label(node, topologyKey) !== undefined);

/** Whether the node counts, by the constraint's inclusion policies. */
function isIncluded(constraint: Constraint, pod: corev1.Pod, { node }: NodeInfo): boolean {
  if ((constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor' && !matchesNodeAffinity(pod.spec!, node)) return false;
  return !(
    constraint.nodeTaintsPolicy === 'Honor' && untoleratedTaint(node.spec?.taints, pod.spec!.tolerations, ['NoSchedule', 'NoExecute'])
  );
}

/** What isIncluded looks at in the pod, as text. */
function inclusionKey(constraint: Constraint, { spec }: corev1.Pod): string {
  const honorsAffinity = (constraint.nodeAffinityPolicy ?? 'Honor') === 'Honor';
  const required = spec!.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const affinity = honorsAffinity && (spec!.nodeSelector || required) ? JSON.stringify([spec!.nodeSelector, required]) : '';
  return `${affinity} ${constraint.nodeTaintsPolicy === 'Honor' ? JSON.stringify(spec!.tolerations ?? []) : ''}`;
}

function selectorOf(constraint: Constraint, pod: corev1.Pod): Selector {
  const selector = withLabelKeys(constraint.labelSelector, { matchLabelKeys: constraint.matchLabelKeys ?? [] }, pod);
  const matcher = labelSelectorMatcher(selector);
  return { key: JSON.stringify(selector ?? null), matches: (labels) => matcher.matches(labels) };
}

function counted(constraint: Constraint, selector: Selector, pod: corev1.Pod, keys: readonly string[], snapshot: Snapshot): Counted {
  const { topologyKey } = constraint;
  const namespace = pod.metadata!.namespace!;
  const tally = snapshot.tally({
    key: `spread ${topologyKey}\n${keys.join(' ')}\n${namespace}\n${selector.key}\n${inclusionKey(constraint, pod)}`,
    topologyKey,
    ignoresTerminating: true,
    matches: (other) => other.pod.metadata!.namespace === namespace && selector.matches(other.pod.metadata?.labels ?? {}),
    eligible: (node) => keys.every((key) => label(node, key) !== undefined) && isIncluded(constraint, pod, node),
  });
  return { constraint, selector, tally, moved: new Map() };
}

interface Constraints {
  constraints: readonly { constraint: Constraint; selector: Selector }[];
  /** Only nodes with all the topology keys count. */
  allKeys: boolean;
}

function constraintsOf(pod: corev1.Pod, action: string, snapshot: Snapshot, given: TopologySpreadArguments): Constraints {
  const own = pod.spec!.topologySpreadConstraints ?? [];
  const has = (constraint: Constraint) => constraint.whenUnsatisfiable === action;
  if (own.length > 0) {
    return { constraints: own.filter(has).map((constraint) => ({ constraint, selector: selectorOf(constraint, pod) })), allKeys: true };
  }
  const isSystem = (given.defaultingType ?? 'System') === 'System';
  const defaults = (isSystem ? SYSTEM_DEFAULTS : (given.defaultConstraints ?? [])).filter(has);
  const selector = defaults.length > 0 ? snapshot.ownersSelector(pod) : undefined;
  return { constraints: selector ? defaults.map((constraint) => ({ constraint, selector })) : [], allKeys: !isSystem };
}

function countedAll({ constraints, allKeys }: Constraints, pod: corev1.Pod, snapshot: Snapshot): Counted[] {
  const keys = allKeys ? constraints.map(({ constraint }) => constraint.topologyKey) : [];
  return constraints.map(({ constraint, selector }) => counted(constraint, selector, pod, keys, snapshot));
}

const UNEVEN = refuse(["node(s) didn't match pod topology spread constraints"]);
const UNLABELLED = refuse(["node(s) didn't match pod topology spread constraints (missing required label)"], true);

/** The smallest count of any domain; none when there are fewer domains than the constraint wants. */
function minOf({ constraint, tally, moved }: Counted, node: NodeInfo): number {
  if (tally.domains < (constraint.minDomains ?? 1)) return 0;
  const by = moved.size === 0 ? 0 : (moved.get(label(node, constraint.topologyKey)!) ?? 0);
  const domain = by === 0 ? undefined : tally.domain(node);
  return domain ? tally.minAfter(domain, by) : tally.min;
}

function filter({ pod }: PodInfo, node: NodeInfo, state: readonly Counted[]) {
  for (const one of state) {
    const value = label(node, one.constraint.topologyKey);
    if (value === undefined) return UNLABELLED;
    const self = one.selector.matches(pod.metadata?.labels ?? {}) ? 1 : 0;
    const count = (one.tally.domain(node)?.count ?? 0) + (one.moved.get(value) ?? 0);
    if (count + self - minOf(one, node) > one.constraint.maxSkew) return UNEVEN;
  }
  return undefined;
}

function afterChange(state: readonly Counted[], pod: PodInfo, { pod: other, node, by }: Change): readonly Counted[] {
  if (
    other.pod.metadata!.namespace !== pod.pod.metadata!.namespace ||
    !hasEveryKey(
      node,
      state.map(({ constraint }) => constraint),
    )
  )
    return state;
  return state.map((one) => {
    if (!one.tally.matches(other) || !isIncluded(one.constraint, pod.pod, node)) return one;
    const value = label(node, one.constraint.topologyKey)!;
    return { ...one, moved: new Map(one.moved).set(value, (one.moved.get(value) ?? 0) + by) };
  });
}

interface Scored {
  isIgnored: (node: NodeInfo) => boolean;
  /** A topology with few domains weighs more per pod than one with many: log(domains + 2). */
  constraints: readonly (Counted & { weight: number })[];
}

function preScore({ pod }: PodInfo, feasible: readonly NodeInfo[], snapshot: Snapshot, given: TopologySpreadArguments): Scored | undefined {
  const found = constraintsOf(pod, 'ScheduleAnyway', snapshot, given);
  if (found.constraints.length === 0) return undefined;
  const all = countedAll(found, pod, snapshot);
  const isIgnored = (node: NodeInfo) => found.allKeys && all.some(({ tally }) => tally.value(node) === undefined);
  const nodes = found.allKeys ? feasible.filter((node) => !isIgnored(node)) : feasible;
  const constraints = all.map((one) => {
    const size = one.constraint.topologyKey === HOSTNAME ? nodes.length : new Set(nodes.map((node) => one.tally.value(node))).size;
    return { ...one, weight: Math.log(size + 2) };
  });
  return { isIgnored, constraints };
}

function score(_pod: PodInfo, node: NodeInfo, { isIgnored, constraints }: Scored): number {
  if (isIgnored(node)) return 0;
  let sum = 0;
  for (const { constraint, tally, weight } of constraints) {
    if (tally.value(node) !== undefined) sum += (tally.domain(node)?.count ?? 0) * weight + constraint.maxSkew - 1;
  }
  return Math.round(sum);
}

/** Few pods are good; nodes without the labels get nothing. */
function normalize(scores: number[], feasible: readonly NodeInfo[], { isIgnored }: Scored): void {
  let max = 0;
  let min = Number.POSITIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) {
    if (isIgnored(feasible[i]!)) continue;
    max = Math.max(max, scores[i]!);
    min = Math.min(min, scores[i]!);
  }
  for (let i = 0; i < scores.length; i++) {
    if (isIgnored(feasible[i]!)) scores[i] = 0;
    else scores[i] = max === 0 ? SCORE_MAX : Math.floor((SCORE_MAX * (max + min - scores[i]!)) / max);
  }
}

/** A pod came, went or changed that some constraint of the waiting pod counts. */
const isCounted: Hint = (waiting, { pod }) =>
  [pod?.old, pod?.new].some(
    (other) =>
      other?.metadata?.namespace === waiting.metadata?.namespace &&
      (waiting.spec?.topologySpreadConstraints ?? []).some((constraint) =>
        selectorOf(constraint, waiting).matches(other?.metadata?.labels ?? {}),
      ),
  );

const hasKeys: Hint = (waiting, { node }) =>
  [node?.old, node?.new].some((one) =>
    (waiting.spec?.topologySpreadConstraints ?? []).every(({ topologyKey }) => one?.metadata?.labels?.[topologyKey] !== undefined),
  );

export function podTopologySpread(given: TopologySpreadArguments = {}): Plugin {
  return {
    name: 'PodTopologySpread',
    weight: 2,
    events: {
      PodAdded: isCounted,
      PodUpdated: isCounted,
      PodDeleted: isCounted,
      NodeAdded: hasKeys,
      NodeUpdated: hasKeys,
      NodeDeleted: hasKeys,
    },
    preFilter: ({ pod }, snapshot): PreFilterResult<readonly Counted[]> => {
      const found = constraintsOf(pod, 'DoNotSchedule', snapshot, given);
      return found.constraints.length === 0 ? { skip: true } : { state: countedAll(found, pod, snapshot) };
    },
    filter,
    afterChange,
    preScore: (pod, feasible, snapshot) => preScore(pod, feasible, snapshot, given),
    score,
    normalize,
  };
}
