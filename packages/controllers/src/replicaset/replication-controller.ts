// The same for ReplicationControllers, whose selector is a plain map (pkg/controller/replication).
import { corev1 } from '@tiphys/api';
import { labelsMatcher } from '@tiphys/machinery';
import { isTerminal, type Pod } from '../pods/pod-state.ts';
import { defineController } from '../runtime/controller.ts';
import { planReplicas, type ReplicaOwner } from './replicas.ts';

export const replicationController = defineController<corev1.ReplicationController>({
  name: 'replication-controller',
  for: corev1.replicationcontrollers,
  owns: [
    {
      type: corev1.pods,
      matches: ({ spec }) => {
        const selector = spec?.selector ?? {};
        if (Object.keys(selector).length === 0) return undefined;
        const matcher = labelsMatcher(selector);
        return (pod: Pod) => matcher.matches(pod.metadata?.labels);
      },
      considered: (pod: Pod) => !isTerminal(pod) && pod.metadata?.deletionTimestamp === undefined,
    },
  ],
  plan: (world, nowMs) =>
    planReplicas<ReplicaOwner>(
      {
        type: corev1.replicationcontrollers,
        object: world.object as ReplicaOwner,
        pods: world.owned(corev1.pods),
        related: () => world.owned(corev1.pods),
        countsTerminating: false,
      },
      nowMs,
    ),
});
