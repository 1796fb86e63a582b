// Removes pods that nobody else will: on nodes that are gone, terminating before they were scheduled, or stuck on nodes
// that are out of service (pkg/controller/podgc).
import { corev1, timeText } from '@tiphys/api';
import { isConflict, isNotFound } from '@tiphys/machinery';
import { isTerminal } from '../pods/pod-state.ts';
import { type Action, note, patch, remove, wakeAt } from '../runtime/actions.ts';
import { defineController, type World } from '../runtime/controller.ts';
import { isDeleting, keyOf, nameOf, uidOf } from '../runtime/objects.ts';

/** A node must be missing for so long before its pods are given up. */
export const QUARANTINE_MS = 40_000;
const BY_NODE = 'node';
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

type Reason = { because: string; condition?: { reason: string; message: string } };

const isNodeReady = (node: corev1.Node) =>
  node.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;

function reasonToGo(world: World<corev1.Pod>): Reason | undefined {
  const pod = world.object;
  if (!pod.spec?.nodeName) return isDeleting(pod) ? { because: 'it is terminating and was never scheduled' } : undefined;
  const node = world.get(corev1.nodes, pod.spec.nodeName);
  if (!node) return { because: 'its node is gone', condition: { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' } };
  if (isDeleting(pod) && !isNodeReady(node) && node.spec?.taints?.some((taint) => taint.key === OUT_OF_SERVICE))
    return { because: 'its node is out of service' };
  return undefined;
}

/** Since when the node is known to be missing, by a clock that nobody sets; from now on, when that is news. */
const missingSinceMs = (world: World<corev1.Pod>): number =>
  (world.note(world.object.spec!.nodeName!) as number | undefined) ?? world.monotonicMs;

export const podGcController = defineController<corev1.Pod>({
  name: 'pod-garbage-collector',
  for: corev1.pods,
  triggers: (pod, old) => pod.spec?.nodeName !== old?.spec?.nodeName || isDeleting(pod) !== (old !== undefined && isDeleting(old)),
  indices: [{ type: corev1.pods, name: BY_NODE, keysOf: (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []) }],
  watches: [
    {
      type: corev1.nodes,
      keys: (node, snapshot, { gone, old }) => {
        const taintsChanged = JSON.stringify(node.spec?.taints) !== JSON.stringify(old?.spec?.taints);
        return gone || taintsChanged ? snapshot.byIndex(corev1.pods, BY_NODE, nameOf(node)).map(keyOf) : [];
      },
    },
  ],
  plan(world, nowMs) {
    const pod = world.object;
    const reason = reasonToGo(world);
    const { nodeName } = pod.spec!;
    if (!reason) return nodeName && world.note(nodeName) !== undefined ? [note(nodeName, undefined)] : [];
    if (reason.condition) {
      const sinceMs = missingSinceMs(world);
      const leftMs = sinceMs + QUARANTINE_MS - world.monotonicMs;
      if (leftMs > 0) return [note(nodeName!, sinceMs), wakeAt(nowMs + leftMs, 'its node may still appear')];
    }
    const tolerate = (error: unknown) => isNotFound(error) || isConflict(error);
    const actions: Action[] = [];
    if (!isTerminal(pod)) {
      const conditions = reason.condition
        ? [{ type: 'DisruptionTarget', status: 'True', lastTransitionTime: timeText(nowMs), ...reason.condition }]
        : [];
      actions.push(
        patch(corev1.pods, pod, 'strategic', { status: { phase: 'Failed', conditions } }, reason.because, {
          subresource: 'status',
          tolerate,
        }),
      );
    }
    return [
      ...actions,
      remove(corev1.pods, pod, reason.because, { options: { gracePeriodSeconds: 0, preconditions: { uid: uidOf(pod) } }, tolerate }),
    ];
  },
});
