// The four writes that bind a claim and a volume to each other, each only where it changes something
// (pkg/controller/volume/persistentvolume bind). Pure.
import { corev1 } from '@tiphys/api';
import { annotationOf, isBoundTo, VOLUME_ANNOTATIONS } from '@tiphys/machinery';
import { type Action, type EventText, update, updateStatus } from '../runtime/actions.ts';
import { nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';

type Claim = corev1.PersistentVolumeClaim;
type Volume = corev1.PersistentVolume;

const { bindCompleted, boundByController } = VOLUME_ANNOTATIONS;

export function claimReference(claim: Claim): corev1.ObjectReference {
  return {
    kind: 'PersistentVolumeClaim',
    namespace: namespaceOf(claim),
    name: nameOf(claim),
    uid: uidOf(claim),
    apiVersion: 'v1',
    resourceVersion: claim.metadata!.resourceVersion!,
  };
}

const annotated = <T extends Claim | Volume>(object: T, annotations: Record<string, string>): T => ({
  ...object,
  metadata: { ...object.metadata, annotations: { ...object.metadata?.annotations, ...annotations } },
});

/** The volume as bound to the claim; undefined when it is so already. */
export function volumeBoundTo(volume: Volume, claim: Claim): Volume | undefined {
  const byController = !isBoundTo(volume, claim) && annotationOf(volume, boundByController) === undefined;
  if (volume.spec?.claimRef?.uid === uidOf(claim) && isBoundTo(volume, claim)) return undefined;
  const bound = { ...volume, spec: { ...volume.spec, claimRef: claimReference(claim) } };
  return byController ? annotated(bound, { [boundByController]: 'yes' }) : bound;
}

function claimBoundTo(claim: Claim, volume: Volume): Claim | undefined {
  const chosen = claim.spec?.volumeName === nameOf(volume);
  const missing: Record<string, string> = {};
  if (!chosen && annotationOf(claim, boundByController) === undefined) missing[boundByController] = 'yes';
  if (annotationOf(claim, bindCompleted) === undefined) missing[bindCompleted] = 'yes';
  if (chosen && Object.keys(missing).length === 0) return undefined;
  return annotated({ ...claim, spec: { ...claim.spec, volumeName: nameOf(volume) } }, missing);
}

function boundStatus(claim: Claim, volume: Volume): corev1.PersistentVolumeClaimStatus | undefined {
  const { accessModes = [], capacity = {}, volumeAttributesClassName } = volume.spec ?? {};
  const { status } = claim;
  const same =
    status?.phase === 'Bound' &&
    JSON.stringify(status.accessModes ?? []) === JSON.stringify(accessModes) &&
    // A claim that is being grown has its own idea of the capacity.
    status.capacity?.storage !== undefined;
  if (same) return undefined;
  return {
    ...status,
    phase: 'Bound',
    accessModes,
    capacity: { storage: capacity.storage ?? '0' },
    ...(volumeAttributesClassName ? { currentVolumeAttributesClassName: volumeAttributesClassName } : {}),
  };
}

export function setVolumePhase(volume: Volume, phase: string, because: string, message?: string, event?: EventText): Action[] {
  if (volume.status?.phase === phase && (volume.status.message ?? '') === (message ?? '')) return [];
  const { message: _, ...kept } = volume.status ?? {};
  const status = { ...kept, phase, ...(message ? { message } : {}) };
  return [updateStatus(corev1.persistentvolumes, { ...volume, status }, because, event ? { whenDone: () => event, about: volume } : {})];
}

export function bind(volume: Volume, claim: Claim): Action[] {
  const actions: Action[] = [];
  const boundVolume = volumeBoundTo(volume, claim);
  if (boundVolume) actions.push(update(corev1.persistentvolumes, boundVolume, 'the claim gets it'));
  actions.push(...setVolumePhase(boundVolume ?? volume, 'Bound', 'a claim has it'));
  const boundClaim = claimBoundTo(claim, volume);
  if (boundClaim) actions.push(update(corev1.persistentvolumeclaims, boundClaim, 'it has its volume'));
  const status = boundStatus(claim, volume);
  if (status) actions.push(updateStatus(corev1.persistentvolumeclaims, { ...(boundClaim ?? claim), status }, 'it has its volume'));
  return actions;
}
