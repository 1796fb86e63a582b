// Removes pods that nobody else will: on nodes that are gone, terminating before they were scheduled, or stuck on nodes
// that are out of service (pkg/controller/podgc).
import { corev1, timeText } from '@tiphys/api';
import { isConflict, isNotFound } from '@tiphys/machinery';
import { isTerminal } from '../pods/pod-state.ts';
import { type Action, note, patch, remove, wakeAt } from '../runtime/actions.ts';
import { defineController, type World } from '../runtime/controller.ts';
import { isDeleting, keyOf, nameOf, timeMs, uidOf } from '../runtime/objects.ts';

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

/**
 * Nobody tells when a node went away; the pod's own age bounds how long it can have been missing. The clock may have been set back
 * since the pod was made: then it counts from now.
 */
function missingSinceMs(world: World<corev1.Pod>, nowMs: number): number {
  const bornMs = timeMs(world.object.metadata?.creationTimestamp);
  if (bornMs <= nowMs) return bornMs;
  const notedMs = world.note(uidOf(world.object)) as number | undefined;
  return notedMs !== undefined && notedMs <= nowMs ? notedMs : nowMs;
}

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
    if (!reason) return [];
    const sinceMs = missingSinceMs(world, nowMs);
    if (reason.condition && nowMs - sinceMs < QUARANTINE_MS)
      return [note(uidOf(pod), sinceMs), wakeAt(sinceMs + QUARANTINE_MS, 'its node may still appear')];
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
