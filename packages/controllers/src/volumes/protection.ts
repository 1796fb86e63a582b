// Lets claims, volumes and volume attributes classes go once nobody uses them; the finalizers that keep them are set by admission
// (pkg/controller/volume/pvcprotection, pvprotection, vacprotection).
import { corev1, storagev1 } from '@tiphys/api';
import { isConflict, isNotFound } from '@tiphys/machinery';
import { isTerminal } from '../pods/pod-state.ts';
import { update } from '../runtime/actions.ts';
import { defineController } from '../runtime/controller.ts';
import { controllerOf, isDeleting, keyOf, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';

export const CLAIM_FINALIZER = 'kubernetes.io/pvc-protection';
export const VOLUME_FINALIZER = 'kubernetes.io/pv-protection';
export const CLASS_FINALIZER = 'kubernetes.io/vac-protection';

type Claim = corev1.PersistentVolumeClaim;
type AttributesClass = storagev1.VolumeAttributesClass;
type Protected = corev1.PersistentVolume | Claim | AttributesClass;

const holds = (object: Protected, finalizer: string) => object.metadata?.finalizers?.includes(finalizer) ?? false;

const without = <T extends Protected>(object: T, finalizer: string): T => ({
  ...object,
  metadata: { ...object.metadata, finalizers: (object.metadata?.finalizers ?? []).filter((each) => each !== finalizer) },
});

/** Only pods that have a node: a kubelet does not start others with a claim that is being deleted. */
export function podUsesClaim(pod: corev1.Pod, claim: Claim): boolean {
  if (!pod.spec?.nodeName) return false;
  return (pod.spec.volumes ?? []).some(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return persistentVolumeClaim.claimName === nameOf(claim);
    const isItsOwn = ephemeral && `${nameOf(pod)}-${name}` === nameOf(claim) && controllerOf(claim)?.uid === uidOf(pod);
    return isItsOwn && !isTerminal(pod);
  });
}

export const claimProtectionController = defineController<Claim>({
  name: 'pvc-protection-controller',
  for: corev1.persistentvolumeclaims,
  triggers: (claim) => isDeleting(claim) && holds(claim, CLAIM_FINALIZER),
  watches: [
    {
      type: corev1.pods,
      keys: (pod: corev1.Pod, snapshot, { gone }) => {
        if (!gone && !isTerminal(pod) && pod.spec?.nodeName) return [];
        return (pod.spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
          const claimName = persistentVolumeClaim?.claimName ?? (ephemeral ? `${nameOf(pod)}-${name}` : '');
          const claim = claimName === '' ? undefined : snapshot.get(corev1.persistentvolumeclaims, claimName, namespaceOf(pod));
          return claim && isDeleting(claim) ? [`${namespaceOf(pod)}/${claimName}`] : [];
        });
      },
    },
  ],
  async reconcile({ namespace }, claim, { client, snapshot }) {
    if (!claim || !isDeleting(claim) || !holds(claim, CLAIM_FINALIZER)) return undefined;
    if (snapshot.list(corev1.pods, namespace).some((pod) => podUsesClaim(pod, claim))) return undefined;
    // The cache may lack the newest pod; the server does not.
    const live = await client.of(corev1.pods).list({ namespace });
    if (live.items.some((pod) => podUsesClaim(pod, claim))) return undefined;
    try {
      await client.of(corev1.persistentvolumeclaims).update(without(claim, CLAIM_FINALIZER));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  },
});

export const volumeProtectionController = defineController<corev1.PersistentVolume>({
  name: 'pv-protection-controller',
  for: corev1.persistentvolumes,
  triggers: (volume) => isDeleting(volume) && holds(volume, VOLUME_FINALIZER),
  plan({ object: volume }) {
    if (!isDeleting(volume) || !holds(volume, VOLUME_FINALIZER) || volume.status?.phase === 'Bound') return [];
    return [
      update(corev1.persistentvolumes, without(volume, VOLUME_FINALIZER), 'no claim has it', {
        tolerate: (error) => isNotFound(error) || isConflict(error),
      }),
    ];
  },
});

/** A claim keeps the class it wants, the one it has, and the one it is being changed to. */
const classesOfClaim = ({ spec, status }: Claim): (string | undefined)[] => [
  spec?.volumeAttributesClassName,
  status?.currentVolumeAttributesClassName,
  status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
];

const isUsedByVolume = ({ spec }: corev1.PersistentVolume, name: string) => spec?.volumeAttributesClassName === name;

export const classProtectionController = defineController<AttributesClass>({
  name: 'volumeattributesclass-protection-controller',
  for: storagev1.volumeattributesclasses,
  triggers: (attributesClass) => isDeleting(attributesClass) && holds(attributesClass, CLASS_FINALIZER),
  watches: [
    // A claim or volume that changes may have let go of any class: those that are being deleted are few.
    {
      type: corev1.persistentvolumeclaims,
      keys: (_claim: Claim, snapshot) => deletedClasses(snapshot.list(storagev1.volumeattributesclasses)),
    },
    {
      type: corev1.persistentvolumes,
      keys: (_volume: corev1.PersistentVolume, snapshot) => deletedClasses(snapshot.list(storagev1.volumeattributesclasses)),
    },
  ],
  async reconcile(_key, attributesClass, { client, snapshot }) {
    if (!attributesClass || !isDeleting(attributesClass) || !holds(attributesClass, CLASS_FINALIZER)) return undefined;
    const name = nameOf(attributesClass);
    if (snapshot.list(corev1.persistentvolumes).some((volume) => isUsedByVolume(volume, name))) return undefined;
    if (snapshot.list(corev1.persistentvolumeclaims).some((claim) => classesOfClaim(claim).includes(name))) return undefined;
    // The cache may lack the newest claim; the server does not.
    const claims = await client.of(corev1.persistentvolumeclaims).list({});
    if (claims.items.some((claim) => classesOfClaim(claim).includes(name))) return undefined;
    try {
      await client.of(storagev1.volumeattributesclasses).update(without(attributesClass, CLASS_FINALIZER));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  },
});

const deletedClasses = (classes: readonly AttributesClass[]): string[] => classes.filter(isDeleting).map(keyOf);
