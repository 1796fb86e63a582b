// VolumeBinding: nodes where the pod's claims are, or can be, bound; binds them before the pod (plugins/volumebinding).
import { isRefusal, type Plugin, type Snapshot } from '../framework/plugin.ts';
import type { VolumeBinder } from '../volumes/volume-binder.ts';
import { decideVolumes, type PodVolumes, podVolumes } from '../volumes/volume-binding.ts';
import type { NodeInfo, PodInfo } from '../world/infos.ts';

interface State {
  volumes: PodVolumes;
  snapshot: Snapshot;
}

/** Without a binder it only judges. */
export function volumeBinding(binder?: VolumeBinder): Plugin<State> {
  return {
    name: 'VolumeBinding',
    events: { VolumeChanged: true, ClaimChanged: true, NodeAdded: true, NodeUpdated: true },
    preFilter: ({ pod }, snapshot) => {
      const volumes = podVolumes(pod, snapshot);
      if (!volumes) return { skip: true };
      return isRefusal(volumes) ? { refusal: volumes } : { state: { volumes, snapshot } };
    },
    filter: (_pod, { node }, { volumes, snapshot }) => {
      const decided = decideVolumes(volumes, node, snapshot, snapshot.promisedVolumes);
      return isRefusal(decided) ? decided : undefined;
    },
    reserve: ({ pod }: PodInfo, { node, name }: NodeInfo, snapshot: Snapshot) => {
      const volumes = podVolumes(pod, snapshot);
      if (!binder || !volumes || isRefusal(volumes) || volumes.waiting.length === 0) return undefined;
      const decided = decideVolumes(volumes, node, snapshot, snapshot.promisedVolumes);
      return isRefusal(decided) ? decided : binder.reserve(decided, name);
    },
  };
}
