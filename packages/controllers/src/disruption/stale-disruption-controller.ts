// Takes back a pod's DisruptionTarget condition when the disruption did not come (pkg/controller/disruption
// syncStalePodDisruption).
import { corev1, timeText } from '@tiphys/api';
import { isConflict, isNotFound } from '@tiphys/machinery';
import { isTerminal, podCondition } from '../pods/pod-state.ts';
import { patch, wakeAt } from '../runtime/actions.ts';
import { defineController } from '../runtime/controller.ts';
import { isDeleting, timeMs } from '../runtime/objects.ts';

export const STALE_MS = 120_000;
const BY_KUBELET = 'TerminationByKubelet';

export const staleDisruptionController = defineController<corev1.Pod>({
  name: 'disruption-controller',
  for: corev1.pods,
  triggers: (pod) => podCondition(pod, 'DisruptionTarget')?.status === 'True',
  plan({ object: pod }, nowMs) {
    const condition = podCondition(pod, 'DisruptionTarget');
    if (condition?.status !== 'True' || condition.reason === BY_KUBELET || isDeleting(pod) || isTerminal(pod)) return [];
    const staleMs = timeMs(condition.lastTransitionTime) + STALE_MS;
    if (staleMs > nowMs) return [wakeAt(staleMs, 'the disruption should have come by then')];
    const cleared = { type: 'DisruptionTarget', status: 'False', reason: null, message: null, lastTransitionTime: timeText(nowMs) };
    const body = { metadata: { resourceVersion: pod.metadata?.resourceVersion }, status: { conditions: [cleared] } };
    const tolerate = (error: unknown) => isNotFound(error) || isConflict(error);
    return [patch(corev1.pods, pod, 'strategic', body, 'the disruption did not come', { subresource: 'status', tolerate })];
  },
});
