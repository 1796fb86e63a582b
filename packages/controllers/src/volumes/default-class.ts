// The default class, given also to claims that were made before there was one (KEP-3333).
import { corev1, storagev1 } from '@tiphys/api';
import { annotationOf, VOLUME_ANNOTATIONS } from '@tiphys/machinery';
import { update, type Write } from '../runtime/actions.ts';
import type { Snapshot } from '../runtime/controller.ts';
import { annotationsOf, nameOf } from '../runtime/objects.ts';

export const IS_DEFAULT_ANNOTATION = 'storageclass.kubernetes.io/is-default-class';
const IS_DEFAULT_BETA_ANNOTATION = 'storageclass.beta.kubernetes.io/is-default-class';

const createdAt = (storageClass: storagev1.StorageClass) => storageClass.metadata?.creationTimestamp ?? '';

/** The newest of those that say they are the default. */
function defaultClass(snapshot: Snapshot): storagev1.StorageClass | undefined {
  return snapshot
    .list(storagev1.storageclasses)
    .filter((each) => [IS_DEFAULT_ANNOTATION, IS_DEFAULT_BETA_ANNOTATION].some((name) => annotationsOf(each)[name] === 'true'))
    .sort((a, b) => (createdAt(a) === createdAt(b) ? (nameOf(a) < nameOf(b) ? -1 : 1) : createdAt(a) < createdAt(b) ? 1 : -1))[0];
}

/** Only claims that name no class at all: an empty name asks for volumes without one. */
export function assignDefaultClass(claim: corev1.PersistentVolumeClaim, snapshot: Snapshot): Write | undefined {
  if (claim.spec?.storageClassName !== undefined || annotationOf(claim, VOLUME_ANNOTATIONS.storageClassBeta) !== undefined)
    return undefined;
  const chosen = defaultClass(snapshot);
  if (!chosen) return undefined;
  const changed = { ...claim, spec: { ...claim.spec, storageClassName: nameOf(chosen) } };
  return update(corev1.persistentvolumeclaims, changed, 'it names no class and there is a default now');
}
