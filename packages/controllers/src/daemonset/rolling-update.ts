// Replaces old daemon pods within the strategy's limits (pkg/controller/daemon/update.go, rollingUpdate).
import { isAvailable, type Pod } from '../pods/pod-state.ts';
import { isDeleting, nameOf } from '../runtime/objects.ts';
import type { Changes, Placement } from './placement.ts';
import { fitOf, isUpdated, surgeCount, unavailableCount } from './pods.ts';

interface OnNode {
  node: string;
  fresh?: Pod;
  old?: Pod;
  /** Several of one kind: the placement cleans that up first. */
  crowded: boolean;
}

interface Rollout {
  onNodes: OnNode[];
  desired: number;
  available(pod: Pod): boolean;
}

function rolloutOf({ set, hash, nowMs, nodes, podsByNode }: Placement): Rollout {
  const names = new Set(podsByNode.keys());
  let desired = 0;
  for (const node of nodes) {
    if (!fitOf(set, node).run) continue;
    desired++;
    names.add(nameOf(node));
  }
  const onNodes = [...names].map((node): OnNode => {
    const alive = (podsByNode.get(node) ?? []).filter((pod) => !isDeleting(pod));
    const fresh = alive.filter((pod) => isUpdated(set, pod, hash));
    const old = alive.filter((pod) => !fresh.includes(pod));
    const crowded = fresh.length > 1 || old.length > 1;
    return { node, crowded, ...(fresh[0] ? { fresh: fresh[0] } : {}), ...(old[0] ? { old: old[0] } : {}) };
  });
  return { onNodes, desired, available: (pod) => isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs) };
}

export function rollingUpdate(placement: Placement): Changes {
  const rollout = rolloutOf(placement);
  const surge = surgeCount(placement.set, rollout.desired);
  const unavailable = unavailableCount(placement.set, rollout.desired);
  if (surge > 0) return withSurge(placement, rollout, surge);
  return withoutSurge(rollout, rollout.desired > 0 && unavailable === 0 ? 1 : unavailable);
}

/** Deletes just enough old pods; the placement creates the new ones. */
function withoutSurge({ onNodes, available }: Rollout, unavailableMax: number): Changes {
  const surplus: Changes['surplus'] = [];
  const candidates: Pod[] = [];
  let unavailable = 0;
  for (const { fresh, old, crowded } of onNodes) {
    if (crowded || (!fresh && !old) || (fresh && old)) unavailable++;
    else if (fresh) unavailable += available(fresh) ? 0 : 1;
    else if (!available(old!)) {
      surplus.push({ pod: old!, because: 'it is old and not available' });
      unavailable++;
    } else if (unavailable < unavailableMax) candidates.push(old!);
  }
  const room = Math.max(0, unavailableMax - unavailable);
  surplus.push(...candidates.slice(0, room).map((pod) => ({ pod, because: 'it is old' })));
  return { needed: [], surplus, others: [] };
}

/** Creates new pods beside the old ones; an old one goes when the new one is available. */
function withSurge({ set, nodes }: Placement, { onNodes, desired, available }: Rollout, surgeMax: number): Changes {
  const belongs = new Map(nodes.map((node) => [nameOf(node), fitOf(set, node).run]));
  const changes: Changes = { needed: [], surplus: [], others: [] };
  const candidates: string[] = [];
  const misplaced: Pod[] = [];
  let surging = 0;
  let availableCount = 0;
  for (const { node, fresh, old, crowded } of onNodes) {
    if (crowded) {
      surging++;
      continue;
    }
    const first = old ?? fresh;
    if (first && available(first)) availableCount++;
    if (!old) continue;
    if (fresh) {
      if (available(fresh)) changes.surplus.push({ pod: old, because: 'the new one is available' });
      else surging++;
    } else if (!available(old)) {
      if (belongs.get(node)) changes.needed.push(node);
      else changes.surplus.push({ pod: old, because: 'it is not available and does not belong on the node' });
    } else if (!belongs.get(node)) misplaced.push(old);
    else if (surging < surgeMax) candidates.push(node);
  }
  // Availability first: a misplaced pod goes only when enough others are available.
  const spare = Math.max(0, availableCount - desired);
  changes.surplus.push(...misplaced.slice(0, spare).map((pod) => ({ pod, because: 'it does not belong on the node any more' })));
  changes.needed.push(...candidates.slice(0, Math.max(0, surgeMax - surging)));
  return changes;
}
