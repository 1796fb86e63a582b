// Where a PersistentVolume's data lies: one source of many (apis/core/validation ValidatePersistentVolumeSpec).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors } from '../rules/errors.ts';
import { isDns1123Label, isDns1123Subdomain, nameIsLabel } from '../rules/formats.ts';
import {
  checkAzureDisk,
  checkCinder,
  checkCsiDriverName,
  checkDisk,
  checkFibreChannel,
  checkFlexVolume,
  checkFlocker,
  checkHostPath,
  checkIscsi,
  checkNfs,
  checkQuobyte,
  checkReference,
  checkStorageOs,
  ISCSI_LENGTH_MAX,
  ISCSI_TOO_LONG,
  needs,
} from '../rules/pod/driver-volumes.ts';
import { checkNoBacksteps } from '../rules/pod/paths.ts';

type Spec = corev1.PersistentVolumeSpec;
type Check = (errors: Errors, path: string, source: any, name: string) => void;
const WHOLE_REFERENCE = ['name', 'namespace'];
const SECRETS_OF_CSI = ['controllerPublishSecretRef', 'controllerExpandSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef'] as const;

const glusterfs: Check = (errors, path, source: corev1.GlusterfsPersistentVolumeSource) => {
  needs('endpoints', 'path')(errors, path, source);
  const { endpointsNamespace: namespace } = source;
  if (namespace === undefined) return;
  const wrong = namespace ? nameIsLabel(namespace, false) : ['if the endpointnamespace is set, it must be a valid namespace name'];
  complain(errors, `${path}.endpointsNamespace`, namespace, wrong);
};

const iscsi: Check = (errors, path, source: corev1.ISCSIPersistentVolumeSource, name) => {
  checkIscsi(errors, path, source, 'must be valid format');
  checkReference(errors, `${path}.secretRef`, source.secretRef, ['name']);
  const { initiatorName, targetPortal = '' } = source;
  if (initiatorName === undefined || `${name}:${targetPortal}`.length <= ISCSI_LENGTH_MAX) return;
  errors.push(fieldError.invalid(`${path}.targetportal`, targetPortal, ISCSI_TOO_LONG));
};

const azureFile: Check = (errors, path, source: corev1.AzureFilePersistentVolumeSource) => {
  needs('secretName', 'shareName')(errors, path, source);
  if (source.secretNamespace === '') errors.push(fieldError.required(`${path}.secretNamespace`));
};

const local: Check = (errors, path, source: corev1.LocalVolumeSource) => {
  if (!source.path) errors.push(fieldError.required(`${path}.path`));
  else checkNoBacksteps(errors, `${path}.path`, source.path);
};

const csi: Check = (errors, path, source: corev1.CSIPersistentVolumeSource) => {
  checkCsiDriverName(errors, `${path}.driver`, source.driver);
  needs('volumeHandle')(errors, path, source);
  for (const field of SECRETS_OF_CSI) {
    const reference = source[field];
    if (!reference) continue;
    checkReference(errors, `${path}.${field}`, reference, WHOLE_REFERENCE);
    const { name, namespace } = reference;
    if (name) complain(errors, `${path}.${field}.name`, name, isDns1123Subdomain(name));
    if (namespace) complain(errors, `${path}.${field}.namespace`, namespace, isDns1123Label(namespace));
  }
};

/** In upstream's order, which decides what is one too many. */
const CHECKS: readonly [name: keyof Spec, check: Check][] = [
  ['hostPath', checkHostPath],
  ['gcePersistentDisk', checkDisk('pdName')],
  ['awsElasticBlockStore', checkDisk('volumeID')],
  ['glusterfs', glusterfs],
  ['flocker', checkFlocker],
  ['nfs', checkNfs],
  ['rbd', needs('monitors', 'image')],
  ['quobyte', checkQuobyte],
  ['cephfs', needs('monitors')],
  ['iscsi', iscsi],
  ['cinder', checkCinder(WHOLE_REFERENCE)],
  ['fc', checkFibreChannel],
  ['flexVolume', checkFlexVolume],
  ['azureFile', azureFile],
  ['vsphereVolume', needs('volumePath')],
  ['photonPersistentDisk', needs('pdID')],
  ['portworxVolume', needs('volumeID')],
  ['azureDisk', checkAzureDisk],
  ['scaleIO', needs('gateway', 'system', 'volumeName')],
  ['local', local],
  ['storageos', checkStorageOs(WHOLE_REFERENCE)],
  ['csi', csi],
];

/** Every source a spec can name. */
export const SOURCES = CHECKS.map(([name]) => name);

const pathOf = (name: string) => (name === 'gcePersistentDisk' ? 'persistentDisk' : name);
const extraPathOf = (name: string) => (name === 'cephfs' ? 'cephFS' : name);

export function checkSources(errors: Errors, spec: Spec, name: string, at = 'spec'): void {
  const given = CHECKS.filter(([source]) => spec[source] !== undefined);
  if (!given.length) errors.push(fieldError.required(at, 'must specify a volume type'));
  given.forEach(([source, check], i) => {
    // Upstream does not count where it comes to a FlexVolume.
    if (i === 0 || source === 'flexVolume') check(errors, `${at}.${pathOf(source)}`, spec[source], name);
    else errors.push(fieldError.forbidden(`${at}.${extraPathOf(source)}`, 'may not specify more than 1 volume type'));
    if (source === 'local' && i === 0 && !spec.nodeAffinity) {
      errors.push(fieldError.required(`${at}.nodeAffinity`, 'Local volume requires node affinity'));
    }
  });
}

/** Sources whose drivers take mount options, which an annotation gives. */
const MOUNTED_WITH_OPTIONS: readonly (keyof Spec)[] = [
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'nfs',
  'rbd',
  'quobyte',
  'iscsi',
  'cinder',
  'cephfs',
  'azureFile',
  'vsphereVolume',
  'azureDisk',
  'photonPersistentDisk',
];
const MOUNT_OPTIONS = 'volume.beta.kubernetes.io/mount-options';

/** volume/validation/pv_validation.go. */
export function checkMountOptions(errors: Errors, { metadata, spec = {} }: corev1.PersistentVolume): void {
  if (metadata?.annotations?.[MOUNT_OPTIONS] === undefined || MOUNTED_WITH_OPTIONS.some((name) => spec[name] !== undefined)) return;
  errors.push(fieldError.forbidden(`metadata.annotations.${MOUNT_OPTIONS}`, 'may not specify mount options for this volume type'));
}
