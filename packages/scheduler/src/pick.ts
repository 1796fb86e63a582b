// Decides where a pod goes: filter, score, choose. Pure; the order of nodes and the tie-break come as arguments
// (pkg/scheduler/schedule_one.go).
import type { NodeInfo, Plugin, PodInfo, Refusal, Snapshot } from './framework.ts';

export interface Diagnosis {
  /** Node name → the plugin that refused and why. Empty when the pod was refused before any node. */
  refusals: ReadonlyMap<string, Refusal & { plugin: string }>;
  /** Set when a preFilter refused the pod everywhere. */
  everywhere?: Refusal & { plugin: string };
  nodeCount: number;
}

export type Pick = { nodeName: string; feasibleCount: number; lookedAt: number } | { diagnosis: Diagnosis };

interface Filter {
  plugin: Plugin;
  state: unknown;
}

const NODES_TO_FIND_MIN = 100;
const PERCENTAGE_MIN = 5;

/** How many feasible nodes are enough to score: all up to 100, then a shrinking share (numFeasibleNodesToFind). */
export function feasibleNodesToFind(nodeCount: number): number {
  if (nodeCount < NODES_TO_FIND_MIN) return nodeCount;
  const percentage = Math.max(PERCENTAGE_MIN, 50 - Math.floor(nodeCount / 125));
  return Math.max(NODES_TO_FIND_MIN, Math.floor((nodeCount * percentage) / 100));
}

export type Prepared = { filters: Filter[] } | { everywhere: Refusal & { plugin: string } };

/** Runs every preFilter: what is left are the filters that apply, each with its state. */
export function prepare(pod: PodInfo, snapshot: Snapshot, plugins: readonly Plugin[]): Prepared {
  const filters: Filter[] = [];
  for (const plugin of plugins) {
    const result = plugin.preFilter?.(pod, snapshot);
    if (result?.refusal) return { everywhere: { ...result.refusal, plugin: plugin.name } };
    if (plugin.filter && !result?.skip) filters.push({ plugin, state: result?.state });
  }
  return { filters };
}

export function refusalOf(pod: PodInfo, node: NodeInfo, filters: readonly Filter[]): (Refusal & { plugin: string }) | undefined {
  for (const { plugin, state } of filters) {
    const refusal = plugin.filter!(pod, node, state);
    if (refusal) return { ...refusal, plugin: plugin.name };
  }
  return undefined;
}

function scoresOf(pod: PodInfo, feasible: readonly NodeInfo[], snapshot: Snapshot, plugins: readonly Plugin[]): number[] {
  const totals = new Array<number>(feasible.length).fill(0);
  for (const plugin of plugins) {
    if (!plugin.score) continue;
    const state = plugin.preScore?.(pod, feasible, snapshot);
    if (plugin.preScore && state === undefined) continue;
    const scores = feasible.map((node) => plugin.score!(pod, node, state));
    plugin.normalize?.(scores);
    for (let i = 0; i < totals.length; i++) totals[i]! += scores[i]! * (plugin.weight ?? 1);
  }
  return totals;
}

/** `start` is where to begin among the nodes, so that large clusters use all of them in turn; `chance` in [0, 1) breaks ties. */
export function pick(pod: PodInfo, snapshot: Snapshot, plugins: readonly Plugin[], start: number, chance: number): Pick {
  const { nodes } = snapshot;
  const prepared = prepare(pod, snapshot, plugins);
  if ('everywhere' in prepared) return { diagnosis: { refusals: new Map(), everywhere: prepared.everywhere, nodeCount: nodes.length } };
  const refusals = new Map<string, Refusal & { plugin: string }>();
  const feasible: NodeInfo[] = [];
  const enough = feasibleNodesToFind(nodes.length);
  let lookedAt = 0;
  while (lookedAt < nodes.length && feasible.length < enough) {
    const node = nodes[(start + lookedAt++) % nodes.length]!;
    const refusal = refusalOf(pod, node, prepared.filters);
    if (refusal) refusals.set(node.name, refusal);
    else feasible.push(node);
  }
  if (feasible.length === 0) return { diagnosis: { refusals, nodeCount: nodes.length } };
  if (feasible.length === 1) return { nodeName: feasible[0]!.name, feasibleCount: 1, lookedAt };
  const scores = scoresOf(pod, feasible, snapshot, plugins);
  const best = Math.max(...scores);
  const winners = feasible.filter((_, index) => scores[index] === best);
  return { nodeName: winners[Math.floor(chance * winners.length)]!.name, feasibleCount: feasible.length, lookedAt };
}

/** `0/3 nodes are available: 2 Insufficient cpu, 1 node(s) were unschedulable. …` (FitError). */
export function explain(diagnosis: Diagnosis, afterFilter = ''): string {
  const head = `0/${diagnosis.nodeCount} nodes are available:`;
  const tail = afterFilter ? ` ${afterFilter}` : '';
  if (diagnosis.everywhere) return `${head} ${diagnosis.everywhere.reasons.join(', ')}.${tail}`;
  const counts = new Map<string, number>();
  for (const refusal of diagnosis.refusals.values())
    for (const reason of refusal.reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `${head}${parts.length ? ` ${parts.join(', ')}.` : ''}${tail}`;
}
