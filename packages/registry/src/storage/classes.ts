// StorageClasses and VolumeAttributesClasses (registry/storage, apis/storage/validation, printers).
import type { corev1, storagev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { boolean, text, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, IMMUTABLE, oneOf } from '../rules/errors.ts';
import { isQualifiedName } from '../rules/formats.ts';
import { NODE_LABELS, type Warn } from '../rules/node-labels.ts';

type StorageClass = storagev1.StorageClass;
type AttributesClass = storagev1.VolumeAttributesClass;
const GROUP = 'storage.k8s.io';
const PARAMETERS_MAX = 512;
const PARAMETERS_BYTES_MAX = 256 * 1024;
const DEFAULTS = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];

function checkParameters(errors: Errors, parameters: Record<string, string> | undefined, required: boolean): void {
  const entries = Object.entries(parameters ?? {});
  if (entries.length > PARAMETERS_MAX) errors.push(fieldError.tooLong('parameters', PARAMETERS_MAX));
  let size = 0;
  for (const [key, value] of entries) {
    if (!key) errors.push(fieldError.invalid('parameters', key, 'field can not be empty.'));
    size += key.length + value.length;
  }
  if (size > PARAMETERS_BYTES_MAX) errors.push(fieldError.tooLong('parameters', PARAMETERS_BYTES_MAX));
  if (required && !entries.length) errors.push(fieldError.required('parameters', 'must contain at least one key/value pair'));
}

function validateClass(object: StorageClass): Errors {
  const errors: Errors = [];
  const { provisioner } = object;
  if (!provisioner) errors.push(fieldError.required('provisioner'));
  else complain(errors, 'provisioner', provisioner.toLowerCase(), isQualifiedName(provisioner.toLowerCase()));
  checkParameters(errors, object.parameters, false);
  if (object.reclaimPolicy) oneOf(errors, 'reclaimPolicy', object.reclaimPolicy, ['Delete', 'Retain']);
  if (object.volumeBindingMode === undefined) errors.push(fieldError.required('volumeBindingMode'));
  else if (!['Immediate', 'WaitForFirstConsumer'].includes(object.volumeBindingMode)) {
    const supported = ['Immediate', 'WaitForFirstConsumer'];
    errors.push(fieldError.notSupported('volumeBindingMode', object.volumeBindingMode, supported));
  }
  checkTopologies(errors, object.allowedTopologies ?? []);
  return errors;
}

/** Terms that say the same are duplicates; as upstream compares with empty ones too, so is a term without expressions. */
function checkTopologies(errors: Errors, terms: readonly corev1.TopologySelectorTerm[]): void {
  const seen: string[] = terms.map(() => '[]');
  terms.forEach(({ matchLabelExpressions: expressions }, i) => {
    const path = `allowedTopologies[${i}].matchLabelExpressions`;
    const valuesOf = new Map<string, string[]>();
    expressions?.forEach(({ key = '', values: listed }, j) => {
      const values = listed ?? [];
      const at = `${path}[${j}]`;
      const unique = new Set<string>();
      if (values.length === 0) errors.push(fieldError.required(`${at}.values`));
      values.forEach((value, k) => {
        if (unique.has(value)) errors.push(fieldError.duplicate(`${at}.values[${k}]`, value));
        unique.add(value);
      });
      complain(errors, `${at}.key`, key, isQualifiedName(key));
      if (valuesOf.has(key)) errors.push(fieldError.duplicate(`${at}.key`, key));
      valuesOf.set(key, [...unique].sort());
    });
    const text = JSON.stringify([...valuesOf].sort(([a], [b]) => (a < b ? -1 : 1)));
    for (const other of seen) if (other === text) errors.push(fieldError.duplicate(path, ''));
    seen.push(text);
  });
}

function warnOfLabels({ allowedTopologies }: StorageClass, warn: Warn): void {
  allowedTopologies?.forEach(({ matchLabelExpressions }, i) => {
    matchLabelExpressions?.forEach(({ key }, j) => {
      if (NODE_LABELS[key]) warn(`allowedTopologies[${i}].matchLabelExpressions[${j}].key: ${NODE_LABELS[key]}`);
    });
  });
}

const UNCHANGEABLE = ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const;

export const storageClasses = defineBuiltIn<StorageClass>(GROUP, 'v1', 'storageclasses', {
  validateCreate(object, { warn }) {
    const errors = validateClass(object);
    if (errors.length === 0) warnOfLabels(object, warn);
    return errors;
  },
  validateUpdate(object, old, { warn }) {
    const errors = validateClass(object);
    for (const name of UNCHANGEABLE) {
      if (!sameValue(object[name], old[name])) errors.push(fieldError.invalid(name, object[name] ?? null, IMMUTABLE));
    }
    if (errors.length === 0) warnOfLabels(object, warn);
    return errors;
  },
  columns: withNameAndAge<StorageClass>(
    text('Provisioner', ({ provisioner }) => provisioner ?? ''),
    text('ReclaimPolicy', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
    text('VolumeBindingMode', ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate'),
    { ...boolean<StorageClass>('AllowVolumeExpansion', ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false), type: 'string' },
  ).map((column) =>
    column.name === 'Name'
      ? {
          ...column,
          cell: ({ metadata }) =>
            `${metadata?.name}${DEFAULTS.some((name) => metadata?.annotations?.[name] === 'true') ? ' (default)' : ''}`,
        }
      : column,
  ),
});

function validateAttributes({ driverName, parameters }: AttributesClass): Errors {
  const errors: Errors = [];
  if (!driverName) errors.push(fieldError.required('driverName'));
  else complain(errors, 'driverName', driverName.toLowerCase(), isQualifiedName(driverName.toLowerCase()));
  checkParameters(errors, parameters, true);
  return errors;
}

export const volumeAttributesClasses = defineBuiltIn<AttributesClass>(GROUP, 'v1', 'volumeattributesclasses', {
  validateCreate: validateAttributes,
  validateUpdate(object, old) {
    const errors: Errors = [];
    if (object.driverName !== old.driverName) errors.push(fieldError.forbidden('driverName', 'updates to driverName are forbidden.'));
    if (!sameValue(object.parameters, old.parameters)) {
      errors.push(fieldError.forbidden('parameters', 'updates to parameters are forbidden.'));
    }
    return [...errors, ...validateAttributes(object)];
  },
  columns: withNameAndAge<AttributesClass>(text('DriverName', ({ driverName }) => driverName ?? '')),
});
