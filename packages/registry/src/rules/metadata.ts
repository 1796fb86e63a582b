// Rules of metadata that hold for every kind (apimachinery api/validation/objectmeta.go, apis/core/validation ValidateObjectMeta).
// The server calls these for every write; a definition's own rules leave metadata alone but for what is special to the kind.
import type { KubeObject, ObjectMeta, OwnerReference } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import type { ResourceDefinition } from '../define-resource.ts';
import { sameValue } from './equality.ts';
import { complain, type Errors, IMMUTABLE, nonNegative } from './errors.ts';
import { byteLength, isQualifiedName, nameIsLabel, nameIsPathSegment, nameIsSubdomain } from './formats.ts';
import { checkAnnotations, checkLabels } from './labels.ts';
import { metadataKind } from './metadata-kinds.ts';

const SUBRESOURCE_NAME_MAX = 256;
const FIELD_MANAGER_MAX = 128;
/** Unprefixed finalizers that upstream knows (apis/core/helper IsStandardFinalizerName). */
const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** Owners that each say to be the controller beside the first; every one is told with all references. */
const CONTROLLERS_TOLD_MAX = 10;

export type NameRule = (name: string, prefix: boolean) => string[];

/** Complains about metadata of an object that is to be created, or of a template's or nested object's. */
export function checkObjectMeta(errors: Errors, path: string, meta: ObjectMeta, namespaced: boolean, nameRule: NameRule): void {
  if (meta.generateName) complain(errors, `${path}.generateName`, meta.generateName, nameRule(meta.generateName, true));
  checkNamed(errors, path, meta, namespaced, nameRule);
}

function checkNamed(errors: Errors, path: string, meta: ObjectMeta, namespaced: boolean, nameRule: NameRule): void {
  if (!meta.name) errors.push(fieldError.required(`${path}.name`, 'name or generateName is required'));
  else complain(errors, `${path}.name`, meta.name, nameRule(meta.name, false));
  if (namespaced) {
    if (!meta.namespace) errors.push(fieldError.required(`${path}.namespace`));
    else complain(errors, `${path}.namespace`, meta.namespace, nameIsLabel(meta.namespace, false));
  } else if (meta.namespace) {
    errors.push(fieldError.forbidden(`${path}.namespace`, 'not allowed on this type'));
  }
  nonNegative(errors, `${path}.generation`, meta.generation);
  checkCommon(errors, path, meta);
  checkFinalizers(errors, `${path}.finalizers`, meta.finalizers);
}

function checkCommon(errors: Errors, path: string, meta: ObjectMeta): void {
  if (meta.labels) checkLabels(errors, `${path}.labels`, meta.labels);
  if (meta.annotations) checkAnnotations(errors, `${path}.annotations`, meta.annotations);
  if (meta.ownerReferences) checkOwnerReferences(errors, `${path}.ownerReferences`, meta.ownerReferences);
  meta.managedFields?.forEach((entry, i) => {
    const at = `${path}.managedFields[${i}]`;
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
      errors.push(fieldError.invalid(`${at}.operation`, entry.operation ?? '', 'must be `Apply` or `Update`'));
    }
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') {
      errors.push(fieldError.invalid(`${at}.fieldsType`, entry.fieldsType, 'must be `FieldsV1`'));
    }
    checkPrintable(errors, `${at}.manager`, entry.manager ?? '');
    if (byteLength(entry.manager ?? '') > FIELD_MANAGER_MAX) errors.push(fieldError.tooLong(`${at}.manager`, FIELD_MANAGER_MAX));
    if ((entry.subresource ?? '').length > SUBRESOURCE_NAME_MAX) {
      errors.push(fieldError.tooLong(`${at}.subresource`, SUBRESOURCE_NAME_MAX));
    }
  });
}

/** Each character that can't be shown, with the byte it begins at. */
function checkPrintable(errors: Errors, path: string, name: string): void {
  let position = 0;
  for (const character of name) {
    if (!/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) {
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      errors.push(fieldError.invalid(path, name, `invalid character U+${code} (at position ${position})`));
    }
    position += byteLength(character);
  }
}

function checkOwnerReferences(errors: Errors, path: string, references: readonly OwnerReference[]): void {
  let controller = '';
  let others = 0;
  let shown = '';
  for (const reference of references) {
    // With more than one slash it is no version at all.
    const parts = (reference.apiVersion ?? '').split('/');
    const version = parts.length > 2 ? '' : parts.at(-1);
    if (!version) errors.push(fieldError.invalid(`${path}.apiVersion`, reference.apiVersion ?? '', 'version must not be empty'));
    for (const name of ['kind', 'name', 'uid'] as const) {
      if (!reference[name]) errors.push(fieldError.invalid(`${path}.${name}`, reference[name] ?? '', 'must not be empty'));
    }
    if (reference.apiVersion === 'v1' && reference.kind === 'Event') {
      errors.push(fieldError.invalid(path, reference, '/v1, Kind=Event is disallowed from being an owner'));
    }
    if (!reference.controller) continue;
    const name = `${reference.kind}/${reference.name}`;
    if (controller) {
      const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
      if (++others > CONTROLLERS_TOLD_MAX) continue;
      shown ||= fieldError.invalid(path, references, '').message;
      errors.push({ type: 'FieldValueInvalid', field: path, message: `${shown}: ${why}` });
    } else controller = name;
  }
}

function checkFinalizers(errors: Errors, path: string, finalizers: readonly string[] | undefined): void {
  if (!finalizers) return;
  for (const finalizer of finalizers) complain(errors, path, finalizer, isQualifiedName(finalizer));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(fieldError.invalid(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
}

/** A finalizer without a domain must be one of Kubernetes' own. */
export function checkKnownFinalizer(errors: Errors, path: string, finalizer: string): void {
  if (finalizer.includes('/') || STANDARD_FINALIZERS.has(finalizer)) return;
  errors.push(fieldError.invalid(path, finalizer, 'name is neither a standard finalizer name nor is it fully qualified'));
}

function checkKnown(errors: Errors, path: string, finalizers: readonly string[] | undefined): void {
  finalizers?.forEach((finalizer, i) => {
    checkKnownFinalizer(errors, `${path}[${i}]`, finalizer);
  });
}

/** What the kind itself asks of the metadata of an object that is to be created. */
function checkAsKind(errors: Errors, definition: ResourceDefinition<any>, meta: ObjectMeta): void {
  const { asks, prefix, knownFinalizers } = metadataKind(definition);
  if (!asks) return;
  const { validateName = nameIsSubdomain } = definition;
  const check = prefix ? checkObjectMeta : checkNamed;
  check(errors, 'metadata', meta, definition.type.namespaced, validateName);
  if (knownFinalizers) checkKnown(errors, 'metadata.finalizers', meta.finalizers);
}

/** Metadata of a Scale, which is no object of its own (apis/autoscaling/validation ValidateScale). */
export function validateScaleMetadata(meta: ObjectMeta): Errors {
  const errors: Errors = [];
  checkObjectMeta(errors, 'metadata', meta, true, nameIsSubdomain);
  checkKnown(errors, 'metadata.finalizers', meta.finalizers);
  return errors;
}

/** Metadata of an object that is to be created, by its kind's rules. */
export function validateMetadata(definition: ResourceDefinition<any>, object: KubeObject): Errors {
  const errors: Errors = [];
  checkAsKind(errors, definition, object.metadata ?? {});
  return errors;
}

function commonErrors(definition: ResourceDefinition<any>, object: KubeObject): Errors {
  const errors: Errors = [];
  checkObjectMeta(errors, 'metadata', object.metadata ?? {}, definition.type.namespaced, nameIsPathSegment);
  return errors;
}

/** What every server asks of a new object's metadata, once the kind has nothing to complain about (registry/rest BeforeCreate). */
export function validateCommonMetadata(definition: ResourceDefinition<any>, object: KubeObject): Errors {
  const { asks, prefix } = metadataKind(definition);
  // Kinds that ask anything ask more than this.
  return asks && prefix ? [] : commonErrors(definition, object);
}

const UNCHANGEABLE = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;

/**
 * Metadata of an update, or of a write of a subresource. The caller has filled in what clients may leave out, such as uid and
 * resourceVersion.
 */
export function validateMetadataUpdate(definition: ResourceDefinition<any>, object: KubeObject, old: KubeObject, subresource = ''): Errors {
  const errors: Errors = [];
  const [meta, before] = [object.metadata ?? {}, old.metadata ?? {}];
  if (before.deletionTimestamp) {
    const added = (meta.finalizers ?? []).filter((finalizer) => !before.finalizers?.includes(finalizer));
    if (added.length) {
      const list = `[]string{${added
        .sort()
        .map((name) => JSON.stringify(name))
        .join(', ')}}`;
      const why = `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`;
      errors.push(fieldError.forbidden('metadata.finalizers', why));
    }
  }
  if (!meta.resourceVersion) errors.push(fieldError.invalid('metadata.resourceVersion', '', 'must be specified for an update'));
  if ((meta.generation ?? 0) < (before.generation ?? 0)) {
    errors.push(fieldError.invalid('metadata.generation', meta.generation ?? 0, 'must not be decremented'));
  }
  for (const name of UNCHANGEABLE) {
    if (!sameValue(meta[name], before[name])) errors.push(fieldError.invalid(`metadata.${name}`, meta[name], IMMUTABLE));
  }
  const { again, knownFinalizers } = metadataKind(definition);
  const common = commonErrors(definition, object);
  if (!again(subresource)) {
    if (knownFinalizers) checkKnown(common, 'metadata.finalizers', meta.finalizers);
    return [...errors, ...common];
  }
  const asKind: Errors = [];
  checkAsKind(asKind, definition, meta);
  // Both ask the same but for the rule of names; said once.
  const said = new Set(asKind.map(({ field, message }) => `${field}: ${message}`));
  return [...errors, ...common.filter(({ field, message }) => !said.has(`${field}: ${message}`)), ...asKind];
}
