// Deletes pods from nodes whose NoExecute taints they don't tolerate, at once or when their toleration ends
// (pkg/controller/tainteviction).
import { corev1, timeText } from '@tiphys/api';
import { isConflict, isNotFound, tolerates } from '@tiphys/machinery';
import { isTerminal } from '../pods/pod-state.ts';
import { type Action, normal, note, patch, remove, wakeAt } from '../runtime/actions.ts';
import { defineController } from '../runtime/controller.ts';
import { isDeleting, keyOf, nameOf, uidOf } from '../runtime/objects.ts';

const BY_NODE = 'node';

const noExecute = (node: corev1.Node | undefined): corev1.Taint[] =>
  (node?.spec?.taints ?? []).filter((taint) => taint.effect === 'NoExecute');

/**
 * For how many seconds the pod tolerates the taints: the shortest time of the tolerations that come first for each; Infinity for ever,
 * undefined when one is not tolerated.
 */
export function toleratedSeconds(tolerations: readonly corev1.Toleration[], taints: readonly corev1.Taint[]): number | undefined {
  let shortest = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    const first = tolerations.find((toleration) => tolerates(toleration, taint));
    if (!first) return undefined;
    shortest = Math.min(shortest, Math.max(0, first.tolerationSeconds ?? Number.POSITIVE_INFINITY));
  }
  return shortest;
}

const textOf = (pod: corev1.Pod) => `${pod.metadata?.namespace}/${nameOf(pod)}`;

function evict(pod: corev1.Pod, nowMs: number): Action[] {
  const condition: corev1.PodCondition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: timeText(nowMs),
  };
  const tolerate = (error: unknown) => isNotFound(error) || isConflict(error);
  return [
    normal('TaintManagerEviction', `Marking for deletion Pod ${textOf(pod)}`),
    patch(corev1.pods, pod, 'strategic', { status: { conditions: [condition] } }, 'says why it goes', { subresource: 'status', tolerate }),
    remove(corev1.pods, pod, 'a NoExecute taint is not tolerated', { options: { preconditions: { uid: uidOf(pod) } }, tolerate }),
    note(uidOf(pod), undefined),
  ];
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
    // Counted from when the taints were first seen with the pod. What is set stays set whatever becomes of tolerations, until it is cancelled.
    const set = world.note(uidOf(pod)) as number | undefined;
    const seconds = toleratedSeconds(pod.spec.tolerations ?? [], taints);
    const cancelled =
      set === undefined ? [] : [note(uidOf(pod), undefined), normal('TaintManagerEviction', `Cancelling deletion of Pod ${textOf(pod)}`)];
    if (seconds === undefined) return [...cancelled, ...evict(pod, nowMs)];
    if (seconds === Number.POSITIVE_INFINITY) return cancelled;
    const atMs = set ?? nowMs + seconds * 1000;
    if (atMs <= nowMs) return evict(pod, nowMs);
    return [...(set === undefined ? [note(uidOf(pod), atMs)] : []), wakeAt(atMs, 'its toleration ends')];
  },
});
