// Which volumes have to be attached to which node (pkg/controller/volume/attachdetach; pkg/volume/csi). Only CSI volumes are
// attached by the control plane; their drivers do the work and answer in the VolumeAttachment.
import { createHash } from 'node:crypto';
import { corev1, storagev1 } from '@tiphys/api';
import { isTerminal } from '../pods/pod-state.ts';
import type { Snapshot } from '../runtime/controller.ts';
import { annotationsOf, nameOf, namespaceOf } from '../runtime/objects.ts';

export const BY_NODE = 'node';
const MANAGED = 'volumes.kubernetes.io/controller-managed-attach-detach';
const KEEPS = 'volumes.kubernetes.io/keep-terminated-pod-volumes';

export type Attachment = storagev1.VolumeAttachment;

export interface Wanted {
  /** Name of the VolumeAttachment. */
  name: string;
  volume: corev1.PersistentVolume;
  /** As node status has it. */
  uniqueName: string;
  pods: corev1.Pod[];
}

/** The node leaves attaching to the control plane. */
export const isManaged = (node: corev1.Node): boolean => annotationsOf(node)[MANAGED] === 'true';

export const uniqueNameOf = (volume: corev1.PersistentVolume): string =>
  `kubernetes.io/csi/${volume.spec?.csi?.driver}^${volume.spec?.csi?.volumeHandle}`;

export function attachmentName(volume: corev1.PersistentVolume, node: string): string {
  const { volumeHandle = '', driver = '' } = volume.spec?.csi ?? {};
  return `csi-${createHash('sha256').update(`${volumeHandle}${driver}${node}`).digest('hex')}`;
}

/** Others may make attachments under any other name; those are theirs to delete. */
export const isAttachmentName = (name: string): boolean => /^csi-[0-9a-f]{64}$/.test(name);

function volumesOf(pod: corev1.Pod, snapshot: Snapshot): corev1.PersistentVolume[] {
  return (pod.spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    const claimName = persistentVolumeClaim?.claimName ?? (ephemeral ? `${nameOf(pod)}-${name}` : undefined);
    const claim = claimName === undefined ? undefined : snapshot.get(corev1.persistentvolumeclaims, claimName, namespaceOf(pod));
    if (claim?.status?.phase !== 'Bound') return [];
    const volume = snapshot.get(corev1.persistentvolumes, claim.spec?.volumeName ?? '');
    return volume?.spec?.csi ? [volume] : [];
  });
}

function mustAttach(volume: corev1.PersistentVolume, snapshot: Snapshot): boolean {
  return snapshot.get(storagev1.csidrivers, volume.spec!.csi!.driver)?.spec?.attachRequired !== false;
}

/** What the node's pods need, by attachment name. A pod that has ended needs nothing, unless its node keeps it so. */
export function wantedOn(node: string, snapshot: Snapshot): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>();
  const keeps = annotationsOf(snapshot.get(corev1.nodes, node) ?? {})[KEEPS] === 'true';
  for (const pod of snapshot.byIndex(corev1.pods, BY_NODE, node)) {
    if (isTerminal(pod) && !keeps) continue;
    for (const volume of volumesOf(pod, snapshot)) {
      if (!mustAttach(volume, snapshot)) continue;
      const name = attachmentName(volume, node);
      const one = wanted.get(name) ?? { name, volume, uniqueName: uniqueNameOf(volume), pods: [] };
      one.pods.push(pod);
      wanted.set(name, one);
    }
  }
  return wanted;
}

/** Only one node at a time may have it. */
export const isExclusive = ({ spec }: corev1.PersistentVolume): boolean =>
  !(spec?.accessModes ?? []).some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany');

export const volumeOf = (attachment: Attachment, snapshot: Snapshot): corev1.PersistentVolume | undefined =>
  snapshot.get(corev1.persistentvolumes, attachment.spec?.source?.persistentVolumeName ?? '');
