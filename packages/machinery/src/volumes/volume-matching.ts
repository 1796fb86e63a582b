// Which volume fits a claim: what the binder and the scheduler must agree on (component-helpers storage/volume/pv_helpers.go).
import { compareQuantities, type corev1, type storagev1 } from '@tiphys/api';
import { matchesNodeSelector } from '../pods/node-affinity.ts';
import { labelSelectorMatcher } from '../selectors/index.ts';

type Claim = corev1.PersistentVolumeClaim;
type Volume = corev1.PersistentVolume;

export const VOLUME_ANNOTATIONS = {
  bindCompleted: 'pv.kubernetes.io/bind-completed',
  boundByController: 'pv.kubernetes.io/bound-by-controller',
  provisionedBy: 'pv.kubernetes.io/provisioned-by',
  selectedNode: 'volume.kubernetes.io/selected-node',
  storageProvisioner: 'volume.kubernetes.io/storage-provisioner',
  storageProvisionerBeta: 'volume.beta.kubernetes.io/storage-provisioner',
  storageClassBeta: 'volume.beta.kubernetes.io/storage-class',
} as const;

/** The provisioner of classes whose volumes are made by hand. */
export const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

export const annotationOf = (object: Claim | Volume, name: string): string | undefined => object.metadata?.annotations?.[name];

export const claimClass = (claim: Claim): string =>
  annotationOf(claim, VOLUME_ANNOTATIONS.storageClassBeta) ?? claim.spec?.storageClassName ?? '';

export const volumeClass = (volume: Volume): string =>
  annotationOf(volume, VOLUME_ANNOTATIONS.storageClassBeta) ?? volume.spec?.storageClassName ?? '';

/** Volumes of the class are bound once a pod that uses the claim has its node. */
export const isDelayed = (storageClass: storagev1.StorageClass | undefined): boolean =>
  storageClass?.volumeBindingMode === 'WaitForFirstConsumer';

export const isFullyBound = (claim: Claim): boolean =>
  Boolean(claim.spec?.volumeName) && annotationOf(claim, VOLUME_ANNOTATIONS.bindCompleted) !== undefined;

/** Reserved for the claim: by name alone before, by its uid after it was bound. */
export function isBoundTo(volume: Volume, claim: Claim): boolean {
  const reference = volume.spec?.claimRef;
  if (!reference || reference.name !== claim.metadata?.name || reference.namespace !== claim.metadata?.namespace) return false;
  return !reference.uid || reference.uid === claim.metadata?.uid;
}

const modeOf = (spec: { volumeMode?: string } | undefined) => spec?.volumeMode ?? 'Filesystem';
const sizeOf = (volume: Volume) => volume.spec?.capacity?.storage ?? '0';
const requestOf = (claim: Claim) => claim.spec?.resources?.requests?.storage ?? '0';

export const sameVolumeMode = (volume: Volume, claim: Claim): boolean => modeOf(volume.spec) === modeOf(claim.spec);

export const offersAccessModes = (volume: Volume, claim: Claim): boolean =>
  (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode));

const sameAttributesClass = (volume: Volume, claim: Claim) =>
  (volume.spec?.volumeAttributesClassName ?? '') === (claim.spec?.volumeAttributesClassName ?? '');

/** Why a claim may not have the volume it names; undefined when it may. */
export function whyNotSatisfied(volume: Volume, claim: Claim): string | undefined {
  if (volume.metadata?.deletionTimestamp) return `the volume is marked for deletion "${volume.metadata.name}"`;
  if (compareQuantities(sizeOf(volume), requestOf(claim)) < 0) return 'requested PV is too small';
  if (volumeClass(volume) !== claimClass(claim)) return 'storageClassName does not match';
  if (!sameAttributesClass(volume, claim)) return 'volumeAttributesClassName does not match';
  if (!sameVolumeMode(volume, claim)) return 'incompatible volumeMode';
  return offersAccessModes(volume, claim) ? undefined : 'incompatible accessMode';
}

export const reachableFrom = (volume: Volume, node: corev1.Node): boolean =>
  !volume.spec?.nodeAffinity?.required || matchesNodeSelector(volume.spec.nodeAffinity.required, node);

export interface MatchOptions {
  /** For the scheduler: only volumes that this node reaches. */
  node?: corev1.Node;
  /** Names of volumes that other claims of the same pod get. */
  excluded?: ReadonlySet<string>;
  /** Without a node, a delayed claim gets only what is reserved for it. */
  delayed: boolean;
}

/** The volume that is reserved for the claim, or the smallest that fits. */
export function findMatchingVolume(claim: Claim, volumes: Iterable<Volume>, options: MatchOptions): Volume | undefined {
  const { node, excluded, delayed } = options;
  const selector = claim.spec?.selector ? labelSelectorMatcher(claim.spec.selector) : undefined;
  let smallest: Volume | undefined;
  for (const volume of volumes) {
    if (excluded?.has(volume.metadata!.name!) || volume.metadata!.deletionTimestamp) continue;
    const reserved = isBoundTo(volume, claim);
    if (volume.spec?.claimRef && !reserved) continue;
    if (compareQuantities(sizeOf(volume), requestOf(claim)) < 0) continue;
    if (!sameVolumeMode(volume, claim) || !sameAttributesClass(volume, claim)) continue;
    const reachable = !node || reachableFrom(volume, node);
    if (reserved) return reachable ? volume : undefined;
    if (!node && delayed) continue;
    if (volume.status?.phase !== 'Available' || (selector && !selector.matches(volume.metadata?.labels))) continue;
    if (volumeClass(volume) !== claimClass(claim) || !reachable || !offersAccessModes(volume, claim)) continue;
    if (!smallest || compareQuantities(sizeOf(smallest), sizeOf(volume)) > 0) smallest = volume;
  }
  return smallest;
}
