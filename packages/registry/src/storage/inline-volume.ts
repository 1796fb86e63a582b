// A volume that an attachment brings along instead of naming one (apis/core/validation ValidatePersistentVolumeSpec, for inline
// volumes). What upstream asks of the source of any PersistentVolume it asks here, too.
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { checkSources } from '../core/persistent-volume-sources.ts';
import type { Errors } from '../rules/errors.ts';
import { checkAccessModes } from '../rules/volume-claims.ts';

const HERE = 'in the context of inline volumes';

export function checkInlineVolume(errors: Errors, path: string, spec: corev1.PersistentVolumeSpec): void {
  const forbid = (field: string, why = `may not be specified ${HERE}`) => errors.push(fieldError.forbidden(`${path}.${field}`, why));
  if (spec.claimRef) forbid('claimRef');
  if (Object.keys(spec.capacity ?? {}).length > 0) forbid('capacity');
  if (!spec.csi) errors.push(fieldError.required(`${path}.csi`, `has to be specified ${HERE}`));
  if (spec.accessModes?.length) checkAccessModes(errors, `${path}.accessModes`, spec.accessModes);
  else errors.push(fieldError.required(`${path}.accessModes`));
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy && policy !== 'Retain') forbid('persistentVolumeReclaimPolicy', `may only be Retain ${HERE}`);
  if (spec.nodeAffinity) forbid('nodeAffinity');
  const { nodeAffinity: _affinity, ...source } = spec;
  checkSources(errors, source, '', path);
  if (spec.hostPath && /^(\/|\.)*\/$|^\/[/.]*$/.test(spec.hostPath.path ?? '') && policy === 'Recycle') {
    forbid('persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'");
  }
  if (spec.storageClassName) forbid('storageClassName');
  if (spec.volumeMode !== undefined && spec.volumeMode !== 'Filesystem') {
    forbid('volumeMode', `may not specify volumeMode other than Filesystem ${HERE}`);
  }
}
