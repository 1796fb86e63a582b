// Plugins about things beside the pod: scheduling gates and the volumes its claims are bound to.

import type { corev1 } from '@tiphys/api';
import { matchesNodeSelector } from '@tiphys/machinery';
import { type Plugin, refuse } from '../framework.ts';

/** Claims of the pod, by name; generic ephemeral volumes have claims named after the pod. */
function claimNames(pod: corev1.Pod): string[] {
  return (pod.spec!.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim) return [volume.persistentVolumeClaim.claimName];
    return volume.ephemeral ? [`${pod.metadata!.name}-${volume.name}`] : [];
  });
}

export const volumeBinding: Plugin<readonly corev1.PersistentVolume[]> = {
  name: 'VolumeBinding',
  events: ['VolumeChanged', 'NodeAdded', 'NodeUpdated'],
  preFilter: ({ pod }, snapshot) => {
    const names = claimNames(pod);
    if (names.length === 0) return { skip: true };
    const volumes: corev1.PersistentVolume[] = [];
    for (const name of names) {
      const claim = snapshot.claim(pod.metadata!.namespace!, name);
      if (!claim) return { refusal: refuse([`persistentvolumeclaim "${name}" not found`], true) };
      if (claim.metadata?.deletionTimestamp) return { refusal: refuse([`persistentvolumeclaim "${name}" is being deleted`], true) };
      if (claim.status?.phase === 'Lost')
        return {
          refusal: refuse([`persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName}"`], true),
        };
      if (!claim.spec?.volumeName || claim.status?.phase !== 'Bound')
        return { refusal: refuse(['pod has unbound immediate PersistentVolumeClaims'], true) };
      const volume = snapshot.volume(claim.spec.volumeName);
      if (!volume) return { refusal: refuse(['node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)'], true) };
      if (volume.spec?.nodeAffinity?.required) volumes.push(volume);
    }
    return { state: volumes, skip: volumes.length === 0 };
  },
  filter: (_pod, { node }, volumes) =>
    volumes.every((volume) => matchesNodeSelector(volume.spec!.nodeAffinity!.required!, node))
      ? undefined
      : refuse(["node(s) didn't match PersistentVolume's node affinity"], true),
};

/** A gated pod is not queued at all; see queue.ts. */
export const isGated = (pod: corev1.Pod): boolean => (pod.spec?.schedulingGates?.length ?? 0) > 0;
