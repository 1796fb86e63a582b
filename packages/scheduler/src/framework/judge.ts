// One pod against one node: the filters and scores of a profile, split into those that look at nothing but the two (whose
// answers can be remembered) and those that look around (pkg/scheduler/framework/runtime/framework.go).
import type { NodeInfo, PodInfo } from '../world/infos.ts';
import { nodeWith } from '../world/infos.ts';
import type { Change, Plugin, Refusal, Snapshot } from './plugin.ts';

export type RefusalBy = Refusal & { plugin: string };

interface ActiveFilter {
  plugin: Plugin;
  state: unknown;
  /** What it said last: plugins say the same of thousands of nodes. */
  last?: { refusal: Refusal; by: RefusalBy };
}

/** Everything that preFilter found out. */
export interface Prepared {
  /** Filters that look at pod and node only. */
  local: readonly ActiveFilter[];
  /** Filters that look around. */
  wide: readonly ActiveFilter[];
  /** Nodes worth looking at, where a plugin could tell. */
  nodeNames?: ReadonlySet<string>;
  /** Plugins that chose those nodes. */
  choosers: readonly string[];
  /** What preFilter gave, for the plugins' other members. */
  states: ReadonlyMap<Plugin, unknown>;
}

/** Runs every preFilter: what is left are the filters that apply, each with its state. */
export function prepare(pod: PodInfo, snapshot: Snapshot, plugins: readonly Plugin[]): Prepared | { everywhere: RefusalBy } {
  const local: ActiveFilter[] = [];
  const wide: ActiveFilter[] = [];
  const choosers: string[] = [];
  const states = new Map<Plugin, unknown>();
  let nodeNames: ReadonlySet<string> | undefined;
  for (const plugin of plugins) {
    const result = preFiltered(plugin, pod, snapshot);
    if (result?.state !== undefined) states.set(plugin, result.state);
    if (result?.refusal) return { everywhere: { ...result.refusal, plugin: plugin.name } };
    if (result?.nodeNames) {
      choosers.push(plugin.name);
      const chosen = result.nodeNames;
      nodeNames = nodeNames ? new Set([...nodeNames].filter((name) => chosen.has(name))) : chosen;
      if (nodeNames.size === 0) return { everywhere: { ...noNodeLeft(choosers), plugin: plugin.name } };
    }
    if (plugin.filter && !result?.skip) (plugin.signature ? local : wide).push({ plugin, state: result?.state });
  }
  return { local, wide, choosers, states, ...(nodeNames ? { nodeNames } : {}) };
}

/** What a plugin throws ends the attempt with upstream's words. */
function preFiltered(plugin: Plugin, pod: PodInfo, snapshot: Snapshot) {
  try {
    return plugin.preFilter?.(pod, snapshot);
  } catch (error) {
    throw new Error(`running PreFilter plugin "${plugin.name}": ${(error as Error).message}`, { cause: error });
  }
}

function filtered({ plugin, state }: ActiveFilter, pod: PodInfo, node: NodeInfo): Refusal | undefined {
  try {
    return plugin.filter!(pod, node, state);
  } catch (error) {
    throw new Error(`running "${plugin.name}" filter plugin: ${(error as Error).message}`, { cause: error });
  }
}

function noNodeLeft(choosers: readonly string[]): Refusal {
  const [first] = choosers;
  const reason = choosers.length > 1 ? `plugin(s) [${[...choosers].sort().join(' ')}] simultaneously` : `plugin ${first}`;
  return { reasons: [`node(s) didn't satisfy ${reason}`], unresolvable: true };
}

export function firstRefusal(filters: readonly ActiveFilter[], pod: PodInfo, node: NodeInfo): RefusalBy | undefined {
  for (const filter of filters) {
    const refusal = filtered(filter, pod, node);
    if (!refusal) continue;
    if (filter.last?.refusal !== refusal) filter.last = { refusal, by: { ...refusal, plugin: filter.plugin.name } };
    return filter.last.by;
  }
  return undefined;
}

function changedState(plugin: Plugin, state: unknown, pod: PodInfo, change: Change): unknown {
  try {
    return plugin.afterChange!(state, pod, change);
  } catch (error) {
    const member = change.by === 1 ? 'AddPod' : 'RemovePod';
    throw new Error(`running ${member} on PreFilter plugin "${plugin.name}": ${(error as Error).message}`, { cause: error });
  }
}

/** The same filters after pods went to the node or left it, in thought. */
export function afterChanges(prepared: Prepared, pod: PodInfo, node: NodeInfo, changed: readonly PodInfo[], by: 1 | -1): Prepared {
  const wide = prepared.wide.map(({ plugin, state }) => {
    if (!plugin.afterChange) return { plugin, state };
    let after = state;
    for (const other of changed) after = changedState(plugin, after, pod, { pod: other, node, by });
    return { plugin, state: after };
  });
  return { ...prepared, wide };
}

export const refusalOn = (prepared: Prepared, pod: PodInfo, node: NodeInfo): RefusalBy | undefined =>
  firstRefusal(prepared.local, pod, node) ?? firstRefusal(prepared.wide, pod, node);

/**
 * Whether the pod fits, also when the pods that were promised the node come: they are as important as this one or more
 * (RunFilterPluginsWithNominatedPods).
 */
export function refusalBesideNominated(prepared: Prepared, pod: PodInfo, node: NodeInfo, snapshot: Snapshot): RefusalBy | undefined {
  const coming = snapshot
    .nominated(node.name)
    .filter((other) => other.priority >= pod.priority && other.uid !== pod.uid && !node.pods.has(other.uid));
  if (coming.length > 0) {
    const full = nodeWith(node, [], coming);
    const refusal = refusalOn(afterChanges(prepared, pod, node, coming, 1), pod, full);
    if (refusal) return refusal;
  }
  return refusalOn(prepared, pod, node);
}
