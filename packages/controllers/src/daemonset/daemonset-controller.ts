// Keeps one pod of a DaemonSet on every node it fits (pkg/controller/daemon).
import { appsv1, corev1 } from '@tiphys/api';
import { omitZeros, semanticEqual } from '../equality.ts';
import { isAvailable, isReady, isTerminal, nextAvailabilityMs, type Pod } from '../pods/pod-state.ts';
import { createPod, deletePod, namespaceTerminating } from '../pods/pod-writes.ts';
import { matchesSelector, selectorOf } from '../pods/selectors.ts';
import { type Action, after, atOnce, slowStart, updateStatus, wakeAt, warning } from '../runtime/actions.ts';
import { defineController, type Snapshot, type World } from '../runtime/controller.ts';
import { isDeleting, keyOf, labelsOf, nameOf } from '../runtime/objects.ts';
import { historyOf, surplusHistory } from './history.ts';
import { type Changes, type Placement, place } from './placement.ts';
import { byAge, type DaemonSet, daemonPod, fitOf, isUpdated, targetNode } from './pods.ts';
import { rollingUpdate } from './rolling-update.ts';

/** Pods created or deleted by one plan. */
export const BURST_REPLICAS_MAX = 250;

/** By the node each pod is on or meant for; pods that ended and are being deleted are somebody else's matter. */
function groupByNode(pods: readonly Pod[]): Map<string, Pod[]> {
  const groups = new Map<string, Pod[]>();
  for (const pod of pods) {
    const node = targetNode(pod);
    if (node === undefined || (isTerminal(pod) && isDeleting(pod))) continue;
    const group = groups.get(node);
    if (group) group.push(pod);
    else groups.set(node, [pod]);
  }
  return groups;
}

function writesFor(set: DaemonSet, hash: string, { needed, surplus, others }: Changes): Action[] {
  const actions = [...others];
  if (surplus.length > 0) actions.push(atOnce(surplus.slice(0, BURST_REPLICAS_MAX).map(({ pod, because }) => deletePod(pod, because))));
  if (needed.length > 0) {
    const writes = needed.slice(0, BURST_REPLICAS_MAX).map((node) => ({
      ...createPod(daemonPod(set, hash, node), `node ${node} needs one`),
      tolerate: namespaceTerminating,
    }));
    actions.push(slowStart(writes));
  }
  return actions;
}

function statusOf({ set, hash, nowMs, nodes, podsByNode }: Placement): appsv1.DaemonSetStatus {
  const counts = { desired: 0, current: 0, misscheduled: 0, ready: 0, available: 0, updated: 0 };
  for (const node of nodes) {
    const [first] = [...(podsByNode.get(nameOf(node)) ?? [])].sort(byAge);
    if (!fitOf(set, node).run) {
      if (first) counts.misscheduled++;
      continue;
    }
    counts.desired++;
    if (!first) continue;
    counts.current++;
    if (isReady(first)) counts.ready++;
    if (isAvailable(first, set.spec?.minReadySeconds ?? 0, nowMs)) counts.available++;
    if (isUpdated(set, first, hash)) counts.updated++;
  }
  const status: appsv1.DaemonSetStatus = {
    ...set.status,
    desiredNumberScheduled: counts.desired,
    currentNumberScheduled: counts.current,
    numberMisscheduled: counts.misscheduled,
    numberReady: counts.ready,
    updatedNumberScheduled: counts.updated,
    numberAvailable: counts.available,
    numberUnavailable: counts.desired - counts.available,
    observedGeneration: set.metadata?.generation ?? 0,
  };
  return omitZeros(status, ['currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady', 'collisionCount']);
}

function plan(world: World<DaemonSet>, nowMs: number): readonly Action[] {
  const set = world.object;
  if (selectorOf(set.spec?.selector).empty) {
    return [warning('SelectingAll', 'This daemon set is selecting all pods. A non-empty selector is required.')];
  }
  // History and pods may be collected in any order: nothing true can be said any more.
  if (isDeleting(set)) return [];
  const { hash, old, actions } = historyOf(world);
  if (hash === '') return actions;
  const pods = world.owned(corev1.pods);
  const nodes = world.list(corev1.nodes);
  const placement: Placement = { set, hash, nowMs, nodes, podsByNode: groupByNode(pods), note: world.note };
  let changes = place(placement);
  const quiet = changes.needed.length + changes.surplus.length === 0;
  if (quiet && set.spec?.updateStrategy?.type !== 'OnDelete') {
    const next = rollingUpdate(placement);
    changes = { ...next, others: [...changes.others, ...next.others] };
  }
  actions.push(...writesFor(set, hash, changes), ...surplusHistory(world, old));
  const status = statusOf(placement);
  if (!semanticEqual(set.status, status)) {
    const because = `${status.numberReady} ready of ${status.desiredNumberScheduled}`;
    actions.push(after(() => [updateStatus(appsv1.daemonsets, { ...set, status }, because)]));
  }
  const nextMs = nextAvailabilityMs(pods, set.spec?.minReadySeconds ?? 0, nowMs);
  if (nextMs !== undefined) actions.push(wakeAt(nextMs, 'a ready pod becomes available'));
  return actions;
}

/** New nodes, and changes of labels and taints, can matter to any DaemonSet; a node's heartbeat to none. */
function setsOfNode(node: corev1.Node, snapshot: Snapshot, { old }: { old?: corev1.Node }): readonly string[] {
  if (old && semanticEqual(labelsOf(old), labelsOf(node)) && semanticEqual(old.spec?.taints, node.spec?.taints)) return [];
  return snapshot.list(appsv1.daemonsets).map(keyOf);
}

export const daemonSetController = defineController<DaemonSet>({
  name: 'daemon-set-controller',
  eventSource: 'daemonset-controller',
  concurrency: 2,
  for: appsv1.daemonsets,
  owns: [
    { type: corev1.pods, matches: (set) => matchesSelector(set.spec?.selector) },
    // As upstream's addHistory: somebody else's duplicate of a revision stays until the set is looked at for another reason.
    { type: appsv1.controllerrevisions, matches: (set) => matchesSelector(set.spec?.selector), additions: false },
  ],
  watches: [{ type: corev1.nodes, keys: setsOfNode }],
  plan,
});
