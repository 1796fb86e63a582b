// Deletes pods from nodes whose NoExecute taints they don't tolerate, at once or when their toleration ends
// (pkg/controller/tainteviction).
import { corev1, timeText } from '@tiphys/api';
import { isConflict, isNotFound, tolerates } from '@tiphys/machinery';
import { isTerminal } from '../pods/pod-state.ts';
import { normal, patch, remove, wakeAt } from '../runtime/actions.ts';
import { defineController } from '../runtime/controller.ts';
import { isDeleting, keyOf, nameOf, timeMs, uidOf } from '../runtime/objects.ts';

const BY_NODE = 'node';

const noExecute = (node: corev1.Node | undefined): corev1.Taint[] =>
  (node?.spec?.taints ?? []).filter((taint) => taint.effect === 'NoExecute');

/** When the pod has to go: now, later, or never (undefined). The shortest toleration counts. */
export function evictionMs(pod: corev1.Pod, taints: readonly corev1.Taint[], nowMs: number): number | undefined {
  let earliest: number | undefined;
  for (const taint of taints) {
    const matching = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    if (matching.length === 0) return nowMs;
    const since = taint.timeAdded ? timeMs(taint.timeAdded) : nowMs;
    for (const { tolerationSeconds } of matching) {
      if (tolerationSeconds === undefined) continue;
      const at = since + Math.max(0, tolerationSeconds) * 1000;
      if (earliest === undefined || at < earliest) earliest = at;
    }
  }
  return earliest;
}

export const taintEvictionController = defineController<corev1.Pod>({
  // Upstream has it act by the role of the node controller.
  name: 'node-controller',
  eventSource: 'taint-eviction-controller',
  for: corev1.pods,
  triggers: (pod, old) =>
    pod.spec?.nodeName !== old?.spec?.nodeName || JSON.stringify(pod.spec?.tolerations) !== JSON.stringify(old?.spec?.tolerations),
  indices: [{ type: corev1.pods, name: BY_NODE, keysOf: (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []) }],
  watches: [
    {
      type: corev1.nodes,
      keys: (node, snapshot, { old }) => {
        if (JSON.stringify(noExecute(node)) === JSON.stringify(noExecute(old))) return [];
        return snapshot.byIndex(corev1.pods, BY_NODE, nameOf(node)).map(keyOf);
      },
    },
  ],
  plan(world, nowMs) {
    const pod = world.object;
    if (!pod.spec?.nodeName || isDeleting(pod) || isTerminal(pod)) return [];
    const taints = noExecute(world.get(corev1.nodes, pod.spec.nodeName));
    if (taints.length === 0) return [];
    const atMs = evictionMs(pod, taints, nowMs);
    if (atMs === undefined) return [];
    if (atMs > nowMs) return [wakeAt(atMs, 'its toleration ends')];
    const condition: corev1.PodCondition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
      lastTransitionTime: timeText(nowMs),
    };
    const tolerate = (error: unknown) => isNotFound(error) || isConflict(error);
    return [
      normal('TaintManagerEviction', `Marking for deletion Pod ${pod.metadata?.namespace}/${nameOf(pod)}`),
      patch(corev1.pods, pod, 'strategic', { status: { conditions: [condition] } }, 'says why it goes', {
        subresource: 'status',
        tolerate,
      }),
      remove(corev1.pods, pod, 'a NoExecute taint is not tolerated', { options: { preconditions: { uid: uidOf(pod) } }, tolerate }),
    ];
  },
});
