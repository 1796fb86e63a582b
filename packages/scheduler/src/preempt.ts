// Default preemption: which pods of lower priority must go so that this one fits (docs: pod-priority-preemption;
// plugins/defaultpreemption, framework/preemption). Pure: the answer names the node and the victims.
import type { corev1, policyv1 } from '@tiphys/api';
import { type LabelSelectorObject, labelSelectorMatcher } from '@tiphys/machinery';
import { afterChanges, type Prepared, prepare, type RefusalBy, refusalBesideNominated } from './framework/judge.ts';
import type { Plugin, Snapshot } from './framework/plugin.ts';
import { type Diagnosis, explain } from './pick.ts';
import { type NodeInfo, nodeWith, type PodInfo } from './world/infos.ts';

export interface Preemption {
  nodeName: string;
  victims: readonly PodInfo[];
}

export interface PreemptionCandidate extends Preemption {
  /** Budgets that would be broken. */
  violations: number;
}

/** As many nodes with victims are enough: a share of the possible ones, and never fewer than that number (DefaultPreemptionArgs). */
export interface PreemptionArguments {
  minCandidateNodesPercentage: number;
  minCandidateNodesAbsolute: number;
}

export const DEFAULT_PREEMPTION: PreemptionArguments = { minCandidateNodesPercentage: 10, minCandidateNodesAbsolute: 100 };

/** What schedulers of one's own may judge otherwise (DefaultPreemption's IsEligiblePod, MoreImportantPod and OrderedScoreFuncs). */
export interface PreemptionJudgement {
  /** Whether the pod may drive the victim out, besides being more important. */
  isEligible?(node: NodeInfo, victim: PodInfo, pod: PodInfo): boolean;
  /** Negative when `a` is kept rather than `b`. */
  compareVictims?(a: PodInfo, b: PodInfo): number;
  /** Negative when `a` does less harm. */
  compareCandidates?(a: PreemptionCandidate, b: PreemptionCandidate): number;
}

export interface PreemptionOptions {
  judgement?: PreemptionJudgement;
  /** Where to begin among the nodes that may do. */
  start?: number;
  arguments?: PreemptionArguments;
}

const startMs = (pod: corev1.Pod) => Date.parse(pod.status?.startTime ?? pod.metadata?.creationTimestamp ?? '') || 0;
const moreImportant = (a: PodInfo, b: PodInfo) => b.priority - a.priority || startMs(a.pod) - startMs(b.pod);

/** Where pods must go, a budget without requirements protects none; elsewhere it protects all. */
const isEmptySelector = (selector: LabelSelectorObject | undefined) =>
  !selector || (!selector.matchExpressions?.length && Object.keys(selector.matchLabels ?? {}).length === 0);

/** Splits pods into those whose removal breaks a budget and the rest, counting each budget down. */
export function splitByBudgets(pods: readonly PodInfo[], budgets: readonly policyv1.PodDisruptionBudget[]) {
  const allowed = new Map(budgets.map((budget) => [budget, budget.status?.disruptionsAllowed ?? 0]));
  const violating: PodInfo[] = [];
  const rest: PodInfo[] = [];
  for (const info of pods) {
    let violates = false;
    for (const budget of budgets) {
      if (budget.metadata?.namespace !== info.pod.metadata?.namespace || isEmptySelector(budget.spec?.selector)) continue;
      if (!labelSelectorMatcher(budget.spec!.selector!).matches(info.pod.metadata?.labels ?? {})) continue;
      if (budget.status?.disruptedPods?.[info.pod.metadata!.name!]) continue;
      const left = (allowed.get(budget) ?? 0) - 1;
      allowed.set(budget, left);
      violates ||= left < 0;
    }
    (violates ? violating : rest).push(info);
  }
  return { violating, rest };
}

const refusedBecause = (reason: string): RefusalBy => ({ reasons: [reason], unresolvable: true, plugin: 'DefaultPreemption' });
const NO_VICTIMS = refusedBecause('No preemption victims found for incoming pod');
const NOT_HELPFUL = refusedBecause('Preemption is not helpful for scheduling');

/** Takes all lower pods away, then gives back as many as still fit, the most important first. Or says what stands against the pod without them. */
function candidateOn(
  pod: PodInfo,
  node: NodeInfo,
  prepared: Prepared,
  snapshot: Snapshot,
  { isEligible = () => true, compareVictims = moreImportant }: PreemptionJudgement,
): PreemptionCandidate | RefusalBy {
  const mayGo = (other: PodInfo) => other.priority < pod.priority && isEligible(node, other, pod);
  const lower = [...node.pods.values()].filter(mayGo).sort(compareVictims);
  if (lower.length === 0) return NO_VICTIMS;
  const refusalWithout = (removed: readonly PodInfo[]) =>
    refusalBesideNominated(afterChanges(prepared, pod, node, removed, -1), pod, nodeWith(node, removed), snapshot);
  let removed: readonly PodInfo[] = lower;
  const refusal = refusalWithout(removed);
  if (refusal) return refusal;
  const { violating, rest } = splitByBudgets(lower, snapshot.budgets());
  let violations = 0;
  for (const info of [...violating, ...rest]) {
    const kept = removed.filter((other) => other !== info);
    if (!refusalWithout(kept)) removed = kept;
    else if (violating.includes(info)) violations++;
  }
  // Whatever stood against the pod, it was none of them.
  if (removed.length === 0) throw new Error(`expected at least one victim pod on node "${node.name}"`);
  return { nodeName: node.name, victims: [...removed].sort(compareVictims), violations };
}

const highest = (candidate: PreemptionCandidate) => Math.max(...candidate.victims.map((victim) => victim.priority));
const PRIORITY_OFFSET = 2 ** 31;
const summed = (candidate: PreemptionCandidate) => candidate.victims.reduce((sum, victim) => sum + victim.priority + PRIORITY_OFFSET, 0);
const earliestOfHighest = (candidate: PreemptionCandidate) =>
  Math.min(...candidate.victims.filter((victim) => victim.priority === highest(candidate)).map((victim) => startMs(victim.pod)));

/** Upstream's order of preference: budgets, highest victim, sum, count, latest start (pickOneNodeForPreemption). */
export function compareCandidates(a: PreemptionCandidate, b: PreemptionCandidate): number {
  return (
    a.violations - b.violations ||
    highest(a) - highest(b) ||
    summed(a) - summed(b) ||
    a.victims.length - b.victims.length ||
    earliestOfHighest(b) - earliestOfHighest(a)
  );
}

/** Waits for pods that were told to leave the node it is to get. */
function waitsForVictims(pod: PodInfo, snapshot: Snapshot): boolean {
  const name = pod.pod.status?.nominatedNodeName;
  const node = name ? snapshot.node(name) : undefined;
  return [...(node?.pods.values() ?? [])].some(
    (other) =>
      other.priority < pod.priority &&
      other.pod.metadata?.deletionTimestamp &&
      other.pod.status?.conditions?.some(({ type, reason }) => type === 'DisruptionTarget' && reason === 'PreemptionByScheduler'),
  );
}

interface Search {
  found: PreemptionCandidate[];
  /** Why not, by node. */
  refusals: Map<string, RefusalBy>;
  /** What was thrown; other nodes are looked at all the same. */
  errors: Set<string>;
}

/** Goes on past the number that is enough for as long as every candidate would break a budget. */
function searchAmong(
  pod: PodInfo,
  possible: readonly NodeInfo[],
  { start = 0, arguments: given = DEFAULT_PREEMPTION, judgement = {} }: PreemptionOptions,
  prepared: Prepared,
  snapshot: Snapshot,
): Search {
  const share = Math.floor((possible.length * given.minCandidateNodesPercentage) / 100);
  const enough = Math.min(possible.length, Math.max(given.minCandidateNodesAbsolute, share));
  const search: Search = { found: [], refusals: new Map(), errors: new Set() };
  let keepsBudgets = false;
  for (let at = 0; at < possible.length && !(keepsBudgets && search.found.length >= enough); at++) {
    const node = possible[(start + at) % possible.length]!;
    try {
      const candidate = candidateOn(pod, node, prepared, snapshot, judgement);
      if ('reasons' in candidate) search.refusals.set(node.name, candidate);
      else {
        search.found.push(candidate);
        keepsBudgets ||= candidate.violations === 0;
      }
    } catch (error) {
      search.errors.add((error as Error).message);
    }
  }
  return search;
}

/** The one that does the least harm. */
export const bestCandidate = (candidates: readonly PreemptionCandidate[], compare = compareCandidates): PreemptionCandidate | undefined =>
  [...candidates].sort(compare)[0];

/** Nodes and whom the pod could drive out there. */
export function preemptionCandidates(
  pod: PodInfo,
  diagnosis: Diagnosis,
  snapshot: Snapshot,
  plugins: readonly Plugin[],
  options: PreemptionOptions = {},
): { candidates: PreemptionCandidate[] } | NoPreemption {
  if (pod.pod.spec?.preemptionPolicy === 'Never') return { reason: 'not eligible due to preemptionPolicy=Never.' };
  const isHopeless = (name: string) => {
    const refusal = diagnosis.everywhere ?? diagnosis.refusals.get(name) ?? diagnosis.others;
    return refusal?.unresolvable ?? true;
  };
  const nominated = pod.pod.status?.nominatedNodeName;
  if (!(nominated && isHopeless(nominated)) && waitsForVictims(pod, snapshot))
    return { reason: 'not eligible due to a terminating pod on the nominated node.' };
  const possible = snapshot.nodes.filter((node) => !isHopeless(node.name));
  const prepared = diagnosis.prepared ?? prepare(pod, snapshot, plugins);
  let refusals = new Map(possible.map((node) => [node.name, NO_VICTIMS]));
  if (!('everywhere' in prepared)) {
    const search = searchAmong(pod, possible, options, prepared, snapshot);
    if (search.found.length > 0) return { candidates: search.found };
    if (search.errors.size > 0) return { reason: search.errors.size === 1 ? [...search.errors][0]! : `[${[...search.errors].join(', ')}]` };
    refusals = search.refusals;
  }
  return { reason: explain({ nodeCount: snapshot.nodes.length, refusals, others: NOT_HELPFUL }), isFinal: true };
}

/** Why nobody is driven out. */
export interface NoPreemption {
  reason: string;
  /** No node would do: what the pod was promised is taken back. Otherwise it stays promised. */
  isFinal?: true;
}

/** The node and the victims, or why nobody is driven out. */
export type PreemptionOutcome = { preemption: Preemption } | NoPreemption;

export function preemptionAmong(candidates: readonly PreemptionCandidate[], judgement: PreemptionJudgement = {}): PreemptionOutcome {
  const preemption = bestCandidate(candidates, judgement.compareCandidates);
  return preemption ? { preemption } : { reason: 'no candidate node for preemption' };
}

export function preempt(
  pod: PodInfo,
  diagnosis: Diagnosis,
  snapshot: Snapshot,
  plugins: readonly Plugin[],
  options: PreemptionOptions = {},
): PreemptionOutcome {
  const found = preemptionCandidates(pod, diagnosis, snapshot, plugins, options);
  return 'reason' in found ? found : preemptionAmong(found.candidates, options.judgement);
}
