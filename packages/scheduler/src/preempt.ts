// Default preemption: which pods of lower priority must go so that this one fits (docs: pod-priority-preemption;
// plugins/defaultpreemption, framework/preemption). Pure: the answer names the node and the victims.
import type { corev1, policyv1 } from '@tiphys/api';
import { labelSelectorMatcher } from '@tiphys/machinery';
import type { NodeInfo, Plugin, PodInfo, Snapshot } from './framework.ts';
import { type Diagnosis, prepare, refusalOf } from './pick.ts';
import { nodeWith } from './world.ts';

export interface Preemption {
  nodeName: string;
  victims: readonly PodInfo[];
}

interface Candidate extends Preemption {
  violations: number;
}

const startMs = (pod: corev1.Pod) => Date.parse(pod.status?.startTime ?? pod.metadata?.creationTimestamp ?? '') || 0;
const moreImportant = (a: PodInfo, b: PodInfo) => b.priority - a.priority || startMs(a.pod) - startMs(b.pod);

/** Splits pods into those whose removal breaks a budget and the rest, counting each budget down. */
function splitByBudgets(pods: readonly PodInfo[], budgets: readonly policyv1.PodDisruptionBudget[]) {
  const allowed = new Map(budgets.map((budget) => [budget, budget.status?.disruptionsAllowed ?? 0]));
  const violating: PodInfo[] = [];
  const rest: PodInfo[] = [];
  for (const info of pods) {
    let violates = false;
    for (const budget of budgets) {
      if (budget.metadata?.namespace !== info.pod.metadata?.namespace || !budget.spec?.selector) continue;
      if (!labelSelectorMatcher(budget.spec.selector).matches(info.pod.metadata?.labels ?? {})) continue;
      if (budget.status?.disruptedPods?.[info.pod.metadata!.name!]) continue;
      const left = (allowed.get(budget) ?? 0) - 1;
      allowed.set(budget, left);
      violates ||= left < 0;
    }
    (violates ? violating : rest).push(info);
  }
  return { violating, rest };
}

/** A snapshot in which one node is replaced, so that plugins that look at all nodes see the removal. */
function snapshotWith(snapshot: Snapshot, node: NodeInfo): Snapshot {
  const replaced = (others: readonly NodeInfo[]) => others.map((other) => (other.name === node.name ? node : other));
  return {
    ...snapshot,
    nodes: replaced(snapshot.nodes),
    nodesWithAffinity: replaced(snapshot.nodesWithAffinity),
    node: (name) => (name === node.name ? node : snapshot.node(name)),
  };
}

function fits(pod: PodInfo, node: NodeInfo, snapshot: Snapshot, plugins: readonly Plugin[]): boolean {
  const prepared = prepare(pod, snapshotWith(snapshot, node), plugins);
  return 'filters' in prepared && refusalOf(pod, node, prepared.filters) === undefined;
}

/** Takes all lower pods away, then gives back as many as still fit, the most important first. */
function candidateOn(
  pod: PodInfo,
  node: NodeInfo,
  snapshot: Snapshot,
  plugins: readonly Plugin[],
  budgets: readonly policyv1.PodDisruptionBudget[],
): Candidate | undefined {
  const lower = [...node.pods.values()].filter((other) => other.priority < pod.priority).sort(moreImportant);
  if (lower.length === 0) return undefined;
  let removed = new Set(lower);
  const fitsWithout = (without: ReadonlySet<PodInfo>) => fits(pod, nodeWith(node, [...without]), snapshot, plugins);
  if (!fitsWithout(removed)) return undefined;
  const { violating, rest } = splitByBudgets(lower, budgets);
  let violations = 0;
  for (const info of [...violating, ...rest]) {
    const kept = new Set([...removed].filter((other) => other !== info));
    if (fitsWithout(kept)) removed = kept;
    else if (violating.includes(info)) violations++;
  }
  return { nodeName: node.name, victims: [...removed].sort(moreImportant), violations };
}

const highest = (candidate: Candidate) => Math.max(...candidate.victims.map((victim) => victim.priority));
const PRIORITY_OFFSET = 2 ** 31;
const summed = (candidate: Candidate) => candidate.victims.reduce((sum, victim) => sum + victim.priority + PRIORITY_OFFSET, 0);
const earliestOfHighest = (candidate: Candidate) =>
  Math.min(...candidate.victims.filter((victim) => victim.priority === highest(candidate)).map((victim) => startMs(victim.pod)));

/** Upstream's order of preference: budgets, highest victim, sum, count, latest start (pickOneNodeForPreemption). */
export function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    a.violations - b.violations ||
    highest(a) - highest(b) ||
    summed(a) - summed(b) ||
    a.victims.length - b.victims.length ||
    earliestOfHighest(b) - earliestOfHighest(a)
  );
}

export function preempt(
  pod: PodInfo,
  diagnosis: Diagnosis,
  snapshot: Snapshot,
  plugins: readonly Plugin[],
  budgets: readonly policyv1.PodDisruptionBudget[],
): { preemption: Preemption } | { reason: string } {
  if (pod.pod.spec?.preemptionPolicy === 'Never') return { reason: 'not eligible due to preemptionPolicy=Never.' };
  const nominated = pod.pod.status?.nominatedNodeName ? snapshot.node(pod.pod.status.nominatedNodeName) : undefined;
  const waits =
    nominated && [...nominated.pods.values()].some((other) => other.priority < pod.priority && other.pod.metadata?.deletionTimestamp);
  if (waits) return { reason: 'not eligible due to a terminating pod on the nominated node.' };
  const possible = snapshot.nodes.filter((node) => !diagnosis.everywhere && !diagnosis.refusals.get(node.name)?.unresolvable);
  const candidates = possible
    .map((node) => candidateOn(pod, node, snapshot, plugins, budgets))
    .filter((candidate) => candidate !== undefined);
  if (candidates.length > 0) return { preemption: candidates.sort(compareCandidates)[0]! };
  const hopeless = snapshot.nodes.length - possible.length;
  const parts = [
    ...(possible.length > 0 ? [`${possible.length} No preemption victims found for incoming pod`] : []),
    ...(hopeless > 0 ? [`${hopeless} Preemption is not helpful for scheduling`] : []),
  ].sort();
  return { reason: `0/${snapshot.nodes.length} nodes are available: ${parts.join(', ')}.` };
}
