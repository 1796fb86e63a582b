// The rules for metadata that all kinds share, on create and on update (apimachinery api/validation/objectmeta.go).
import { isDns1123Label, isLabelValue, isQualifiedName, nameIsDnsSubdomain, type ObjectMeta, type OwnerReference } from '@tiphys/api';
import { type FieldError, fieldError } from '@tiphys/machinery';

/** All annotations together, keys and values. */
export const ANNOTATIONS_BYTES_MAX = 256 * 1024;
const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';
const IMMUTABLE = 'field is immutable';

export type NameRule = (name: string, prefix: boolean) => string[];

export function validateObjectMeta(meta: ObjectMeta, namespaced: boolean, nameRule: NameRule = nameIsDnsSubdomain): FieldError[] {
  const errors: FieldError[] = [];
  const { name, generateName, namespace } = meta;
  if (generateName) {
    for (const problem of nameRule(generateName, true)) errors.push(fieldError.invalid('metadata.generateName', generateName, problem));
  }
  if (!name) errors.push(fieldError.required('metadata.name', 'name or generateName is required'));
  else for (const problem of nameRule(name, false)) errors.push(fieldError.invalid('metadata.name', name, problem));
  if (namespaced) {
    if (!namespace) errors.push(fieldError.required('metadata.namespace'));
    else for (const problem of isDns1123Label(namespace)) errors.push(fieldError.invalid('metadata.namespace', namespace, problem));
  } else if (namespace) {
    errors.push(fieldError.forbidden('metadata.namespace', 'not allowed on this type'));
  }
  errors.push(...commonErrors(meta));
  if (meta.finalizers) errors.push(...finalizerErrors(meta.finalizers));
  return errors;
}

export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp) {
    const known = new Set(old.finalizers);
    const added = (meta.finalizers ?? []).filter((finalizer) => !known.has(finalizer)).sort();
    if (added.length > 0) {
      const shown = `[]string{${added.map((finalizer) => JSON.stringify(finalizer)).join(', ')}}`;
      errors.push(
        fieldError.forbidden(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers ${shown}`,
        ),
      );
    }
  }
  if (!meta.resourceVersion) {
    errors.push(fieldError.invalid('metadata.resourceVersion', meta.resourceVersion ?? '', 'must be specified for an update'));
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(fieldError.invalid('metadata.generation', meta.generation ?? 0, 'must not be decremented'));
  }
  for (const field of ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const) {
    if ((meta[field] ?? '') !== (old[field] ?? '')) errors.push(fieldError.invalid(`metadata.${field}`, meta[field], IMMUTABLE));
  }
  errors.push(...commonErrors(meta));
  return errors;
}

function commonErrors(meta: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  if ((meta.generation ?? 0) < 0) {
    errors.push(fieldError.invalid('metadata.generation', meta.generation, 'must be greater than or equal to 0'));
  }
  if (meta.labels) errors.push(...labelErrors(meta.labels));
  if (meta.annotations) errors.push(...annotationErrors(meta.annotations));
  if (meta.ownerReferences) errors.push(...ownerErrors(meta.ownerReferences));
  return errors;
}

function labelErrors(labels: Readonly<Record<string, string>>): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels)) {
    for (const problem of isQualifiedName(key)) errors.push(fieldError.invalid('metadata.labels', key, problem));
    for (const problem of isLabelValue(value)) errors.push(fieldError.invalid('metadata.labels', value, problem));
  }
  return errors;
}

function annotationErrors(annotations: Readonly<Record<string, string>>): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    for (const problem of isQualifiedName(key.toLowerCase())) errors.push(fieldError.invalid('metadata.annotations', key, problem));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > ANNOTATIONS_BYTES_MAX) errors.push(fieldError.tooLong('metadata.annotations', ANNOTATIONS_BYTES_MAX));
  return errors;
}

function ownerErrors(owners: readonly OwnerReference[]): FieldError[] {
  const errors: FieldError[] = [];
  let controller = '';
  // Upstream's path of an owner reference carries no index.
  const at = 'metadata.ownerReferences';
  for (const owner of owners) {
    const version = owner.apiVersion?.split('/').at(-1) ?? '';
    if (version === '') errors.push(fieldError.invalid(`${at}.apiVersion`, owner.apiVersion ?? '', 'version must not be empty'));
    for (const field of ['kind', 'name', 'uid'] as const) {
      if (!owner[field]) errors.push(fieldError.invalid(`${at}.${field}`, owner[field] ?? '', 'must not be empty'));
    }
    if (owner.apiVersion === 'v1' && owner.kind === 'Event') {
      errors.push(fieldError.invalid(at, owner, '/v1, Kind=Event is disallowed from being an owner'));
    }
    if (!owner.controller) continue;
    const current = `${owner.kind}/${owner.name}`;
    if (controller === '') controller = current;
    else {
      const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`;
      errors.push(fieldError.invalid(at, owners, why));
    }
  }
  return errors;
}

function finalizerErrors(finalizers: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  for (const finalizer of finalizers) {
    for (const problem of isQualifiedName(finalizer)) errors.push(fieldError.invalid('metadata.finalizers', finalizer, problem));
  }
  if (finalizers.includes(ORPHAN) && finalizers.includes(FOREGROUND)) {
    errors.push(fieldError.invalid('metadata.finalizers', finalizers, `finalizer ${ORPHAN} and ${FOREGROUND} cannot be both set`));
  }
  return errors;
}
