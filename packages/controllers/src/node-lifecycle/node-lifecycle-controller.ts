// Watches heartbeats: marks nodes that stopped and taints them; their pods become not ready. Eviction is the taint-eviction
// controller's (pkg/controller/nodelifecycle).
import { coordinationv1, corev1, timeText } from '@tiphys/api';
import { isConflict, isNotFound } from '@tiphys/machinery';
import { isReady } from '../pods/pod-state.ts';
import { type Action, atOnce, normal, patch, updateStatus, wakeAt } from '../runtime/actions.ts';
import { defineController, type World } from '../runtime/controller.ts';
import { isDeleting, nameOf, namespaceOf, timeMs } from '../runtime/objects.ts';
import { conditionOfNode, GRACE_MS, STARTUP_GRACE_MS, taintsFor, unknownConditions } from './node-health.ts';

const LEASE_NAMESPACE = 'kube-node-lease';
const BY_NODE = 'node';

const tolerant = { tolerate: (error: unknown) => isNotFound(error) || isConflict(error) };

/**
 * How long nothing was heard of the node. What counts is when a beat was seen here, not what time it says: nodes' clocks may differ, and
 * ours may be set. One that never reported counts from when it was made.
 */
function silentMs(world: World<corev1.Node>, nowMs: number): number {
  const node = world.object;
  const lease = world.get(coordinationv1.leases, nameOf(node), LEASE_NAMESPACE);
  const reportedMs = conditionOfNode(node, 'Ready')
    ? world.unchangedMs(corev1.nodes, node)
    : nowMs - timeMs(node.metadata?.creationTimestamp);
  return lease ? Math.min(reportedMs, world.unchangedMs(coordinationv1.leases, lease)) : reportedMs;
}

function markPodsNotReady(pods: readonly corev1.Pod[], nowMs: number): Action[] {
  const writes = pods
    .filter((pod) => isReady(pod) && !isDeleting(pod))
    .map((pod) => {
      const condition = { type: 'Ready', status: 'False', lastTransitionTime: timeText(nowMs) };
      return patch(corev1.pods, pod, 'strategic', { status: { conditions: [condition] } }, 'its node is not ready', {
        subresource: 'status',
        ...tolerant,
      });
    });
  return writes.length > 0 ? [atOnce(writes)] : [];
}

export const nodeLifecycleController = defineController<corev1.Node>({
  name: 'node-controller',
  for: corev1.nodes,
  reads: [coordinationv1.leases],
  observes: [
    { type: corev1.nodes, value: (node: corev1.Node) => conditionOfNode(node, 'Ready')?.lastHeartbeatTime },
    { type: coordinationv1.leases, value: (lease: coordinationv1.Lease) => lease.spec?.renewTime },
  ],
  indices: [{ type: corev1.pods, name: BY_NODE, keysOf: (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []) }],
  watches: [
    {
      // Only the first renewal after a silence matters.
      type: coordinationv1.leases,
      keys: (lease, snapshot) => {
        if (namespaceOf(lease) !== LEASE_NAMESPACE) return [];
        const node = snapshot.get(corev1.nodes, nameOf(lease));
        return node && conditionOfNode(node, 'Ready')?.status === 'Unknown' ? [`/${nameOf(lease)}`] : [];
      },
    },
  ],
  plan(world, nowMs) {
    const node = world.object;
    const name = nameOf(node);
    const ready = conditionOfNode(node, 'Ready');
    // A lease renewed while the node is healthy changes nothing here: the timer that is set looks again by itself.
    const leftMs = (ready ? GRACE_MS : STARTUP_GRACE_MS) - silentMs(world, nowMs);
    const actions: Action[] = [];
    if (leftMs <= 0) {
      const conditions = unknownConditions(node, nowMs);
      if (conditions) {
        if (ready?.status === 'True') actions.push(normal('NodeNotReady', `Node ${name} status is now: NodeNotReady`));
        const changed = { ...node, status: { ...node.status, conditions } };
        return [
          updateStatus(corev1.nodes, changed, 'no heartbeat', tolerant),
          ...actions,
          ...markPodsNotReady(world.byIndex(corev1.pods, BY_NODE, name), nowMs),
        ];
      }
    } else actions.push(wakeAt(nowMs + leftMs, 'the next heartbeat is due'));
    if (ready && ready.status !== 'True') actions.push(...markPodsNotReady(world.byIndex(corev1.pods, BY_NODE, name), nowMs));
    const taints = taintsFor(node, nowMs);
    if (taints !== node.spec?.taints && !(taints.length === 0 && !node.spec?.taints)) {
      const body = { metadata: { resourceVersion: node.metadata?.resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } };
      actions.push(patch(corev1.nodes, node, 'merge', body, 'its conditions ask for other taints', { tolerate: isNotFound }));
    }
    return actions;
  },
});
