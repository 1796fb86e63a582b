// Asks CSI drivers to attach and detach volumes by VolumeAttachments, and tells nodes what is attached
// (pkg/controller/volume/attachdetach).
import { corev1, storagev1 } from '@tiphys/api';
import { isAlreadyExists, isNotFound } from '@tiphys/machinery';
import { semanticEqual } from '../equality.ts';
import { type Action, create, normal, patch, remove, wakeAt, warning } from '../runtime/actions.ts';
import { type Controller, defineController, type Snapshot, type World } from '../runtime/controller.ts';
import { keyOf, nameOf, uidOf } from '../runtime/objects.ts';
import {
  type Attachment,
  attachmentName,
  BY_NODE,
  isAttachmentName,
  isExclusive,
  isManaged,
  uniqueNameOf,
  volumeOf,
  type Wanted,
  wantedOn,
} from './attachments.ts';

const NAME = 'attachdetach-controller';
const SOURCE = 'attachdetach-controller';
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';
/** A node that is not well has so long to let go of a volume. */
export const UNMOUNT_MS = 6 * 60_000;

const BY_VOLUME = 'persistent-volume';

const podIndex = { type: corev1.pods, name: BY_NODE, keysOf: (pod: corev1.Pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []) };
const attachmentsByNode = {
  type: storagev1.volumeattachments,
  name: BY_NODE,
  keysOf: ({ spec }: Attachment) => (spec?.nodeName ? [spec.nodeName] : []),
};
const attachmentsByVolume = {
  type: storagev1.volumeattachments,
  name: BY_VOLUME,
  keysOf: ({ spec }: Attachment) => (spec?.source?.persistentVolumeName ? [spec.source.persistentVolumeName] : []),
};

const about = (one: Wanted, event: (pod: corev1.Pod) => Action) => one.pods.map(event);
const typedPod = (pod: corev1.Pod): corev1.Pod => ({ ...pod, apiVersion: 'v1', kind: 'Pod' });

function attach(one: Wanted, node: string, world: Snapshot): Action[] {
  const { volume } = one;
  const others = world.byIndex(storagev1.volumeattachments, BY_VOLUME, nameOf(volume)).filter(({ spec }) => spec?.nodeName !== node);
  if (isExclusive(volume) && others.length > 0) {
    const message = `Multi-Attach error for volume ${JSON.stringify(nameOf(volume))} Volume is already exclusively attached to one node and can't be attached to another`;
    return about(one, (pod) => warning('FailedAttachVolume', message, typedPod(pod)));
  }
  const attachment: Attachment = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttachment',
    metadata: { name: attachmentName(volume, node) },
    spec: { attacher: volume.spec!.csi!.driver, nodeName: node, source: { persistentVolumeName: nameOf(volume) } },
  };
  return [create(storagev1.volumeattachments, attachment, `a pod on ${node} needs it`, { tolerate: isAlreadyExists })];
}

function told(one: Wanted, attachment: Attachment, reported: ReadonlySet<string>): Action[] {
  const name = JSON.stringify(nameOf(one.volume));
  const { attached, attachError } = attachment.status ?? {};
  if (attached) {
    if (reported.has(one.uniqueName)) return [];
    return about(one, (pod) => normal('SuccessfulAttachVolume', `AttachVolume.Attach succeeded for volume ${name} `, typedPod(pod)));
  }
  if (!attachError) return [];
  const message = `AttachVolume.Attach failed for volume ${name} : ${attachError.message ?? ''}`;
  return about(one, (pod) => warning('FailedAttachVolume', message, typedPod(pod)));
}

const reportedOn = (node: corev1.Node) => new Set((node.status?.volumesAttached ?? []).map(({ name }) => name));

function planNode(world: World<corev1.Node>): readonly Action[] {
  const node = world.object;
  if (!isManaged(node)) return [];
  const wanted = wantedOn(nameOf(node), world);
  const attachments = new Map(world.byIndex(storagev1.volumeattachments, BY_NODE, nameOf(node)).map((each) => [nameOf(each), each]));
  const reported = reportedOn(node);
  const actions: Action[] = [];
  const attached: corev1.AttachedVolume[] = [];
  for (const one of wanted.values()) {
    const attachment = attachments.get(one.name);
    if (!attachment) actions.push(...attach(one, nameOf(node), world));
    else {
      actions.push(...told(one, attachment, reported));
      if (attachment.status?.attached) attached.push({ name: one.uniqueName, devicePath: '' });
    }
  }
  attached.sort((a, b) => (a.name < b.name ? -1 : 1));
  if (
    semanticEqual(
      [...reported].sort(),
      attached.map(({ name }) => name),
    )
  )
    return actions;
  const body = { status: { volumesAttached: attached } };
  return [
    ...actions,
    patch(corev1.nodes, node, 'merge', body, 'what is attached has changed', { subresource: 'status', tolerate: isNotFound }),
  ];
}

const isWell = (node: corev1.Node) => node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

/** Detaches what no pod on the node needs: once the node has let go, or is given up. */
function planAttachment(world: World<Attachment>, nowMs: number): readonly Action[] {
  const attachment = world.object;
  if (attachment.metadata?.deletionTimestamp || !isAttachmentName(nameOf(attachment))) return [];
  const node = world.get(corev1.nodes, attachment.spec?.nodeName ?? '');
  const gone = remove(storagev1.volumeattachments, attachment, 'no pod on its node needs it', {
    options: { preconditions: { uid: uidOf(attachment) } },
  });
  if (!node) return [gone];
  if (!isManaged(node) || wantedOn(nameOf(node), world).has(nameOf(attachment))) return [];
  const volume = volumeOf(attachment, world);
  const inUse = volume !== undefined && (node.status?.volumesInUse ?? []).includes(uniqueNameOf(volume));
  if (inUse && !node.spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE)) {
    if (isWell(node)) return [];
    const sinceMs = (world.note(uidOf(attachment)) as number | undefined) ?? nowMs;
    if (nowMs < sinceMs + UNMOUNT_MS)
      return [{ do: 'note', key: uidOf(attachment), value: sinceMs }, wakeAt(sinceMs + UNMOUNT_MS, 'its node may still let go')];
  }
  // The node must hear that it may not mount it any more before the driver takes it away.
  if (volume && reportedOn(node).has(uniqueNameOf(volume))) return [];
  return [gone];
}

/** Its node, when the pod has volumes that might be attached there. */
function nodeNames({ spec }: corev1.Pod): string[] {
  const claims = spec?.volumes?.some(({ persistentVolumeClaim, ephemeral }) => persistentVolumeClaim || ephemeral);
  return claims && spec?.nodeName ? [spec.nodeName] : [];
}

const attacher = defineController<corev1.Node>({
  name: NAME,
  eventSource: SOURCE,
  for: corev1.nodes,
  // Not for heartbeats.
  triggers: (node, old) =>
    isManaged(node) && (!old || !isManaged(old) || !semanticEqual(node.status?.volumesAttached, old.status?.volumesAttached)),
  reads: [corev1.persistentvolumes, storagev1.csidrivers],
  indices: [podIndex, attachmentsByNode, attachmentsByVolume],
  watches: [
    { type: corev1.pods, keys: (pod) => nodeNames(pod).map((name) => `/${name}`) },
    {
      type: corev1.persistentvolumeclaims,
      keys: (claim, snapshot) =>
        snapshot
          .list(corev1.nodes)
          .filter((node) => isManaged(node) && usesClaim(node, claim, snapshot))
          .map(keyOf),
    },
    {
      type: storagev1.volumeattachments,
      keys: (attachment: Attachment, snapshot, { gone }) => {
        const own = attachment.spec?.nodeName ? [`/${attachment.spec.nodeName}`] : [];
        // Somebody else may wait for the volume.
        return gone ? snapshot.list(corev1.nodes).filter(isManaged).map(keyOf) : own;
      },
    },
  ],
  plan: planNode,
});

const usesClaim = (node: corev1.Node, claim: corev1.PersistentVolumeClaim, snapshot: Snapshot) =>
  snapshot
    .byIndex(corev1.pods, BY_NODE, nameOf(node))
    .some((pod) => pod.spec?.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === nameOf(claim)));

const detacher = defineController<Attachment>({
  name: NAME,
  eventSource: SOURCE,
  for: storagev1.volumeattachments,
  reads: [corev1.persistentvolumes, corev1.persistentvolumeclaims, storagev1.csidrivers],
  indices: [podIndex, attachmentsByNode, attachmentsByVolume],
  watches: [
    {
      type: corev1.nodes,
      keys: (node, snapshot) => snapshot.byIndex(storagev1.volumeattachments, BY_NODE, nameOf(node)).map(keyOf),
    },
    {
      type: corev1.pods,
      keys: (pod: corev1.Pod, snapshot) =>
        nodeNames(pod).flatMap((name) => snapshot.byIndex(storagev1.volumeattachments, BY_NODE, name).map(keyOf)),
    },
  ],
  plan: planAttachment,
});

export const attachDetachControllers: readonly Controller[] = [attacher, detacher];
