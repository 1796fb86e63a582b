// InterPodAffinity: pods that want to be near or far from pods that run (docs: assign-pod-node; plugins/interpodaffinity).
// Counts come from tallies, wishes of placed pods from the world; nothing here looks at all pods.
import type { corev1 } from '@tiphys/api';
import type { Hint } from '../framework/events.ts';
import { type Change, type Plugin, type PreFilterResult, refuse, SCORE_MAX, type Snapshot } from '../framework/plugin.ts';
import type { NodeInfo, PodInfo } from '../world/infos.ts';
import { type PodTerm, podTerm } from '../world/pod-term.ts';
import type { Tally } from '../world/tally.ts';
import type { Wish } from '../world/wishes.ts';

/** Pods near which it wants to be, or far from which; `moved` is by how many more there are in a domain, in thought. */
interface Counted {
  tally: Tally;
  topologyKey: string;
  moved: ReadonlyMap<string, number>;
}

interface Refusing {
  topologyKey: string;
  wishes: readonly Wish[];
  moved: ReadonlyMap<string, number>;
}

interface State {
  near: readonly Counted[];
  far: readonly Counted[];
  /** Anti-affinity of placed pods that is about this pod, by topology. */
  refusing: readonly Refusing[];
  /** It matches its own affinity, so that the first of its kind may be anywhere. */
  matchesSelf: boolean;
  snapshot: Snapshot;
}

type RequiredTerms = { requiredDuringSchedulingIgnoredDuringExecution?: corev1.PodAffinityTerm[] } | undefined;
const required = (affinity: RequiredTerms) => affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];

const label = (node: NodeInfo, key: string): string | undefined => node.node.metadata?.labels?.[key];

const namespaceLabelsOf = (snapshot: Snapshot) => (name: string) => snapshot.namespace(name)?.metadata?.labels ?? {};

const NOWHERE: ReadonlyMap<string, number> = new Map();

/** Pods count when they match all of the terms (affinity), or the one (anti-affinity). */
function counted(terms: readonly PodTerm[], topologyKey: string, snapshot: Snapshot): Counted {
  const labels = namespaceLabelsOf(snapshot);
  const tally = snapshot.tally({
    key: `pods ${topologyKey}\n${terms.map((term) => term.key).join('\n')}`,
    topologyKey,
    matches: (other) => terms.every((term) => term.matches(other.pod, labels)),
  });
  return { tally, topologyKey, moved: NOWHERE };
}

function byTopology(wishes: readonly Wish[]): Refusing[] {
  const keys = new Set(wishes.map(({ topologyKey }) => topologyKey));
  return [...keys].map((key) => ({ topologyKey: key, wishes: wishes.filter(({ topologyKey }) => topologyKey === key), moved: NOWHERE }));
}

function preFilter(info: PodInfo, snapshot: Snapshot): PreFilterResult<State> {
  const { pod } = info;
  const refusing = snapshot.wishesAbout(info).filter(({ kind }) => kind === 'required-anti-affinity');
  const near = required(pod.spec!.affinity?.podAffinity).map((term) => podTerm(term, pod));
  const far = required(pod.spec!.affinity?.podAntiAffinity).map((term) => podTerm(term, pod));
  if (near.length === 0 && far.length === 0 && refusing.length === 0) return { skip: true };
  const labels = namespaceLabelsOf(snapshot);
  const state: State = {
    near: near.map(({ topologyKey }) => counted(near, topologyKey, snapshot)),
    far: far.map((term) => counted([term], term.topologyKey, snapshot)),
    refusing: byTopology(refusing),
    matchesSelf: near.every((term) => term.matches(pod, labels)),
    snapshot,
  };
  return { state };
}

const movedOf = ({ moved, topologyKey }: Counted, node: NodeInfo) => (moved.size === 0 ? 0 : (moved.get(label(node, topologyKey)!) ?? 0));
const countOn = (one: Counted, node: NodeInfo) => (one.tally.domain(node)?.count ?? 0) + movedOf(one, node);
const totalOf = ({ tally, moved }: Counted) => [...moved.values()].reduce((sum, by) => sum + by, tally.total);

const NEAR = refuse(["node(s) didn't match pod affinity rules"], true);
const FAR = refuse(["node(s) didn't match pod anti-affinity rules"]);
const REFUSED = refuse(["node(s) didn't satisfy existing pods anti-affinity rules"]);

function filter(_pod: PodInfo, node: NodeInfo, { near, far, refusing, matchesSelf }: State) {
  let missing = false;
  for (const one of near) {
    // All nodes with the label are in some domain of the tally.
    if (!one.tally.domain(node)) return NEAR;
    missing ||= countOn(one, node) <= 0;
  }
  if (missing && !(matchesSelf && near.every((one) => totalOf(one) <= 0))) return NEAR;
  for (const one of far) if (countOn(one, node) > 0) return FAR;
  for (const { topologyKey, wishes, moved } of refusing) {
    let holders = moved.size === 0 ? 0 : (moved.get(label(node, topologyKey)!) ?? 0);
    for (const wish of wishes) holders += wish.on(node);
    if (holders > 0) return REFUSED;
  }
  return undefined;
}

const withMoved = (moved: ReadonlyMap<string, number>, value: string, by: number) =>
  new Map(moved).set(value, (moved.get(value) ?? 0) + by);

function afterChange(state: State, pod: PodInfo, { pod: other, node, by }: Change): State {
  const move = (one: Counted): Counted => {
    const value = label(node, one.topologyKey);
    return value === undefined || !one.tally.matches(other) ? one : { ...one, moved: withMoved(one.moved, value, by) };
  };
  const labels = namespaceLabelsOf(state.snapshot);
  let { refusing } = state;
  for (const term of required(other.pod.spec?.affinity?.podAntiAffinity)) {
    const { topologyKey, matches } = podTerm(term, other.pod);
    const value = label(node, topologyKey);
    if (value === undefined || !matches(pod.pod, labels)) continue;
    const before = refusing.find((one) => one.topologyKey === topologyKey) ?? { topologyKey, wishes: [], moved: NOWHERE };
    refusing = [...refusing.filter((one) => one !== before), { ...before, moved: withMoved(before.moved, value, by) }];
  }
  return { ...state, near: state.near.map(move), far: state.far.map(move), refusing };
}

export interface InterPodAffinityArguments {
  hardPodAffinityWeight?: number;
  ignorePreferredTermsOfExistingPods?: boolean;
}

/** Weight by the node's domain. */
type Preference = (node: NodeInfo) => number;

/** This pod's preferences about others, and the others' about this pod. */
function preferences(info: PodInfo, snapshot: Snapshot, given: InterPodAffinityArguments): Preference[] {
  const { hardPodAffinityWeight = 1, ignorePreferredTermsOfExistingPods = false } = given;
  const affinity = info.pod.spec!.affinity;
  const own = (entries: readonly corev1.WeightedPodAffinityTerm[] | undefined, sign: 1 | -1) =>
    (entries ?? []).flatMap(({ weight, podAffinityTerm }): Preference[] => {
      const { tally } = counted([podTerm(podAffinityTerm, info.pod)], podAffinityTerm.topologyKey, snapshot);
      return tally.total === 0 ? [] : [(node) => sign * weight * (tally.domain(node)?.count ?? 0)];
    });
  const found = [
    ...own(affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution, 1),
    ...own(affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution, -1),
  ];
  const hasOwn = [affinity?.podAffinity, affinity?.podAntiAffinity].some((a) => a?.preferredDuringSchedulingIgnoredDuringExecution?.length);
  if (ignorePreferredTermsOfExistingPods && !hasOwn) return found;
  for (const wish of snapshot.wishesAbout(info)) {
    const factor = wish.kind === 'preference' ? 1 : wish.kind === 'required-affinity' ? hardPodAffinityWeight : 0;
    if (factor !== 0) found.push((node) => factor * wish.on(node));
  }
  return found;
}

function normalize(scores: number[]): void {
  let max = Number.NEGATIVE_INFINITY;
  let min = Number.POSITIVE_INFINITY;
  for (const score of scores) {
    if (score > max) max = score;
    if (score < min) min = score;
  }
  for (let i = 0; i < scores.length; i++) scores[i] = max === min ? 0 : Math.floor((SCORE_MAX * (scores[i]! - min)) / (max - min));
}

/** The changed pod is one the waiting pod wants to be near of, or the one in the way was changed or deleted. */
const aboutTerms =
  (which: 'podAffinity' | 'podAntiAffinity'): Hint =>
  (waiting, { pod }) => {
    const other = pod?.new ?? pod?.old;
    if (!other) return true;
    return required(waiting.spec?.affinity?.[which]).some((term) => {
      const { matches, selectsNamespaces } = podTerm(term, waiting);
      return selectsNamespaces || matches(other, () => ({})) || (pod?.old !== undefined && matches(pod.old, () => ({})));
    });
  };

const near = aboutTerms('podAffinity');
const far = aboutTerms('podAntiAffinity');
/** The other pod's own anti-affinity may have been what refused. */
const refused: Hint = (_waiting, { pod }) => required(pod?.old?.spec?.affinity?.podAntiAffinity).length > 0;

export function interPodAffinity(given: InterPodAffinityArguments = {}): Plugin<State> {
  return {
    name: 'InterPodAffinity',
    weight: 2,
    events: {
      PodAdded: near,
      PodUpdated: (waiting, happening) => near(waiting, happening) || far(waiting, happening) || refused(waiting, happening),
      PodDeleted: (waiting, happening) => near(waiting, happening) || far(waiting, happening) || refused(waiting, happening),
      NodeAdded: true,
      NodeUpdated: true,
      NamespaceUpdated: true,
    },
    preFilter,
    filter,
    afterChange,
    preScore: (info, _feasible, snapshot) => {
      const found = preferences(info, snapshot, given);
      return found.length > 0 ? found : undefined;
    },
    score: (_pod, node, found: readonly Preference[]) => {
      let score = 0;
      for (const preference of found) score += preference(node);
      return score;
    },
    normalize,
  };
}
