// Sources of volumes that name a driver or a service, of pods and of PersistentVolumes alike (apis/core/validation
// validateISCSIVolumeSource, validateFCVolumeSource and their kin).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors } from '../errors.ts';
import { isDns1123Label, isDns1123Subdomain, rangeError } from '../formats.ts';
import { checkNoBacksteps } from './paths.ts';

export type SourceCheck = (errors: Errors, path: string, source: any) => void;

/** Fields that must not be empty; one may lie deeper, as `secretRef.name`. */
export const needs =
  (...fields: string[]): SourceCheck =>
  (errors, path, source) => {
    for (const field of fields) {
      const value = source[field];
      if (!value || (Array.isArray(value) && value.length === 0)) errors.push(fieldError.required(`${path}.${field}`));
    }
  };

const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

export const checkHostPath: SourceCheck = (errors, path, source: corev1.HostPathVolumeSource) => {
  if (!source.path) {
    errors.push(fieldError.required(`${path}.path`));
    return;
  }
  checkNoBacksteps(errors, `${path}.path`, source.path);
  if (source.type !== undefined && !HOST_PATH_TYPES.includes(source.type)) {
    errors.push(fieldError.notSupported(`${path}.type`, source.type, HOST_PATH_TYPES));
  }
};

const PARTITION_MAX = 255;

/** A disk of a cloud by its name in one field, and a partition of it; 0 stands for the whole. */
export const checkDisk =
  (nameField: 'pdName' | 'volumeID'): SourceCheck =>
  (errors, path, source: { partition?: number }) => {
    needs(nameField)(errors, path, source);
    const { partition = 0 } = source;
    if (partition < 0 || partition > PARTITION_MAX) {
      errors.push(fieldError.invalid(`${path}.partition`, partition, rangeError(1, PARTITION_MAX)));
    }
  };

export const checkNfs: SourceCheck = (errors, path, source: corev1.NFSVolumeSource) => {
  needs('server', 'path')(errors, path, source);
  if (!source.path?.startsWith('/')) errors.push(fieldError.invalid(`${path}.path`, source.path ?? '', 'must be an absolute path'));
};

const CSI_DRIVER_LENGTH_MAX = 63;

/** A CSI driver's name, of a volume or of a CSIDriver object. */
export function checkCsiDriverName(errors: Errors, path: string, name: string | undefined): void {
  if (!name) errors.push(fieldError.required(path));
  else {
    if (name.length > CSI_DRIVER_LENGTH_MAX) errors.push(fieldError.tooLong(path, CSI_DRIVER_LENGTH_MAX));
    complain(errors, path, name, isDns1123Subdomain(name.toLowerCase()));
  }
}

export const checkFlocker: SourceCheck = (errors, path, { datasetName, datasetUUID }: corev1.FlockerVolumeSource) => {
  if (!datasetName && !datasetUUID) errors.push(fieldError.required(path, 'one of datasetName and datasetUUID is required'));
  if (datasetName && datasetUUID) {
    errors.push(fieldError.invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  }
  if (datasetName?.includes('/')) errors.push(fieldError.invalid(`${path}.datasetName`, datasetName, "must not contain '/'"));
};

const TENANT_MAX = 65;
const PAIRS = 'must be a host:port pair or multiple pairs separated by commas';

export const checkQuobyte: SourceCheck = (errors, path, { registry, volume, tenant }: corev1.QuobyteVolumeSource) => {
  if (!registry) errors.push(fieldError.required(`${path}.registry`, PAIRS));
  else if (tenant && tenant.length >= TENANT_MAX) {
    errors.push(fieldError.required(`${path}.tenant`, 'must be a UUID and may not exceed a length of 64 characters'));
  } else {
    for (const pair of registry.split(',')) {
      const wrong = !/^(\[[^\]]*\]|[^:[\]]*):[^:]*$/.test(pair);
      if (wrong) errors.push(fieldError.invalid(`${path}.registry`, registry, PAIRS));
    }
  }
  if (!volume) errors.push(fieldError.required(`${path}.volume`));
};

const CACHING_MODES = ['None', 'ReadOnly', 'ReadWrite'];
const DISK_KINDS = ['Dedicated', 'Managed', 'Shared'];
const MANAGED_URI = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const BLOB_URI = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

export const checkAzureDisk: SourceCheck = (errors, path, { diskName, diskURI = '', cachingMode, kind }: corev1.AzureDiskVolumeSource) => {
  if (!diskName) errors.push(fieldError.required(`${path}.diskName`));
  if (!diskURI) errors.push(fieldError.required(`${path}.diskURI`));
  if (cachingMode !== undefined && !CACHING_MODES.includes(cachingMode)) {
    errors.push(fieldError.notSupported(`${path}.cachingMode`, cachingMode, CACHING_MODES));
  }
  if (kind !== undefined && !DISK_KINDS.includes(kind)) errors.push(fieldError.notSupported(`${path}.kind`, kind, DISK_KINDS));
  if (kind === undefined) return;
  const [start, example] = kind === 'Managed' ? ['/subscriptions/', MANAGED_URI] : ['https://', BLOB_URI];
  if (!diskURI.startsWith(start!)) errors.push(fieldError.notSupported(`${path}.diskURI`, diskURI, [example!]));
};

const INITIATORS: Record<string, RegExp> = {
  iqn: /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/,
  eui: /^eui.[A-Za-z0-9]{16}$/,
  naa: /^naa.[A-Za-z0-9]{32}$/,
};
const LUN_MAX = 255;

function checkInitiator(errors: Errors, path: string, name: string, wrongStart: string): void {
  const format = INITIATORS[name.slice(0, 3)];
  if (!format) errors.push(fieldError.invalid(path, name, wrongStart));
  else if (!format.test(name)) errors.push(fieldError.invalid(path, name, 'must be valid format'));
}

/** Between the target and the names of what connects; pods are told of a wrong start in more words than PersistentVolumes. */
export function checkIscsi(
  errors: Errors,
  path: string,
  source: corev1.ISCSIVolumeSource | corev1.ISCSIPersistentVolumeSource,
  wrongStart: string,
): void {
  const { targetPortal, iqn, lun = 0, chapAuthDiscovery, chapAuthSession, secretRef, initiatorName } = source;
  if (!targetPortal) errors.push(fieldError.required(`${path}.targetPortal`));
  if (!iqn) errors.push(fieldError.required(`${path}.iqn`));
  else checkInitiator(errors, `${path}.iqn`, iqn, wrongStart);
  if (lun < 0 || lun > LUN_MAX) errors.push(fieldError.invalid(`${path}.lun`, lun, rangeError(0, LUN_MAX)));
  if ((chapAuthDiscovery || chapAuthSession) && !secretRef) errors.push(fieldError.required(`${path}.secretRef`));
  if (initiatorName !== undefined) checkInitiator(errors, `${path}.initiatorname`, initiatorName, wrongStart);
}

export const ISCSI_LENGTH_MAX = 64;
export const ISCSI_TOO_LONG = `Total length of <volume name>:<iscsi.targetPortal> must be under ${ISCSI_LENGTH_MAX} characters if iscsi.initiatorName is specified.`;

export const checkFibreChannel: SourceCheck = (errors, path, { targetWWNs = [], wwids = [], lun }: corev1.FCVolumeSource) => {
  const at = `${path}.targetWWNs`;
  if (!targetWWNs.length && !wwids.length) {
    errors.push(fieldError.required(at, 'must specify either targetWWNs or wwids, but not both'));
  }
  if (!targetWWNs.length) return;
  if (wwids.length) errors.push(fieldError.invalid(at, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously'));
  if (lun === undefined) errors.push(fieldError.required(`${path}.lun`, 'lun is required if targetWWNs is specified'));
  else if (lun < 0 || lun > LUN_MAX) errors.push(fieldError.invalid(`${path}.lun`, lun, rangeError(0, LUN_MAX)));
};

export const checkFlexVolume: SourceCheck = (errors, path, source: corev1.FlexVolumeSource) => {
  needs('driver')(errors, path, source);
  for (const key in source.options) {
    const namespace = `.${(key.includes('/') ? key.slice(0, key.indexOf('/')) : key).toLowerCase()}`;
    if (!namespace.endsWith('.kubernetes.io') && !namespace.endsWith('.k8s.io')) continue;
    errors.push(fieldError.invalid(`${path}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved'));
  }
};

/** Of a secret in a reference whose parts are only asked to be there. */
export const checkReference = (errors: Errors, path: string, reference: object | undefined, fields: readonly string[]): void => {
  if (reference) needs(...fields)(errors, path, reference);
};

export const checkStorageOs =
  (referenceFields: readonly string[]): SourceCheck =>
  (errors, path, { volumeName, volumeNamespace, secretRef }: corev1.StorageOSVolumeSource) => {
    if (!volumeName) errors.push(fieldError.required(`${path}.volumeName`));
    else complain(errors, `${path}.volumeName`, volumeName, isDns1123Label(volumeName));
    if (volumeNamespace) complain(errors, `${path}.volumeNamespace`, volumeNamespace, isDns1123Label(volumeNamespace));
    checkReference(errors, `${path}.secretRef`, secretRef, referenceFields);
  };

export const checkCinder =
  (referenceFields: readonly string[]): SourceCheck =>
  (errors, path, source: corev1.CinderVolumeSource) => {
    needs('volumeID')(errors, path, source);
    checkReference(errors, `${path}.secretRef`, source.secretRef, referenceFields);
  };
