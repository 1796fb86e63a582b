// PersistentVolumes (registry/core/persistentvolume, apis/core/validation ValidatePersistentVolumeSpec, printers printPersistentVolume).
import { cameFiner, type corev1, timeText } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { text, wide, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, IMMUTABLE, maybeOneOf } from '../rules/errors.ts';
import { nameIsSubdomain } from '../rules/formats.ts';
import { warnAboutNodeTerm } from '../rules/node-labels.ts';
import { checkNodeSelector } from '../rules/pod/placement.ts';
import { quantityInt64, quantitySign } from '../rules/quantities.ts';
import { checkAccessModes, VOLUME_MODES } from '../rules/volume-claims.ts';
import { accessModesText, CLASS_ANNOTATION } from './persistent-volume-claims.ts';
import { checkMountOptions, checkSources, SOURCES } from './persistent-volume-sources.ts';
import { specDifference } from './pod/spec-difference.ts';

type Volume = corev1.PersistentVolume;
type Spec = corev1.PersistentVolumeSpec;
/** Labels of nodes that have a successor, which a volume may move to. */
const SUCCESSORS: Record<string, string> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};

/** Whether the nodes are the old ones, but for labels that have moved on. */
function sameNodes(affinity: corev1.VolumeNodeAffinity | undefined, old: corev1.VolumeNodeAffinity): boolean {
  const moved = structuredClone(old);
  moved.required?.nodeSelectorTerms?.forEach((term, i) => {
    const now = affinity?.required?.nodeSelectorTerms?.[i];
    for (const list of ['matchExpressions', 'matchFields'] as const) {
      term[list]?.forEach((requirement, j) => {
        const next = now?.[list]?.[j];
        // Upstream takes a key that is gone for the successor of one that has none.
        if (next && (SUCCESSORS[requirement.key] ?? '') === (next.key ?? '')) requirement.key = next.key;
      });
    }
  });
  return sameValue(affinity, moved);
}

function validate({ metadata, spec = {} }: Volume): Errors {
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
    const units = quantityInt64(quantity);
    if (units < 0n) errors.push(fieldError.invalid(at, units, 'must be a valid resource quantity'));
    if (quantitySign(quantity) <= 0) errors.push(fieldError.invalid(at, String(quantity), 'must be greater than zero'));
  }
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy) maybeOneOf(errors, 'spec.persistentVolumeReclaimPolicy', policy, ['Delete', 'Recycle', 'Retain']);
  const required = spec.nodeAffinity?.required;
  if (required) checkNodeSelector(errors, 'spec.nodeAffinity.required', required);
  else if (spec.nodeAffinity) errors.push(fieldError.required('spec.nodeAffinity.required', 'must specify required node constraints'));
  checkSources(errors, spec, metadata?.name ?? '');
  if (spec.hostPath && /^(\/|\.)*\/$|^\/[/.]*$/.test(spec.hostPath.path ?? '') && policy === 'Recycle') {
    errors.push(fieldError.forbidden('spec.persistentVolumeReclaimPolicy', "may not be 'recycle' for a hostPath mount of '/'"));
  }
  const { storageClassName, volumeAttributesClassName: attributes } = spec;
  if (storageClassName) complain(errors, 'spec.storageClassName', storageClassName, nameIsSubdomain(storageClassName, false));
  if (attributes !== undefined) {
    const at = 'spec.volumeAttributesClassName';
    if (attributes) complain(errors, at, attributes, nameIsSubdomain(attributes, false));
    else errors.push(fieldError.required(at, 'an empty string is disallowed'));
    if (!spec.csi) errors.push(fieldError.required('spec.csi', 'has to be specified when using volumeAttributesClassName'));
  }
  maybeOneOf(errors, 'spec.volumeMode', spec.volumeMode, VOLUME_MODES);
  checkMountOptions(errors, { metadata, spec });
  return errors;
}

const DEPRECATED_ANNOTATIONS: readonly [key: string, instead: string][] = [
  [CLASS_ANNOTATION, 'deprecated since v1.8; use "storageClassName" attribute instead'],
  ['volume.beta.kubernetes.io/mount-options', 'deprecated since v1.31; use "mountOptions" attribute instead'],
];
const DEPRECATED_SOURCES: readonly [name: keyof Spec, shown: string, since: string][] = [
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

/** api/persistentvolume/util.go. */
function warnAbout({ metadata, spec = {} }: Volume, warn: (text: string) => void): void {
  for (const [key, instead] of DEPRECATED_ANNOTATIONS) {
    if (metadata?.annotations?.[key] !== undefined) warn(`metadata.annotations[${key}]: ${instead}`);
  }
  if (spec.persistentVolumeReclaimPolicy === 'Recycle') {
    const why = 'The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.';
    warn(`spec.persistentVolumeReclaimPolicy: ${why}`);
  }
  spec.nodeAffinity?.required?.nodeSelectorTerms?.forEach((term, i) => {
    warnAboutNodeTerm(warn, `spec.nodeAffinity.required.nodeSelectorTerms[${i}]`, term, false);
  });
  for (const [name, shown, since] of DEPRECATED_SOURCES) if (spec[name] !== undefined) warn(`spec.${shown}: ${since}`);
}

/** The sources, but for a secret of a CSI volume that may be added later. */
function pickComparable(spec: Spec = {}, old: Spec = {}): Record<string, unknown> {
  const sources = pick(spec);
  if (!old.csi || old.csi.controllerExpandSecretRef || !spec.csi?.controllerExpandSecretRef) return sources;
  const { controllerExpandSecretRef: _added, ...csi } = spec.csi;
  return { ...sources, csi };
}

const pick = (spec: Spec = {}) => Object.fromEntries(SOURCES.map((name) => [name, spec[name]]));

export const persistentVolumes = defineBuiltIn<Volume>('', 'v1', 'persistentvolumes', {
  prepareForCreate(volume, { runtime }) {
    volume.status = { phase: 'Pending', lastPhaseTransitionTime: timeText(runtime.clock.now()) };
  },
  prepareForUpdate(volume, old) {
    volume.status = old.status;
  },
  validateCreate(volume, { warn }) {
    const errors = validate(volume);
    if (errors.length === 0) warnAbout(volume, warn);
    return errors;
  },
  validateUpdate(volume, old, { warn }) {
    const errors = validate(volume);
    const sources = pickComparable(volume.spec, old.spec);
    if (!sameValue(sources, pick(old.spec))) {
      const difference = specDifference(pick(old.spec), sources);
      const why = `spec.persistentvolumesource is immutable after creation\n${difference}`;
      errors.push(fieldError.forbidden('spec.persistentvolumesource', why));
    }
    const affinity = old.spec?.nodeAffinity;
    if (affinity !== undefined && !sameNodes(volume.spec?.nodeAffinity, affinity)) {
      const why = `${IMMUTABLE}, except for updating from beta label to GA`;
      errors.push(fieldError.invalid('nodeAffinity', volume.spec?.nodeAffinity ?? null, why));
    }
    if (!sameValue(volume.spec?.volumeMode, old.spec?.volumeMode)) {
      errors.push(fieldError.invalid('volumeMode', volume.spec?.volumeMode ?? null, IMMUTABLE));
    }
    if (old.spec?.volumeAttributesClassName !== undefined && volume.spec?.volumeAttributesClassName === undefined) {
      errors.push(fieldError.forbidden('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden'));
    }
    if (errors.length === 0) warnAbout(volume, warn);
    return errors;
  },
  status: {
    prepareForUpdate(volume, old, { runtime }) {
      volume.spec = old.spec!;
      const isFiner = volume.status !== undefined && cameFiner(volume.status, 'lastPhaseTransitionTime');
      const status = { ...volume.status };
      volume.status = status;
      const [phase, time] = [old.status?.phase ?? '', old.status?.lastPhaseTransitionTime];
      if (phase === (status.phase ?? '')) status.lastPhaseTransitionTime ??= time!;
      else if (status.lastPhaseTransitionTime === undefined || (status.lastPhaseTransitionTime === time && !isFiner)) {
        status.lastPhaseTransitionTime = timeText(runtime.clock.now());
      }
      if (status.lastPhaseTransitionTime === undefined) delete status.lastPhaseTransitionTime;
    },
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
