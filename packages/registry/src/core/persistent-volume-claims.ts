// PersistentVolumeClaims (registry/core/persistentvolumeclaim, apis/core/validation, printers printPersistentVolumeClaim).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { text, wide, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, IMMUTABLE } from '../rules/errors.ts';
import { isQualifiedName } from '../rules/formats.ts';
import { compareQuantities, quantitySign, quantityValue } from '../rules/quantities.ts';
import { checkClaimSpec } from '../rules/volume-claims.ts';
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

function validate({ spec = {} }: Claim): Errors {
  const errors: Errors = [];
  checkClaimSpec(errors, 'spec', spec);
  return errors;
}

/** The new spec with what may change taken back. */
function withoutAllowedChanges(claim: Claim, old: Claim): Spec {
  const [spec, before] = [claim.spec ?? {}, old.spec ?? {}];
  const munged: Spec = { ...spec };
  if (!before.volumeName) delete munged.volumeName;
  const annotated = old.metadata?.annotations?.[CLASS_ANNOTATION];
  const upgrades = before.storageClassName === undefined && (annotated === undefined || annotated === spec.storageClassName);
  if (upgrades && spec.storageClassName !== undefined) delete munged.storageClassName;
  if (claim.status?.phase === 'Bound') {
    if (munged.resources?.requests) {
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

function validateUpdate(claim: Claim, old: Claim): Errors {
  const errors = validate(claim);
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
  if (old.status?.currentVolumeAttributesClassName !== undefined && !spec.volumeAttributesClassName && before.volumeAttributesClassName) {
    const to = spec.volumeAttributesClassName === undefined ? 'nil' : 'empty string';
    const why = `update to ${to} is forbidden when status.currentVolumeAttributesClassName is not nil`;
    errors.push(fieldError.forbidden('spec.volumeAttributesClassName', why));
  }
  return errors;
}

const RESIZE_STATES = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
].sort();

function checkResourceKey(errors: Errors, path: string, key: string): void {
  const wrong = isQualifiedName(key);
  complain(errors, path, key, wrong);
  if (wrong.length > 0) return;
  if (key.split('/').length === 1) {
    if (key !== 'storage') errors.push(fieldError.notSupported(path, key, ['storage']));
  } else if (key.startsWith('kubernetes.io/')) errors.push(fieldError.invalid(path, key, 'must not use kubernetes.io namespace'));
}

function checkResize(status: Claim['status']): Errors {
  const errors: Errors = [];
  const negative = (path: string, value: unknown) => {
    if (quantitySign(value) < 0) errors.push(fieldError.invalid(path, quantityValue(value), 'must be a valid resource quantity'));
  };
  for (const [name, value] of Object.entries(status?.capacity ?? {})) negative(`status.capacity[${name}]`, value);
  for (const [key, state] of Object.entries(status?.allocatedResourceStatuses ?? {})) {
    checkResourceKey(errors, 'status.allocatedResourceStatuses', key);
    if (!RESIZE_STATES.includes(state)) errors.push(fieldError.notSupported('status.allocatedResourceStatuses', key, RESIZE_STATES));
  }
  for (const [key, value] of Object.entries(status?.allocatedResources ?? {})) {
    checkResourceKey(errors, 'status.allocatedResources', key);
    negative(`status.allocatedResources[${key}]`, value);
  }
  return errors;
}

/** What the older field may name: another claim, or a snapshot. Anything else it never did, and does not. */
function dropUnknownSource(spec: Spec, before: Spec | undefined): void {
  // Sources of other namespaces are off by default.
  if (spec.dataSourceRef && !before?.dataSourceRef?.namespace) delete spec.dataSourceRef.namespace;
  if (before?.dataSource || before?.dataSourceRef || !spec.dataSource) return;
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
    if (claim.spec) {
      dropUnknownSource(claim.spec, undefined);
      fillDataSources(claim.spec);
    }
  },
  prepareForUpdate(claim, old) {
    claim.status = old.status;
    if (claim.spec) dropUnknownSource(claim.spec, old.spec);
  },
  validateCreate: validate,
  validateUpdate,
  status: {
    validateUpdate: ({ status }) => checkResize(status),
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
