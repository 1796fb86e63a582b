// PersistentVolumes (registry/core/persistentvolume, apis/core/validation ValidatePersistentVolumeSpec, printers printPersistentVolume).
import { type corev1, timeText } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { text, wide, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, IMMUTABLE, maybeOneOf } from '../rules/errors.ts';
import { nameIsSubdomain } from '../rules/formats.ts';
import { checkNoBacksteps } from '../rules/pod/paths.ts';
import { checkNodeSelector } from '../rules/pod/placement.ts';
import { checkCsiDriverName } from '../rules/pod/volumes.ts';
import { quantitySign, quantityValue } from '../rules/quantities.ts';
import { checkAccessModes, VOLUME_MODES } from '../rules/volume-claims.ts';
import { accessModesText, CLASS_ANNOTATION } from './persistent-volume-claims.ts';
import { specDifference } from './pod/spec-difference.ts';

type Volume = corev1.PersistentVolume;
type Spec = corev1.PersistentVolumeSpec;
const SOURCES = [
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'glusterfs',
  'flocker',
  'nfs',
  'rbd',
  'quobyte',
  'cephfs',
  'iscsi',
  'cinder',
  'fc',
  'flexVolume',
  'azureFile',
  'vsphereVolume',
  'photonPersistentDisk',
  'portworxVolume',
  'azureDisk',
  'scaleIO',
  'local',
  'storageos',
  'csi',
] as const;

function checkSources(errors: Errors, spec: Spec): void {
  const given = SOURCES.filter((name) => spec[name] !== undefined);
  if (!given.length) errors.push(fieldError.required('spec', 'must specify a volume type'));
  for (const extra of given.slice(1)) errors.push(fieldError.forbidden(`spec.${extra}`, 'may not specify more than 1 volume type'));
  for (const name of ['hostPath', 'local', 'nfs'] as const) {
    const source = spec[name];
    if (!source) continue;
    if (!source.path) errors.push(fieldError.required(`spec.${name}.path`));
    else if (name !== 'nfs') checkNoBacksteps(errors, `spec.${name}.path`, source.path);
    else if (!source.path.startsWith('/')) errors.push(fieldError.invalid('spec.nfs.path', source.path, 'must be an absolute path'));
  }
  if (spec.nfs && !spec.nfs.server) errors.push(fieldError.required('spec.nfs.server'));
  if (spec.csi) {
    checkCsiDriverName(errors, 'spec.csi.driver', spec.csi.driver);
    if (!spec.csi.volumeHandle) errors.push(fieldError.required('spec.csi.volumeHandle'));
  }
}

function validate({ spec = {} }: Volume): Errors {
  const errors: Errors = [];
  if (spec.accessModes?.length) checkAccessModes(errors, 'spec.accessModes', spec.accessModes);
  else errors.push(fieldError.required('spec.accessModes'));
  const storage = spec.capacity?.storage;
  if (!spec.capacity || !Object.keys(spec.capacity).length) errors.push(fieldError.required('spec.capacity'));
  if (storage === undefined || Object.keys(spec.capacity ?? {}).length > 1) {
    errors.push(fieldError.notSupported('spec.capacity', spec.capacity ?? null, ['storage']));
  }
  for (const [name, quantity] of Object.entries(spec.capacity ?? {})) {
    const at = `spec.capacity[${name}]`;
    if (quantitySign(quantity) < 0) errors.push(fieldError.invalid(at, quantityValue(quantity), 'must be a valid resource quantity'));
    if (quantitySign(quantity) <= 0) errors.push(fieldError.invalid(at, String(quantity), 'must be greater than zero'));
  }
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy) maybeOneOf(errors, 'spec.persistentVolumeReclaimPolicy', policy, ['Delete', 'Recycle', 'Retain']);
  const required = spec.nodeAffinity?.required;
  if (required) checkNodeSelector(errors, 'spec.nodeAffinity.required', required);
  else if (spec.nodeAffinity) errors.push(fieldError.required('spec.nodeAffinity.required', 'must specify required node constraints'));
  checkSources(errors, spec);
  if (spec.hostPath?.path === '/' && policy === 'Recycle') {
    errors.push(fieldError.forbidden('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'"));
  }
  if (spec.local && !required) errors.push(fieldError.required('spec.nodeAffinity', 'Local volume requires node affinity'));
  for (const name of ['storageClassName', 'volumeAttributesClassName'] as const) {
    const value = spec[name];
    if (value) complain(errors, `spec.${name}`, value, nameIsSubdomain(value, false));
  }
  maybeOneOf(errors, 'spec.volumeMode', spec.volumeMode, VOLUME_MODES);
  return errors;
}

const pick = (spec: Spec = {}) => Object.fromEntries(SOURCES.map((name) => [name, spec[name]]));

export const persistentVolumes = defineBuiltIn<Volume>('', 'v1', 'persistentvolumes', {
  prepareForCreate(volume, { runtime }) {
    volume.status = { phase: 'Pending', lastPhaseTransitionTime: timeText(runtime.clock.now()) };
  },
  validateCreate: validate,
  validateUpdate(volume, old) {
    const errors = validate(volume);
    if (!sameValue(pick(volume.spec), pick(old.spec))) {
      const difference = specDifference(pick(old.spec), pick(volume.spec));
      const why = `spec.persistentvolumesource is immutable after creation\n${difference}`;
      errors.push(fieldError.forbidden('spec.persistentvolumesource', why));
    }
    const affinity = old.spec?.nodeAffinity;
    if (affinity !== undefined && !sameValue(volume.spec?.nodeAffinity, affinity)) {
      const why = `${IMMUTABLE}, except for updating from beta label to GA`;
      errors.push(fieldError.invalid('nodeAffinity', volume.spec?.nodeAffinity ?? null, why));
    }
    if (!sameValue(volume.spec?.volumeMode, old.spec?.volumeMode)) {
      errors.push(fieldError.invalid('volumeMode', volume.spec?.volumeMode ?? null, IMMUTABLE));
    }
    return errors;
  },
  selectableFields: ({ metadata }) => ({ name: metadata?.name ?? '' }),
  columns: [
    ...withNameAndAge<Volume>(
      text('Capacity', ({ spec }) => String(spec?.capacity?.storage ?? '0')),
      text('Access Modes', ({ spec }) => accessModesText(spec?.accessModes)),
      text('Reclaim Policy', ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? ''),
      text('Status', ({ metadata, status }) => (metadata?.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''))),
      text('Claim', ({ spec }) => (spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '')),
      text('StorageClass', ({ metadata, spec }) => metadata?.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? ''),
      text('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
      text('Reason', ({ status }) => status?.reason ?? ''),
    ),
    wide(text<Volume>('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>')),
  ],
});
