// What CSI drivers and the attach controller keep (registry/storage, apis/storage/validation, printers).
import type { storagev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { boolean, integer, NONE, text, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { type Errors, IMMUTABLE } from '../rules/errors.ts';
import { checkLabelSelector } from '../rules/labels.ts';
import { checkCsiDriverName } from '../rules/pod/volumes.ts';
import { quantitySign } from '../rules/quantities.ts';

const GROUP = 'storage.k8s.io';
type Attachment = storagev1.VolumeAttachment;
type Capacity = storagev1.CSIStorageCapacity;

export const csiDrivers = defineBuiltIn<storagev1.CSIDriver>(GROUP, 'v1', 'csidrivers', {
  validateCreate({ metadata, spec }) {
    const errors: Errors = [];
    checkCsiDriverName(errors, 'metadata.name', metadata?.name);
    for (const name of ['attachRequired', 'podInfoOnMount', 'storageCapacity'] as const) {
      if (spec?.[name] === undefined) errors.push(fieldError.required(`spec.${name}`));
    }
    return errors;
  },
  validateUpdate({ spec }, old) {
    const errors: Errors = [];
    for (const name of ['attachRequired', 'volumeLifecycleModes'] as const) {
      if (!sameValue(spec?.[name], old.spec?.[name])) errors.push(fieldError.invalid(`spec.${name}`, spec?.[name] ?? null, IMMUTABLE));
    }
    return errors;
  },
  columns: withNameAndAge<storagev1.CSIDriver>(
    boolean('AttachRequired', ({ spec }) => spec?.attachRequired ?? true),
    boolean('PodInfoOnMount', ({ spec }) => spec?.podInfoOnMount ?? false),
    boolean('StorageCapacity', ({ spec }) => spec?.storageCapacity ?? false),
    text('TokenRequests', ({ spec }) => spec?.tokenRequests?.map(({ audience }) => audience).join(',') ?? '<unset>'),
    boolean('RequiresRepublish', ({ spec }) => spec?.requiresRepublish ?? false),
    text('Modes', ({ spec }) => (spec?.volumeLifecycleModes ?? []).join(',') || NONE),
  ),
});

export const csiNodes = defineBuiltIn<storagev1.CSINode>(GROUP, 'v1', 'csinodes', {
  validateCreate: ({ spec }) => checkNodeDrivers(spec?.drivers ?? []),
  validateUpdate: ({ spec }) => checkNodeDrivers(spec?.drivers ?? []),
  columns: withNameAndAge<storagev1.CSINode>(integer('Drivers', ({ spec }) => spec?.drivers?.length ?? 0)),
});

function checkNodeDrivers(drivers: readonly storagev1.CSINodeDriver[]): Errors {
  const errors: Errors = [];
  const seen = new Set<string>();
  drivers.forEach(({ name, nodeID }, i) => {
    const at = `spec.drivers[${i}]`;
    checkCsiDriverName(errors, `${at}.name`, name);
    if (!nodeID) errors.push(fieldError.required(`${at}.nodeID`));
    if (seen.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
    seen.add(name);
  });
  return errors;
}

export const csiStorageCapacities = defineBuiltIn<Capacity>(GROUP, 'v1', 'csistoragecapacities', {
  validateCreate({ storageClassName, nodeTopology, capacity, maximumVolumeSize }) {
    const errors: Errors = [];
    if (!storageClassName) errors.push(fieldError.required('storageClassName'));
    checkLabelSelector(errors, 'nodeTopology', nodeTopology);
    for (const [name, value] of Object.entries({ capacity, maximumVolumeSize })) {
      if (value !== undefined && quantitySign(value) < 0) {
        errors.push(fieldError.invalid(name, String(value), 'must be greater than or equal to 0'));
      }
    }
    return errors;
  },
  validateUpdate(object, old) {
    const errors: Errors = [];
    for (const name of ['nodeTopology', 'storageClassName'] as const) {
      if (!sameValue(object[name], old[name])) errors.push(fieldError.invalid(name, object[name] ?? null, IMMUTABLE));
    }
    return errors;
  },
  columns: withNameAndAge<Capacity>(
    text('StorageClassName', ({ storageClassName }) => storageClassName ?? ''),
    text('Capacity', ({ capacity }) => String(capacity ?? '<unset>')),
  ).filter(({ name }) => name !== 'Age'),
});

export const volumeAttachments = defineBuiltIn<Attachment>(GROUP, 'v1', 'volumeattachments', {
  prepareForCreate(attachment) {
    attachment.status = { attached: false };
  },
  validateCreate({ spec }) {
    const errors: Errors = [];
    checkCsiDriverName(errors, 'spec.attacher', spec?.attacher);
    if (!spec?.nodeName) errors.push(fieldError.required('spec.nodeName'));
    const { persistentVolumeName: name, inlineVolumeSpec: inline } = spec?.source ?? {};
    if (name === undefined && !inline)
      errors.push(fieldError.required('spec.source', 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'));
    if (name !== undefined && inline)
      errors.push(fieldError.forbidden('spec.source', 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'));
    if (name === '') errors.push(fieldError.required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName'));
    return errors;
  },
  validateUpdate: ({ spec }, old) => (sameValue(spec, old.spec) ? [] : [fieldError.invalid('spec', spec, IMMUTABLE)]),
  columns: withNameAndAge<Attachment>(
    { ...text<Attachment>('Attacher', ({ spec }) => spec?.attacher ?? ''), format: 'name' },
    text('PV', ({ spec }) => spec?.source?.persistentVolumeName ?? ''),
    text('Node', ({ spec }) => spec?.nodeName ?? ''),
    boolean('Attached', ({ status }) => status?.attached ?? false),
  ),
});
