// PersistentVolumeClaims (registry/core/persistentvolumeclaim, apis/core/validation, printers printPersistentVolumeClaim).
import { cameEmpty, type corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { text, wide, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, IMMUTABLE } from '../rules/errors.ts';
import { isQualifiedName } from '../rules/formats.ts';
import { compareQuantities, quantityInt64 } from '../rules/quantities.ts';
import { checkClaimSpec, warnAboutClaim } from '../rules/volume-claims.ts';
import { specDifference } from './pod/spec-difference.ts';

type Claim = corev1.PersistentVolumeClaim;
type Spec = corev1.PersistentVolumeClaimSpec;
export const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

const SHORT_MODES: Record<string, string> = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' };
/** Access modes as tables abbreviate them, in upstream's order. */
export const accessModesText = (modes: readonly string[] | undefined) =>
  Object.keys(SHORT_MODES)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => SHORT_MODES[mode])
    .join(',');

function validate({ spec = {} }: Claim, old?: Claim): Errors {
  const errors: Errors = [];
  checkClaimSpec(errors, 'spec', spec, old?.spec);
  return errors;
}

function warnAbout({ metadata, spec = {} }: Claim, warn: (text: string) => void): void {
  if (metadata?.annotations?.[CLASS_ANNOTATION] !== undefined) {
    warn(`metadata.annotations[${CLASS_ANNOTATION}]: deprecated since v1.8; use "storageClassName" attribute instead`);
  }
  warnAboutClaim(warn, 'spec', spec);
}

/** Whether the class that an old annotation names moves to the field for it. */
function movesClass(claim: Claim, old: Claim): boolean {
  const [annotated, now] = [old.metadata?.annotations?.[CLASS_ANNOTATION], claim.metadata?.annotations?.[CLASS_ANNOTATION]];
  const named = claim.spec?.storageClassName;
  return annotated !== undefined && old.spec?.storageClassName === undefined && named === annotated && (now ?? annotated) === annotated;
}

/** The new spec with what may change taken back. */
function withoutAllowedChanges(claim: Claim, old: Claim): Spec {
  const [spec, before] = [claim.spec ?? {}, old.spec ?? {}];
  const munged: Spec = { ...spec };
  if (!before.volumeName) delete munged.volumeName;
  const annotated = old.metadata?.annotations?.[CLASS_ANNOTATION];
  const upgrades = before.storageClassName === undefined && (annotated === undefined || annotated === spec.storageClassName);
  if (upgrades || movesClass(claim, old)) delete munged.storageClassName;
  if (claim.status?.phase === 'Bound') {
    if (munged.resources && (munged.resources.requests || cameEmpty(munged.resources, 'requests'))) {
      munged.resources = {
        ...munged.resources,
        requests: { ...munged.resources.requests, storage: before.resources?.requests?.storage ?? '0' },
      };
    }
    if (before.volumeAttributesClassName === undefined) delete munged.volumeAttributesClassName;
    else munged.volumeAttributesClassName = before.volumeAttributesClassName;
  }
  return munged;
}

function checkAttributesClass(errors: Errors, spec: Spec, old: Claim): void {
  const { volumeAttributesClassName: wished } = spec;
  if (old.status?.currentVolumeAttributesClassName === undefined || wished || wished === old.spec?.volumeAttributesClassName) return;
  const why = `update to ${wished === undefined ? 'nil' : 'empty string'} is forbidden when status.currentVolumeAttributesClassName is not nil`;
  errors.push(fieldError.forbidden('spec.volumeAttributesClassName', why));
}

function validateUpdate(claim: Claim, old: Claim): Errors {
  const errors = validate(claim, old);
  const [annotated, named] = [old, claim].map(({ metadata }) => metadata?.annotations?.[CLASS_ANNOTATION] ?? '');
  if (annotated !== named && !movesClass(claim, old)) {
    errors.push(fieldError.invalid(`metadata.annotations.${CLASS_ANNOTATION}`, named, IMMUTABLE));
  }
  const [spec, before] = [claim.spec ?? {}, old.spec ?? {}];
  const munged = withoutAllowedChanges(claim, old);
  const base: Spec = { ...before };
  if (!before.volumeName) delete base.volumeName;
  if (!sameValue(munged, base)) {
    const why = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    errors.push(fieldError.forbidden('spec', `${why}\n${specDifference(base, munged)}`));
  }
  const [size, oldSize] = [spec.resources?.requests?.storage, before.resources?.requests?.storage];
  if (compareQuantities(size, oldSize) < 0 && compareQuantities(size, old.status?.capacity?.storage) <= 0) {
    errors.push(fieldError.forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  }
  if (!sameValue(spec.volumeMode, before.volumeMode)) errors.push(fieldError.invalid('volumeMode', spec.volumeMode ?? null, IMMUTABLE));
  checkAttributesClass(errors, spec, old);
  return errors;
}

const RESIZE_STATES = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
].sort();

/** Whether the key will do. */
function checkResourceKey(errors: Errors, path: string, key: string): boolean {
  const wrong = isQualifiedName(key);
  complain(errors, path, key, wrong);
  const isNative = !key.includes('/') || key.includes('kubernetes.io/');
  if (wrong.length === 0 && isNative && key !== 'storage') errors.push(fieldError.notSupported(path, key, ['storage']));
  return wrong.length === 0 && (!isNative || key === 'storage');
}

function validateStatus({ spec, status }: Claim): Errors {
  const errors: Errors = [];
  if (!spec?.accessModes?.length) errors.push(fieldError.required('Spec.accessModes'));
  const negative = (path: string, value: unknown) => {
    const units = quantityInt64(value);
    if (units < 0n) errors.push(fieldError.invalid(path, units, 'must be a valid resource quantity'));
  };
  for (const [name, value] of Object.entries(status?.capacity ?? {})) negative(`status.capacity[${name}]`, value);
  for (const [key, state] of Object.entries(status?.allocatedResourceStatuses ?? {})) {
    checkResourceKey(errors, 'status.allocatedResourceStatuses', key);
    if (!RESIZE_STATES.includes(state)) errors.push(fieldError.notSupported('status.allocatedResourceStatuses', key, RESIZE_STATES));
  }
  for (const [key, value] of Object.entries(status?.allocatedResources ?? {})) {
    if (checkResourceKey(errors, 'status.allocatedResources', key)) negative(`status.allocatedResources[${key}]`, value);
  }
  return errors;
}

/** What the older field may name: another claim, or a snapshot. Anything else it never did, and does not. */
function dropUnknownSource(spec: Spec, before: Spec | undefined): void {
  // Sources of other namespaces are off by default.
  if (spec.dataSourceRef?.namespace && !before?.dataSourceRef) delete spec.dataSourceRef;
  if (before?.dataSource || before?.dataSourceRef || spec.dataSourceRef || !spec.dataSource) return;
  const { kind, apiGroup = '' } = spec.dataSource;
  const isClaim = kind === 'PersistentVolumeClaim' && apiGroup === '';
  if (!isClaim && !(kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io')) delete spec.dataSource;
}

/** The older of the two fields for a source and the newer say the same, unless only the newer can. */
function fillDataSources(spec: Spec): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource };
  if (dataSource || !dataSourceRef || dataSourceRef.namespace) return;
  const { namespace: _none, ...local } = dataSourceRef;
  spec.dataSource = local;
}

export const persistentVolumeClaims = defineBuiltIn<Claim>('', 'v1', 'persistentvolumeclaims', {
  prepareForCreate(claim) {
    claim.status = { phase: 'Pending' };
    if (!claim.spec) return;
    dropUnknownSource(claim.spec, undefined);
    fillDataSources(claim.spec);
  },
  prepareForUpdate(claim, old) {
    claim.status = old.status;
    if (!claim.spec) return;
    dropUnknownSource(claim.spec, old.spec);
    fillDataSources(claim.spec);
  },
  validateCreate(claim, { warn }) {
    const errors = validate(claim);
    if (errors.length === 0) warnAbout(claim, warn);
    return errors;
  },
  validateUpdate(claim, old, { warn }) {
    const errors = validateUpdate(claim, old);
    if (errors.length === 0) warnAbout(claim, warn);
    return errors;
  },
  status: {
    prepareForUpdate(claim, old) {
      claim.spec = old.spec!;
    },
    validateUpdate: validateStatus,
  },
  selectableFields: ({ metadata }) => ({ name: metadata?.name ?? '' }),
  columns: [
    ...withNameAndAge<Claim>(
      text('Status', ({ metadata, status }) => (metadata?.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''))),
      text('Volume', ({ spec }) => spec?.volumeName ?? ''),
      text('Capacity', ({ spec, status }) => (spec?.volumeName ? String(status?.capacity?.storage ?? '0') : '')),
      text('Access Modes', ({ spec, status }) => (spec?.volumeName ? accessModesText(status?.accessModes) : '')),
      text('StorageClass', ({ metadata, spec }) => metadata?.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? ''),
      text('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
    ),
    wide(text<Claim>('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>')),
  ],
});
