// Decides where a pod goes: filter, score, choose. Pure but for answers remembered in `remembered`, which change nothing but the
// speed; the order of nodes and the tie-break come as arguments (pkg/scheduler/schedule_one.go).

import { firstRefusal, type Prepared, prepare, type RefusalBy, refusalBesideNominated } from './framework/judge.ts';
import { freshAnswers, type LocalAnswers, type RememberedAnswers } from './framework/local-answers.ts';
import type { Plugin, Snapshot } from './framework/plugin.ts';
import type { NodeInfo, PodInfo } from './world/infos.ts';

export interface Diagnosis {
  /** Node name → the plugin that refused and why. Empty when the pod was refused before any node. */
  refusals: ReadonlyMap<string, RefusalBy>;
  /** Of the nodes that were not looked at, if any. */
  others?: RefusalBy;
  /** Set when a preFilter refused the pod everywhere. */
  everywhere?: RefusalBy;
  nodeCount: number;
  /** For preemption. */
  prepared?: Prepared;
}

export interface Choice {
  node: NodeInfo;
  feasibleCount: number;
  lookedAt: number;
  /** What plugins found out on the way, for their reservations. */
  prepared: Prepared;
}

export interface PickOptions {
  /** Where to begin among the nodes, so that large clusters use all of them in turn. */
  start: number;
  /** In [0, 1): breaks ties. */
  chance: number;
  /** 0: by the size of the cluster. */
  percentageOfNodesToScore?: number;
  remembered?: RememberedAnswers;
}

const NODES_TO_FIND_MIN = 100;
const PERCENTAGE_MIN = 5;

/** How many feasible nodes are enough to score: all up to 100, then a shrinking share (numFeasibleNodesToFind). */
export function feasibleNodesToFind(nodeCount: number, percentageOfNodesToScore = 0): number {
  if (nodeCount < NODES_TO_FIND_MIN) return nodeCount;
  const percentage = percentageOfNodesToScore || Math.max(PERCENTAGE_MIN, 50 - Math.floor(nodeCount / 125));
  return Math.max(NODES_TO_FIND_MIN, Math.floor((nodeCount * percentage) / 100));
}

interface Found {
  feasible: NodeInfo[];
  /** Nodes and beside them why not. Nobody asks for these by name while some node is left. */
  refused: NodeInfo[];
  reasons: RefusalBy[];
  lookedAt: number;
}

const byName = ({ refused, reasons }: Found): Map<string, RefusalBy> => new Map(refused.map((node, index) => [node.name, reasons[index]!]));

function findFeasible(pod: PodInfo, snapshot: Snapshot, prepared: Prepared, answers: LocalAnswers, options: PickOptions): Found {
  const { nodeNames } = prepared;
  const nodes = nodeNames ? [...nodeNames].flatMap((name) => snapshot.node(name) ?? []) : snapshot.nodes;
  const enough = feasibleNodesToFind(nodes.length, options.percentageOfNodesToScore);
  const found: Found = { feasible: [], refused: [], reasons: [], lookedAt: 0 };
  const { hasNominations } = snapshot;
  const { feasible, refused, reasons } = found;
  const wide = prepared.wide.length > 0 ? prepared.wide : undefined;
  let at = nodeNames ? 0 : options.start % Math.max(1, nodes.length);
  for (; found.lookedAt < nodes.length && feasible.length < enough; found.lookedAt++) {
    const node = nodes[at]!;
    at = at + 1 === nodes.length ? 0 : at + 1;
    const refusal =
      hasNominations && snapshot.nominated(node.name).length > 0
        ? refusalBesideNominated(prepared, pod, node, snapshot)
        : (answers.refusal(node) ?? (wide && firstRefusal(wide, pod, node)));
    if (refusal) {
      refused.push(node);
      reasons.push(refusal);
    } else feasible.push(node);
  }
  return found;
}

function addNormalized(totals: number[], plugin: Plugin, scores: number[], feasible: readonly NodeInfo[], state: unknown): void {
  plugin.normalize?.(scores, feasible, state);
  const weight = plugin.weight ?? 1;
  for (let i = 0; i < totals.length; i++) totals[i]! += scores[i]! * weight;
}

export function scoresOf(
  pod: PodInfo,
  feasible: readonly NodeInfo[],
  snapshot: Snapshot,
  plugins: readonly Plugin[],
  { answers, prepared }: Pick<Feasible, 'answers' | 'prepared'>,
): number[] {
  const totals = feasible.map((node) => answers.score(node));
  for (const { plugin, state, score } of answers.rawScores) addNormalized(totals, plugin, feasible.map(score), feasible, state);
  for (const plugin of plugins) {
    if (plugin.signature || !plugin.score) continue;
    const state = plugin.preScore?.(pod, feasible, snapshot, prepared.states.get(plugin));
    if (plugin.preScore && state === undefined) continue;
    const scores = feasible.map((node) => plugin.score!(pod, node, state));
    addNormalized(totals, plugin, scores, feasible, state);
  }
  return totals;
}

function best(feasible: readonly NodeInfo[], scores: readonly number[], chance: number): NodeInfo {
  let highest = Number.NEGATIVE_INFINITY;
  let winners: NodeInfo[] = [];
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (score < highest) continue;
    if (score > highest) winners = [];
    highest = score;
    winners.push(feasible[i]!);
  }
  return winners[Math.floor(chance * winners.length)]!;
}

/** A node that others left for the pod is taken without looking further. */
function nominatedNode(pod: PodInfo, snapshot: Snapshot, prepared: Prepared): NodeInfo | undefined {
  const name = pod.pod.status?.nominatedNodeName;
  const node = name ? snapshot.node(name) : undefined;
  if (!node || prepared.nodeNames?.has(node.name) === false) return undefined;
  return refusalBesideNominated(prepared, pod, node, snapshot) ? undefined : node;
}

export interface Feasible {
  nodes: readonly NodeInfo[];
  lookedAt: number;
  readonly refusals: ReadonlyMap<string, RefusalBy>;
  prepared: Prepared;
  answers: LocalAnswers;
}

/** The nodes that the pod fits on, or as many as are worth scoring. */
export function feasibleNodes(
  pod: PodInfo,
  snapshot: Snapshot,
  plugins: readonly Plugin[],
  options: PickOptions,
): Feasible | { diagnosis: Diagnosis } {
  const nodeCount = snapshot.nodes.length;
  const prepared = prepare(pod, snapshot, plugins);
  if ('everywhere' in prepared) return { diagnosis: { refusals: new Map(), everywhere: prepared.everywhere, nodeCount } };
  const remembered = prepared.nodeNames ? undefined : options.remembered;
  const answers = remembered?.for(pod, prepared, snapshot) ?? freshAnswers(pod, prepared, snapshot, plugins);
  const nominated = nominatedNode(pod, snapshot, prepared);
  if (nominated) return { nodes: [nominated], lookedAt: 1, refusals: new Map(), prepared, answers };
  const found = findFeasible(pod, snapshot, prepared, answers, options);
  let refusals: Map<string, RefusalBy> | undefined;
  return {
    nodes: found.feasible,
    lookedAt: found.lookedAt,
    get refusals() {
      refusals ??= byName(found);
      return refusals;
    },
    prepared,
    answers,
  };
}

/** Why no node was left. */
export function diagnose({ refusals, prepared }: Feasible, nodeCount: number): Diagnosis {
  const plugin = prepared.choosers.join(' ');
  const others = prepared.nodeNames && { reasons: [`node(s) didn't satisfy plugin(s) [${plugin}]`], unresolvable: true, plugin };
  return { refusals, nodeCount, prepared, ...(others ? { others } : {}) };
}

/** The best of the nodes; `extra` are scores from elsewhere, by index. */
export function choose(
  pod: PodInfo,
  found: Feasible,
  snapshot: Snapshot,
  plugins: readonly Plugin[],
  chance: number,
  extra?: readonly number[],
): Choice {
  const { nodes, lookedAt, prepared } = found;
  const choice = (node: NodeInfo) => ({ node, feasibleCount: nodes.length, lookedAt, prepared });
  if (nodes.length === 1) return choice(nodes[0]!);
  const scores = scoresOf(pod, nodes, snapshot, plugins, found);
  return choice(best(nodes, extra ? scores.map((score, index) => score + extra[index]!) : scores, chance));
}

export function pick(
  pod: PodInfo,
  snapshot: Snapshot,
  plugins: readonly Plugin[],
  options: PickOptions,
): Choice | { diagnosis: Diagnosis } {
  const found = feasibleNodes(pod, snapshot, plugins, options);
  if ('diagnosis' in found) return found;
  if (found.nodes.length === 0) return { diagnosis: diagnose(found, snapshot.nodes.length) };
  return choose(pod, found, snapshot, plugins, options.chance);
}

/** `0/3 nodes are available: 2 Insufficient cpu, 1 node(s) were unschedulable. …` (FitError). */
export function explain(diagnosis: Diagnosis, afterFilter = ''): string {
  const head = `0/${diagnosis.nodeCount} nodes are available:`;
  const tail = afterFilter ? ` ${afterFilter}` : '';
  if (diagnosis.everywhere) return `${head} ${diagnosis.everywhere.reasons.join(', ')}.${tail}`;
  const counts = new Map<string, number>();
  const add = (reasons: readonly string[], nodes: number) => {
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + nodes);
  };
  for (const refusal of diagnosis.refusals.values()) add(refusal.reasons, 1);
  const rest = diagnosis.nodeCount - diagnosis.refusals.size;
  if (diagnosis.others && rest > 0) add(diagnosis.others.reasons, rest);
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `${head}${parts.length ? ` ${parts.join(', ')}.` : ''}${tail}`;
}
