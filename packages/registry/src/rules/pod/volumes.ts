// Volumes of a pod (apis/core/validation ValidateVolumes, validateVolumeSource).
import type { corev1, ObjectMeta } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors } from '../errors.ts';
import { isDns1123Label, isDns1123Subdomain, nameIsSubdomain } from '../formats.ts';
import { quantitySign } from '../quantities.ts';
import { checkClaimTemplate } from '../volume-claims.ts';
import { PULL_POLICIES } from './containers.ts';
import { checkDownwardFile } from './environment.ts';
import { checkDescending, checkNoBacksteps, checkNonReserved } from './paths.ts';
import { checkMode, checkProjected } from './projected.ts';

interface Context {
  isPod: boolean;
  podName: string;
}
type Check = (errors: Errors, path: string, source: any, volume: corev1.Volume, context: Context) => void;

const needs =
  (...fields: string[]): Check =>
  (errors, path, source) => {
    for (const field of fields) if (!source[field]) errors.push(fieldError.required(`${path}.${field}`));
  };

export function checkKeyToPath(errors: Errors, path: string, item: corev1.KeyToPath): void {
  if (!item.key) errors.push(fieldError.required(`${path}.key`));
  if (!item.path) errors.push(fieldError.required(`${path}.path`));
  checkNonReserved(errors, `${path}.path`, item.path ?? '');
  checkMode(errors, `${path}.mode`, item.mode);
}

const keyed =
  (nameField: 'name' | 'secretName'): Check =>
  (errors, path, source) => {
    if (!source[nameField]) errors.push(fieldError.required(`${path}.${nameField}`));
    checkMode(errors, `${path}.defaultMode`, source.defaultMode);
    source.items?.forEach((item: corev1.KeyToPath, i: number) => {
      checkKeyToPath(errors, `${path}.items[${i}]`, item);
    });
  };

const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

const hostPath: Check = (errors, path, source: corev1.HostPathVolumeSource) => {
  if (!source.path) {
    errors.push(fieldError.required(`${path}.path`));
    return;
  }
  checkNoBacksteps(errors, `${path}.path`, source.path);
  if (source.type !== undefined && !HOST_PATH_TYPES.includes(source.type)) {
    errors.push(fieldError.notSupported(`${path}.type`, source.type, HOST_PATH_TYPES));
  }
};

const downward: Check = (errors, path, source: corev1.DownwardAPIVolumeSource) => {
  checkMode(errors, `${path}.defaultMode`, source.defaultMode);
  for (const file of source.items ?? []) {
    if (!file.path) errors.push(fieldError.required(`${path}.path`));
    checkNonReserved(errors, `${path}.path`, file.path ?? '');
    checkDownwardFile(errors, path, file);
    checkMode(errors, `${path}.mode`, file.mode);
  }
};

const nfs: Check = (errors, path, source: corev1.NFSVolumeSource) => {
  needs('server', 'path')(errors, path, source, undefined as never, undefined as never);
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

const flocker: Check = (errors, path, { datasetName, datasetUUID }: corev1.FlockerVolumeSource) => {
  if (!datasetName && !datasetUUID) errors.push(fieldError.required(path, 'one of datasetName and datasetUUID is required'));
  if (datasetName && datasetUUID) {
    errors.push(fieldError.invalid(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  }
  if (datasetName?.includes('/')) errors.push(fieldError.invalid(`${path}.datasetName`, datasetName, "must not contain '/'"));
};

const TENANT_MAX = 65;

const quobyte: Check = (errors, path, { registry, volume, tenant }: corev1.QuobyteVolumeSource) => {
  if (!registry) {
    errors.push(fieldError.required(`${path}.registry`, 'must be a host:port pair or multiple pairs separated by commas'));
  } else if (tenant && tenant.length >= TENANT_MAX) {
    errors.push(fieldError.required(`${path}.tenant`, 'must be a UUID and may not exceed a length of 64 characters'));
  } else {
    for (const pair of registry.split(',')) {
      const wrong = !/^(\[[^\]]*\]|[^:[\]]*):[^:]*$/.test(pair);
      if (wrong)
        errors.push(fieldError.invalid(`${path}.registry`, registry, 'must be a host:port pair or multiple pairs separated by commas'));
    }
  }
  if (!volume) errors.push(fieldError.required(`${path}.volume`));
};

const CACHING_MODES = ['None', 'ReadOnly', 'ReadWrite'];
const DISK_KINDS = ['Dedicated', 'Managed', 'Shared'];
const MANAGED_URI = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const BLOB_URI = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

const azureDisk: Check = (errors, path, { diskName, diskURI, cachingMode, kind }: corev1.AzureDiskVolumeSource) => {
  if (!diskName) errors.push(fieldError.required(`${path}.diskName`));
  if (!diskURI) errors.push(fieldError.required(`${path}.diskURI`));
  if (cachingMode !== undefined && !CACHING_MODES.includes(cachingMode)) {
    errors.push(fieldError.notSupported(`${path}.cachingMode`, cachingMode, CACHING_MODES));
  }
  if (kind !== undefined && !DISK_KINDS.includes(kind)) errors.push(fieldError.notSupported(`${path}.kind`, kind, DISK_KINDS));
  const isManaged = kind === 'Managed';
  if (isManaged && diskURI && !diskURI.startsWith('/subscriptions/')) {
    errors.push(fieldError.notSupported(`${path}.diskURI`, diskURI, [MANAGED_URI]));
  }
  if (kind !== undefined && !isManaged && diskURI && !diskURI.startsWith('https://')) {
    errors.push(fieldError.notSupported(`${path}.diskURI`, diskURI, [BLOB_URI]));
  }
};

const csi: Check = (errors, path, source: corev1.CSIVolumeSource) => {
  checkCsiDriverName(errors, `${path}.driver`, source.driver);
  const secret = source.nodePublishSecretRef;
  if (!secret) return;
  if (!secret.name) errors.push(fieldError.required(`${path}.nodePublishSecretRef.name`));
  else complain(errors, `${path}.name`, secret.name, nameIsSubdomain(secret.name, false));
};

const ephemeral: Check = (errors, path, source: corev1.EphemeralVolumeSource, volume, { podName }) => {
  if (!source.volumeClaimTemplate) errors.push(fieldError.required(`${path}.volumeClaimTemplate`));
  else checkClaimTemplate(errors, `${path}.volumeClaimTemplate`, source.volumeClaimTemplate);
  if (!podName || !volume.name) return;
  const claim = `${podName}-${volume.name}`;
  const at = `${path.slice(0, path.lastIndexOf('.'))}.name`;
  for (const message of nameIsSubdomain(claim, false)) {
    errors.push(fieldError.invalid(at, volume.name, `PVC name ${JSON.stringify(claim)}: ${message}`));
  }
};

const image: Check = (errors, path, source: corev1.ImageVolumeSource, _volume, { isPod }) => {
  if (isPod && !source.reference) errors.push(fieldError.required(`${path}.reference`));
  if (!source.pullPolicy) errors.push(fieldError.required(`${path}.pullPolicy`));
  else if (!PULL_POLICIES.includes(source.pullPolicy)) {
    errors.push(fieldError.notSupported(`${path}.pullPolicy`, source.pullPolicy, PULL_POLICIES));
  }
};

const gitRepo: Check = (errors, path, source: corev1.GitRepoVolumeSource) => {
  if (!source.repository) errors.push(fieldError.required(`${path}.repository`));
  checkDescending(errors, `${path}.directory`, source.directory ?? '');
};

/** Every kind of volume in upstream's order of checking. Drivers that left the tree get the checks of presence only. */
const SOURCES: readonly [name: keyof corev1.Volume, check: Check][] = [
  [
    'emptyDir',
    (errors, path, source: corev1.EmptyDirVolumeSource) => {
      if (source.sizeLimit !== undefined && quantitySign(source.sizeLimit) < 0) {
        errors.push(fieldError.forbidden(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity'));
      }
    },
  ],
  ['hostPath', hostPath],
  ['gitRepo', gitRepo],
  ['gcePersistentDisk', needs('pdName')],
  ['awsElasticBlockStore', needs('volumeID')],
  ['secret', keyed('secretName')],
  ['nfs', nfs],
  ['iscsi', needs('targetPortal', 'iqn')],
  ['glusterfs', needs('endpoints', 'path')],
  ['flocker', flocker],
  ['persistentVolumeClaim', needs('claimName')],
  ['rbd', needs('monitors', 'image')],
  ['cinder', needs('volumeID')],
  ['cephfs', needs('monitors')],
  ['quobyte', quobyte],
  ['downwardAPI', downward],
  ['fc', () => {}],
  ['flexVolume', needs('driver')],
  ['configMap', keyed('name')],
  ['azureFile', needs('secretName', 'shareName')],
  ['vsphereVolume', needs('volumePath')],
  ['photonPersistentDisk', needs('pdID')],
  ['portworxVolume', needs('volumeID')],
  ['azureDisk', azureDisk],
  ['storageos', () => {}],
  ['projected', (errors, path, source: corev1.ProjectedVolumeSource) => checkProjected(errors, path, source, checkKeyToPath)],
  ['scaleIO', needs('gateway', 'system', 'volumeName')],
  ['csi', csi],
  ['ephemeral', ephemeral],
  ['image', image],
];
const CHECKS = new Map<string, Check>(SOURCES);
const ORDER = new Map<string, number>(SOURCES.map(([name], i) => [name, i]));

/** Of volumes of a second type, as upstream spells them. */
const ODD_PATHS: Record<string, string> = { downwardAPI: 'downwarAPI', cephfs: 'cephFS' };

function checkSource(errors: Errors, path: string, volume: corev1.Volume, context: Context): void {
  let given: string[] | undefined;
  let first: string | undefined;
  for (const key in volume) {
    if (!CHECKS.has(key) || volume[key as keyof corev1.Volume] === undefined) continue;
    if (first === undefined) first = key;
    else {
      given ??= [first];
      given.push(key);
    }
  }
  if (first === undefined) {
    errors.push(fieldError.required(path, 'must specify a volume type'));
    return;
  }
  if (given) {
    given.sort((a, b) => ORDER.get(a)! - ORDER.get(b)!);
    first = given[0]!;
  }
  CHECKS.get(first)!(errors, `${path}.${first}`, volume[first as keyof corev1.Volume], volume, context);
  for (const extra of given?.slice(1) ?? []) {
    const name = ODD_PATHS[extra] ?? extra;
    errors.push(fieldError.forbidden(`${path}.${name}`, 'may not specify more than 1 volume type'));
  }
}

/** Checks a pod's volumes and answers with those that are valid, by name. */
export function checkVolumes(
  errors: Errors,
  path: string,
  volumes: readonly corev1.Volume[] | undefined,
  meta: ObjectMeta | undefined,
  isPod: boolean,
): Map<string, corev1.Volume> {
  const valid = new Map<string, corev1.Volume>();
  if (!volumes) return valid;
  const context = { isPod, podName: meta?.name ?? '' };
  const made = new Set(context.podName ? volumes.filter((v) => v.ephemeral).map((v) => `${context.podName}-${v.name}`) : []);
  volumes.forEach((volume, i) => {
    const at = `${path}[${i}]`;
    const before = errors.length;
    checkSource(errors, at, volume, context);
    if (!volume.name) errors.push(fieldError.required(`${at}.name`));
    else complain(errors, `${at}.name`, volume.name, isDns1123Label(volume.name));
    if (valid.has(volume.name)) errors.push(fieldError.duplicate(`${at}.name`, volume.name));
    if (errors.length === before) valid.set(volume.name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim && made.has(claim)) {
      const why = 'must not reference a PVC that gets created for an ephemeral volume';
      errors.push(fieldError.invalid(`${at}.persistentVolumeClaim.claimName`, claim, why));
    }
  });
  return valid;
}
