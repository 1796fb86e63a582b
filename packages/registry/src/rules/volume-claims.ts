// Claims for volumes: of PersistentVolumeClaims, StatefulSets' templates and ephemeral volumes
// (apis/core/validation ValidatePersistentVolumeClaimSpec, ValidatePersistentVolumeClaimTemplate).
import type { corev1, ObjectMeta } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { sameValue } from './equality.ts';
import { complain, type Errors, maybeOneOf } from './errors.ts';
import { isDns1123Subdomain, nameIsLabel, nameIsSubdomain } from './formats.ts';
import { checkAnnotations, checkLabelSelector, checkLabels } from './labels.ts';
import { quantitySign } from './quantities.ts';

export const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
export const VOLUME_MODES = ['Block', 'Filesystem'];

export function checkAccessModes(errors: Errors, path: string, modes: readonly string[] | undefined): void {
  if (!modes?.length) errors.push(fieldError.required(path, 'at least 1 access mode is required'));
  for (const mode of modes ?? []) if (!ACCESS_MODES.includes(mode)) errors.push(fieldError.notSupported(path, mode, ACCESS_MODES));
  if (modes?.includes('ReadWriteOncePod') && modes.some((mode) => mode !== 'ReadWriteOncePod' && ACCESS_MODES.includes(mode))) {
    errors.push(fieldError.forbidden(path, 'may not use ReadWriteOncePod with other access modes'));
  }
}

function checkDataSource(errors: Errors, path: string, source: corev1.TypedObjectReference): void {
  if (!source.name) errors.push(fieldError.required(`${path}.name`));
  if (!source.kind) errors.push(fieldError.required(`${path}.kind`));
  const group = source.apiGroup ?? '';
  if (!group && source.kind !== 'PersistentVolumeClaim') {
    const why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
    errors.push(fieldError.invalid(path, source.kind ?? '', why));
  }
  if (group) complain(errors, `${path}.apiGroup`, group, isDns1123Subdomain(group));
  if (source.namespace) complain(errors, `${path}.namespace`, source.namespace, nameIsLabel(source.namespace, false));
}

export function checkClaimSpec(errors: Errors, path: string, spec: corev1.PersistentVolumeClaimSpec): void {
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
  if (dataSource) checkDataSource(errors, `${path}.dataSource`, dataSource);
  if (dataSourceRef) checkDataSource(errors, `${path}.dataSourceRef`, dataSourceRef);
  if (dataSource && dataSourceRef) {
    const { namespace, ...reference } = dataSourceRef;
    const why = namespace ? 'may not be specified when dataSourceRef.namespace is specified' : 'must match dataSourceRef';
    if (namespace || !sameValue(dataSource, reference)) errors.push(fieldError.invalid(path, {}, why));
  }
  const attributes = spec.volumeAttributesClassName;
  if (attributes) complain(errors, `${path}.volumeAttributesClassName`, attributes, nameIsSubdomain(attributes, false));
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
