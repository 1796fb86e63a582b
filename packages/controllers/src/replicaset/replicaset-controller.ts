// Keeps as many pods as a ReplicaSet asks for (pkg/controller/replicaset).
import { appsv1, corev1 } from '@tiphys/api';
import { isTerminal, type Pod } from '../pods/pod-state.ts';
import { matchesSelector } from '../pods/selectors.ts';
import { defineController, type World } from '../runtime/controller.ts';
import { controllerOf, uidOf } from '../runtime/objects.ts';
import { planReplicas } from './replicas.ts';

/** Pods of all ReplicaSets that the same Deployment controls. */
function relatedPods(world: World<appsv1.ReplicaSet>): readonly Pod[] {
  const owner = controllerOf(world.object);
  const siblings = owner ? world.controlledBy(appsv1.replicasets, owner.uid) : [world.object];
  return siblings.flatMap((sibling) => world.controlledBy(corev1.pods, uidOf(sibling)));
}

export const replicaSetController = defineController<appsv1.ReplicaSet>({
  name: 'replicaset-controller',
  for: appsv1.replicasets,
  owns: [
    {
      type: corev1.pods,
      matches: (set) => matchesSelector(set.spec?.selector),
      // Finished pods stay with whoever owns them.
      considered: (pod: Pod) => !isTerminal(pod) && pod.metadata?.deletionTimestamp === undefined,
    },
  ],
  plan: (world, nowMs) =>
    planReplicas(
      {
        type: appsv1.replicasets,
        object: world.object,
        pods: world.owned(corev1.pods),
        related: () => relatedPods(world),
        countsTerminating: true,
      },
      nowMs,
    ),
});
