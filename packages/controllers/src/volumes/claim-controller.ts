// Finds claims their volumes, or has volumes made for them (pkg/controller/volume/persistentvolume syncClaim).
import { corev1, storagev1 } from '@tiphys/api';
import {
  annotationOf,
  claimClass,
  findMatchingVolume,
  isBoundTo,
  isDelayed,
  isFullyBound,
  NO_PROVISIONER,
  VOLUME_ANNOTATIONS,
  volumeClass,
  whyNotSatisfied,
} from '@tiphys/machinery';
import { type Action, normal, update, updateStatus, warning } from '../runtime/actions.ts';
import { defineController, type Snapshot, type World } from '../runtime/controller.ts';
import { keyOf, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';
import { bind } from './binding.ts';
import { assignDefaultClass } from './default-class.ts';

type Claim = corev1.PersistentVolumeClaim;

const { boundByController, selectedNode, storageProvisioner, storageProvisionerBeta } = VOLUME_ANNOTATIONS;
/** Claims by the pods that use them. */
const BY_CLAIM = 'claim';

const pending = (claim: Claim): Action[] =>
  claim.status?.phase === 'Pending'
    ? []
    : [updateStatus(corev1.persistentvolumeclaims, { ...claim, status: { ...claim.status, phase: 'Pending' } }, 'it has no volume yet')];

function lost(claim: Claim, reason: string, message: string): Action[] {
  if (claim.status?.phase === 'Lost') return [];
  const changed = { ...claim, status: { phase: 'Lost' } };
  return [
    updateStatus(corev1.persistentvolumeclaims, changed, 'its volume is gone', { whenDone: () => ({ type: 'Warning', reason, message }) }),
  ];
}

function waiting(world: World<Claim>): Action[] {
  const pods = world
    .byIndex(corev1.pods, BY_CLAIM, keyOf(world.object))
    .filter((pod) => !pod.spec?.nodeName)
    .map(nameOf)
    .sort();
  if (pods.length === 0) return [normal('WaitForFirstConsumer', 'waiting for first consumer to be created before binding')];
  const names = pods.length === 1 ? `pod ${pods[0]}` : `pods ${pods.join(',')}`;
  return [normal('WaitForPodScheduled', `waiting for ${names} to be scheduled`)];
}

/** Says who is to make the volume; that one does the rest. */
function provision(claim: Claim, storageClass: storagev1.StorageClass | undefined): Action[] {
  const className = claimClass(claim);
  if (!storageClass) return [warning('ProvisioningFailed', `storageclass.storage.k8s.io "${className}" not found`), ...pending(claim)];
  const { provisioner } = storageClass;
  if (provisioner === NO_PROVISIONER) {
    return [warning('ProvisioningFailed', `no volume plugin matched name: ${provisioner}`), ...pending(claim)];
  }
  const external = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  const event = normal('ExternalProvisioning', external);
  if (annotationOf(claim, storageProvisioner) === provisioner) return [event, ...pending(claim)];
  const annotations = { ...claim.metadata?.annotations, [storageProvisioner]: provisioner, [storageProvisionerBeta]: provisioner };
  const named = { ...claim, metadata: { ...claim.metadata, annotations } };
  return [update(corev1.persistentvolumeclaims, named, 'its class has volumes made'), event, ...pending(named)];
}

function planUnbound(world: World<Claim>): Action[] {
  const { object: claim } = world;
  const { volumeName } = claim.spec ?? {};
  if (volumeName) return planRequested(world, volumeName);
  const storageClass = world.get(storagev1.storageclasses, claimClass(claim));
  const delayed = isDelayed(storageClass);
  const match = findMatchingVolume(claim, world.list(corev1.persistentvolumes), { delayed });
  if (match) return bind(match, claim);
  const assigned = assignDefaultClass(claim, world);
  if (assigned) return [assigned];
  if (delayed && annotationOf(claim, selectedNode) === undefined) return [...waiting(world), ...pending(claim)];
  if (claimClass(claim) !== '') return provision(claim, storageClass);
  return [normal('FailedBinding', 'no persistent volumes available for this claim and no storage class is set'), ...pending(claim)];
}

function planRequested({ object: claim, get }: World<Claim>, volumeName: string): Action[] {
  const volume = get(corev1.persistentvolumes, volumeName);
  if (!volume) return pending(claim);
  if (!volume.spec?.claimRef) {
    const why = whyNotSatisfied(volume, claim);
    if (!why) return bind(volume, claim);
    return [warning('VolumeMismatch', `Cannot bind to requested volume "${volumeName}": ${why}`), ...pending(claim)];
  }
  if (isBoundTo(volume, claim)) return bind(volume, claim);
  if (annotationOf(claim, boundByController) !== undefined) return [];
  return [warning('FailedBinding', `volume "${volumeName}" already bound to a different claim.`), ...pending(claim)];
}

function planBound({ object: claim, get }: World<Claim>): Action[] {
  const { volumeName } = claim.spec ?? {};
  if (!volumeName) return lost(claim, 'ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  const volume = get(corev1.persistentvolumes, volumeName);
  if (!volume) return lost(claim, 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  const reference = volume.spec?.claimRef;
  if (!reference || reference.uid === uidOf(claim)) return bind(volume, claim);
  return lost(claim, 'ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

/** Claims that a volume may be for: the one it is reserved for, or those still waiting for one of its class. */
function claimsFor(volume: corev1.PersistentVolume, snapshot: Snapshot): string[] {
  const reference = volume.spec?.claimRef;
  if (reference?.name) return [`${reference.namespace}/${reference.name}`];
  return snapshot
    .list(corev1.persistentvolumeclaims)
    .filter((claim) => (claim.spec?.volumeName ? claim.spec.volumeName === nameOf(volume) : claimClass(claim) === volumeClass(volume)))
    .map(keyOf);
}

const claimsOfPod = (pod: corev1.Pod) =>
  (pod.spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [`${namespaceOf(pod)}/${persistentVolumeClaim.claimName}`];
    return ephemeral ? [`${namespaceOf(pod)}/${nameOf(pod)}-${name}`] : [];
  });

export const claimController = defineController<Claim>({
  name: 'persistent-volume-binder',
  eventSource: 'persistentvolume-controller',
  for: corev1.persistentvolumeclaims,
  indices: [{ type: corev1.pods, name: BY_CLAIM, keysOf: claimsOfPod }],
  watches: [
    { type: corev1.persistentvolumes, keys: (volume, snapshot) => claimsFor(volume, snapshot) },
    {
      type: storagev1.storageclasses,
      keys: (_storageClass, snapshot) =>
        snapshot
          .list(corev1.persistentvolumeclaims)
          .filter((claim) => !isFullyBound(claim))
          .map(keyOf),
    },
  ],
  plan: (world) => (annotationOf(world.object, VOLUME_ANNOTATIONS.bindCompleted) === undefined ? planUnbound(world) : planBound(world)),
});
