// Tells the owner of a claim that asks for more room that somebody else has to make it: no built-in volume can grow
// (pkg/controller/volume/expand).
import { corev1, parseQuantity } from '@tiphys/api';
import { normal } from '../runtime/actions.ts';
import { defineController } from '../runtime/controller.ts';
import { uidOf } from '../runtime/objects.ts';

const sizeOf = (list: Readonly<Record<string, string>> | undefined) => parseQuantity(list?.storage ?? '0');
const wanted = (claim: corev1.PersistentVolumeClaim) => sizeOf(claim.spec?.resources?.requests);

export const expandController = defineController<corev1.PersistentVolumeClaim>({
  name: 'expand-controller',
  eventSource: 'volume_expand',
  for: corev1.persistentvolumeclaims,
  triggers: (claim, old) => claim.status?.phase === 'Bound' && (!old || wanted(claim).compare(wanted(old)) > 0),
  reads: [corev1.persistentvolumes],
  plan({ object: claim, get }) {
    const volume = get(corev1.persistentvolumes, claim.spec?.volumeName ?? '');
    if (!volume || volume.spec?.claimRef?.uid !== uidOf(claim)) return [];
    if (wanted(claim).compare(sizeOf(claim.status?.capacity)) <= 0) return [];
    return [normal('ExternalExpanding', 'waiting for an external controller to expand this PVC')];
  },
});
