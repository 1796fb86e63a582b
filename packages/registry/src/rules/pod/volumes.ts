// Volumes of a pod (apis/core/validation ValidateVolumes, validateVolumeSource).
import type { corev1, ObjectMeta } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors } from '../errors.ts';
import { isDns1123Label, nameIsSubdomain } from '../formats.ts';
import { quantitySign } from '../quantities.ts';
import { checkClaimTemplate } from '../volume-claims.ts';
import { PULL_POLICIES } from './containers.ts';
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
  checkStorageOs,
  ISCSI_LENGTH_MAX,
  ISCSI_TOO_LONG,
  needs,
} from './driver-volumes.ts';
import { checkDownwardFile } from './environment.ts';
import { checkDescending, checkNonReserved } from './paths.ts';
import { checkMode, checkProjected } from './projected.ts';

interface Context {
  isPod: boolean;
  podName: string;
}
type Check = (errors: Errors, path: string, source: any, volume: corev1.Volume, context: Context) => void;

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

const downward: Check = (errors, path, source: corev1.DownwardAPIVolumeSource) => {
  checkMode(errors, `${path}.defaultMode`, source.defaultMode);
  for (const file of source.items ?? []) {
    if (!file.path) errors.push(fieldError.required(`${path}.path`));
    checkNonReserved(errors, `${path}.path`, file.path ?? '');
    checkDownwardFile(errors, path, file);
    checkMode(errors, `${path}.mode`, file.mode);
  }
};

const iscsi: Check = (errors, path, source: corev1.ISCSIVolumeSource, volume) => {
  checkIscsi(errors, path, source, 'must be valid format starting with iqn, eui, or naa');
  if (source.initiatorName === undefined || `${volume.name}:${source.targetPortal}`.length <= ISCSI_LENGTH_MAX) return;
  errors.push(fieldError.invalid(`${path.slice(0, path.lastIndexOf('.'))}.name`, volume.name, ISCSI_TOO_LONG));
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

/** Every kind of volume in upstream's order of checking. */
const SOURCES: readonly [name: keyof corev1.Volume, check: Check][] = [
  [
    'emptyDir',
    (errors, path, source: corev1.EmptyDirVolumeSource) => {
      if (source.sizeLimit !== undefined && quantitySign(source.sizeLimit) < 0) {
        errors.push(fieldError.forbidden(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity'));
      }
    },
  ],
  ['hostPath', checkHostPath],
  ['gitRepo', gitRepo],
  ['gcePersistentDisk', checkDisk('pdName')],
  ['awsElasticBlockStore', checkDisk('volumeID')],
  ['secret', keyed('secretName')],
  ['nfs', checkNfs],
  ['iscsi', iscsi],
  ['glusterfs', needs('endpoints', 'path')],
  ['flocker', checkFlocker],
  ['persistentVolumeClaim', needs('claimName')],
  ['rbd', needs('monitors', 'image')],
  ['cinder', checkCinder(['name'])],
  ['cephfs', needs('monitors')],
  ['quobyte', checkQuobyte],
  ['downwardAPI', downward],
  ['fc', checkFibreChannel],
  ['flexVolume', checkFlexVolume],
  ['configMap', keyed('name')],
  ['azureFile', needs('secretName', 'shareName')],
  ['vsphereVolume', needs('volumePath')],
  ['photonPersistentDisk', needs('pdID')],
  ['portworxVolume', needs('volumeID')],
  ['azureDisk', checkAzureDisk],
  ['storageos', checkStorageOs(['name'])],
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
/** And of what is checked. */
const CHECKED_PATHS: Record<string, string> = { gcePersistentDisk: 'persistentDisk' };

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
  CHECKS.get(first)!(errors, `${path}.${CHECKED_PATHS[first] ?? first}`, volume[first as keyof corev1.Volume], volume, context);
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
