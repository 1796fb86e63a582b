// Makes the claims of pods' ephemeral volumes (pkg/controller/volume/ephemeral, KEP-1698). They go with their pod.
import { corev1 } from '@tiphys/api';
import { isAlreadyExists } from '@tiphys/machinery';
import { type Action, create } from '../runtime/actions.ts';
import { defineController } from '../runtime/controller.ts';
import { controllerOf, controllerReference, isDeleting, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';

export const ephemeralVolumeController = defineController<corev1.Pod>({
  name: 'ephemeral-volume-controller',
  eventSource: 'ephemeral_volume',
  for: corev1.pods,
  triggers: (pod, old) => old === undefined && (pod.spec?.volumes ?? []).some(({ ephemeral }) => ephemeral),
  watches: [
    {
      type: corev1.persistentvolumeclaims,
      keys: (claim, _snapshot, { gone }) => {
        const owner = controllerOf(claim);
        return gone && owner?.kind === 'Pod' ? [`${namespaceOf(claim)}/${owner.name}`] : [];
      },
    },
  ],
  plan({ object: pod, get }) {
    if (isDeleting(pod)) return [];
    return (pod.spec?.volumes ?? []).flatMap(({ name, ephemeral }): Action[] => {
      if (!ephemeral?.volumeClaimTemplate) return [];
      const claimName = `${nameOf(pod)}-${name}`;
      const existing = get(corev1.persistentvolumeclaims, claimName, namespaceOf(pod));
      if (existing) {
        if (controllerOf(existing)?.uid === uidOf(pod)) return [];
        const message = `PVC ${namespaceOf(pod)}/${claimName} was not created for pod ${namespaceOf(pod)}/${nameOf(pod)} (pod is not owner)`;
        return [{ do: 'event', type: 'Warning', reason: 'ConflictingPVC', message }];
      }
      const { metadata, spec } = ephemeral.volumeClaimTemplate;
      const claim: corev1.PersistentVolumeClaim = {
        metadata: {
          name: claimName,
          namespace: namespaceOf(pod),
          ownerReferences: [controllerReference(corev1.pods, pod)],
          ...(metadata?.annotations ? { annotations: metadata.annotations } : {}),
          ...(metadata?.labels ? { labels: metadata.labels } : {}),
        },
        spec,
      };
      return [create(corev1.persistentvolumeclaims, claim, 'a volume of the pod needs it', { tolerate: isAlreadyExists })];
    });
  },
});
