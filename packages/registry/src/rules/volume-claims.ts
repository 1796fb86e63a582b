// Claims for volumes: of PersistentVolumeClaims, StatefulSets' templates and ephemeral volumes
// (apis/core/validation ValidatePersistentVolumeClaimSpec, ValidatePersistentVolumeClaimTemplate).
import type { corev1, ObjectMeta } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { sameValue } from './equality.ts';
import { complain, type Errors, maybeOneOf } from './errors.ts';
import { isDns1123Subdomain, nameIsLabel, nameIsSubdomain } from './formats.ts';
import { checkAnnotations, checkLabelSelector, checkLabels } from './labels.ts';
import { isWholeQuantity, quantitySign } from './quantities.ts';

export const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
export const VOLUME_MODES = ['Block', 'Filesystem'];

export function checkAccessModes(errors: Errors, path: string, modes: readonly string[] | undefined): void {
  if (!modes?.length) errors.push(fieldError.required(path, 'at least 1 access mode is required'));
  for (const mode of modes ?? []) if (!ACCESS_MODES.includes(mode)) errors.push(fieldError.notSupported(path, mode, ACCESS_MODES));
  if (modes?.includes('ReadWriteOncePod') && modes.some((mode) => mode !== 'ReadWriteOncePod' && ACCESS_MODES.includes(mode))) {
    errors.push(fieldError.forbidden(path, 'may not use ReadWriteOncePod with other access modes'));
  }
}

function checkDataSource(errors: Errors, path: string, source: corev1.TypedObjectReference, anyGroup: boolean): void {
  if (!source.name) errors.push(fieldError.required(`${path}.name`));
  if (!source.kind) errors.push(fieldError.required(`${path}.kind`));
  const group = source.apiGroup ?? '';
  if (!group && source.kind !== 'PersistentVolumeClaim') {
    const why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
    errors.push(fieldError.invalid(path, source.kind ?? '', why));
  }
  if (group && !anyGroup) complain(errors, `${path}.apiGroup`, group, isDns1123Subdomain(group));
  if (source.namespace) complain(errors, `${path}.namespace`, source.namespace, nameIsLabel(source.namespace, false));
}

/** `old`: what an update starts from; faults that it has may stay. */
export function checkClaimSpec(
  errors: Errors,
  path: string,
  spec: corev1.PersistentVolumeClaimSpec,
  old?: corev1.PersistentVolumeClaimSpec,
): void {
  const anyGroup = old?.dataSource?.apiGroup !== undefined || old?.dataSourceRef?.apiGroup !== undefined;
  if (!spec.accessModes?.length) errors.push(fieldError.required(`${path}.accessModes`, 'at least 1 access mode is required'));
  checkLabelSelector(errors, `${path}.selector`, spec.selector);
  if (spec.accessModes?.length) checkAccessModes(errors, `${path}.accessModes`, spec.accessModes);
  const storage = spec.resources?.requests?.storage;
  if (storage === undefined) errors.push(fieldError.required(`${path}.resources[storage]`));
  else if (quantitySign(storage) <= 0) {
    errors.push(fieldError.invalid(`${path}.resources[storage]`, String(storage), 'must be greater than zero'));
  }
  const storageClass = spec.storageClassName;
  if (storageClass) complain(errors, `${path}.storageClassName`, storageClass, nameIsSubdomain(storageClass, false));
  maybeOneOf(errors, `${path}.volumeMode`, spec.volumeMode, VOLUME_MODES);
  const { dataSource, dataSourceRef } = spec;
  if (dataSource) checkDataSource(errors, `${path}.dataSource`, dataSource, anyGroup);
  if (dataSourceRef) checkDataSource(errors, `${path}.dataSourceRef`, dataSourceRef, anyGroup);
  if (dataSource && dataSourceRef) {
    const { namespace, ...reference } = dataSourceRef;
    const why = namespace ? 'may not be specified when dataSourceRef.namespace is specified' : 'must match dataSourceRef';
    if (namespace || !sameValue(dataSource, reference)) errors.push(fieldError.invalid(path, {}, why));
  }
  const attributes = spec.volumeAttributesClassName;
  if (attributes) complain(errors, `${path}.volumeAttributesClassName`, attributes, nameIsSubdomain(attributes, false));
}

/** Advice about a claim that is valid (api/persistentvolumeclaim/util.go). */
export function warnAboutClaim(warn: (text: string) => void, path: string, { resources }: corev1.PersistentVolumeClaimSpec): void {
  for (const kind of ['requests', 'limits'] as const) {
    const storage = resources?.[kind]?.storage;
    if (storage === undefined || isWholeQuantity(storage)) continue;
    const quoted = JSON.stringify(String(storage));
    warn(`${path}.resources.${kind}[storage]: fractional byte value ${quoted} is invalid, must be an integer`);
  }
}

/** Metadata of a template: labels and annotations, and nothing else (ValidateTemplateObjectMeta). */
export function checkTemplateMetadata(errors: Errors, path: string, meta: ObjectMeta = {}): void {
  checkAnnotations(errors, `${path}.annotations`, meta.annotations);
  checkLabels(errors, `${path}.labels`, meta.labels);
  for (const [key, value] of Object.entries(meta)) {
    if (key === 'annotations' || key === 'labels' || value === undefined || value === '' || value === null) continue;
    // Upstream makes the path of the name of Go's field.
    errors.push(fieldError.forbidden(`${path}.${key === 'uid' ? 'uID' : key}`, 'cannot be set'));
  }
}

export function checkClaimTemplate(errors: Errors, path: string, template: corev1.PersistentVolumeClaimTemplate): void {
  checkTemplateMetadata(errors, `${path}.metadata`, template.metadata);
  checkClaimSpec(errors, `${path}.spec`, template.spec ?? {});
}
