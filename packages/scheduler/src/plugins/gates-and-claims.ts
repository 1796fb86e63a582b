// Plugins about things beside the pod: scheduling gates and the volumes of its claims.
import type { corev1 } from '@tiphys/api';
import type { Plugin, Snapshot } from '../framework.ts';
import { decideVolumes, isRefusal, type PodVolumes, podVolumes } from '../volume-binding.ts';

export const volumeBinding: Plugin<{ volumes: PodVolumes; snapshot: Snapshot }> = {
  name: 'VolumeBinding',
  events: ['VolumeChanged', 'NodeAdded', 'NodeUpdated'],
  preFilter: ({ pod }, snapshot) => {
    const volumes = podVolumes(pod, snapshot);
    if (!volumes) return { skip: true };
    if (isRefusal(volumes)) return { refusal: volumes };
    return { state: { volumes, snapshot } };
  },
  filter: (_pod, { node }, { volumes, snapshot }) => {
    const decided = decideVolumes(volumes, node, snapshot, snapshot.promisedVolumes);
    return Array.isArray(decided) ? undefined : decided;
  },
};

/** A gated pod is not queued at all; see queue.ts. */
export const isGated = (pod: corev1.Pod): boolean => (pod.spec?.schedulingGates?.length ?? 0) > 0;
