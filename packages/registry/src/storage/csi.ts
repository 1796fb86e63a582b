// What CSI drivers and the attach controller keep (registry/storage, apis/storage/validation, printers).
import type { storagev1 } from '@tiphys/api';
import { fieldError, jsonEqual } from '@tiphys/machinery';
import { defineBuiltIn } from '../built-in/base.ts';
import { boolean, integer, NONE, text, withNameAndAge } from '../rules/columns.ts';
import { sameValue } from '../rules/equality.ts';
import { complain, type Errors, IMMUTABLE, maybeOneOf, nonNegative } from '../rules/errors.ts';
import { byteLength, isQualifiedName, nameIsSubdomain, rangeError } from '../rules/formats.ts';
import { checkLabelSelector } from '../rules/labels.ts';
import { warnAboutNodeLabels } from '../rules/node-labels.ts';
import { checkCsiDriverName } from '../rules/pod/driver-volumes.ts';
import { quantitySign } from '../rules/quantities.ts';
import { checkInlineVolume } from './inline-volume.ts';

const GROUP = 'storage.k8s.io';
type Attachment = storagev1.VolumeAttachment;
type Capacity = storagev1.CSIStorageCapacity;

type DriverSpec = storagev1.CSIDriverSpec;

const TOKEN_SECONDS_MIN = 600;
const TOKEN_SECONDS_MAX = 2 ** 32;
const ALLOCATABLE_SECONDS_MIN = 10;
const ADVICE =
  'spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes';

/** Tokens belong into secrets, but drivers must know of it. */
function warnOfTokens(spec: DriverSpec | undefined, warn: (text: string) => void): void {
  if (spec?.tokenRequests?.length && spec.serviceAccountTokenInSecrets === undefined) warn(ADVICE);
}

function checkTokenRequests(errors: Errors, requests: readonly storagev1.TokenRequest[]): void {
  const seen = new Set<string>();
  requests.forEach(({ audience = '', expirationSeconds: seconds }, i) => {
    const at = `spec.tokenRequests[${i}]`;
    if (seen.has(audience)) {
      errors.push(fieldError.duplicate(`${at}.audience`, audience));
      return;
    }
    seen.add(audience);
    if (seconds === undefined) return;
    const path = `${at}.expirationSeconds`;
    if (seconds < TOKEN_SECONDS_MIN) errors.push(fieldError.invalid(path, seconds, 'may not specify a duration less than 10 minutes'));
    if (seconds > TOKEN_SECONDS_MAX) errors.push(fieldError.invalid(path, seconds, 'may not specify a duration larger than 2^32 seconds'));
  });
}

function checkDriver(spec: DriverSpec | undefined): Errors {
  const errors: Errors = [];
  if (spec?.attachRequired === undefined) errors.push(fieldError.required('spec.attachedRequired'));
  for (const name of ['podInfoOnMount', 'storageCapacity'] as const) {
    if (spec?.[name] === undefined) errors.push(fieldError.required(`spec.${name}`));
  }
  maybeOneOf(errors, 'spec.fsGroupPolicy', spec?.fsGroupPolicy, ['File', 'None', 'ReadWriteOnceWithFSType']);
  checkTokenRequests(errors, spec?.tokenRequests ?? []);
  for (const mode of spec?.volumeLifecycleModes ?? []) {
    maybeOneOf(errors, 'spec.volumeLifecycleModes', mode, ['Persistent', 'Ephemeral']);
  }
  if (spec?.seLinuxMount === undefined) errors.push(fieldError.required('spec.seLinuxMount'));
  const seconds = spec?.nodeAllocatableUpdatePeriodSeconds;
  if (seconds !== undefined && seconds < ALLOCATABLE_SECONDS_MIN) {
    const why = `must be greater than or equal to ${ALLOCATABLE_SECONDS_MIN} seconds`;
    errors.push(fieldError.invalid('spec.nodeAllocatableUpdatePeriodSeconds', seconds, why));
  }
  const inSecrets = spec?.serviceAccountTokenInSecrets;
  if (inSecrets !== undefined && !spec?.tokenRequests?.length) {
    const why = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified';
    errors.push(fieldError.invalid('spec.serviceAccountTokenInSecrets', inSecrets, why));
  }
  return errors;
}

export const csiDrivers = defineBuiltIn<storagev1.CSIDriver>(GROUP, 'v1', 'csidrivers', {
  prepareForCreate: ({ spec }) => dropUngated(spec),
  prepareForUpdate(driver, old) {
    if (old.spec?.preventPodSchedulingIfMissing === undefined) dropUngated(driver.spec);
    // It has none to begin with.
    if (!jsonEqual(driver.spec, old.spec)) driver.metadata!.generation = (old.metadata?.generation ?? 0) + 1;
  },
  validateCreate({ spec }, { warn }) {
    const errors = checkDriver(spec);
    if (errors.length === 0) warnOfTokens(spec, warn);
    return errors;
  },
  validateUpdate({ spec }, old, { warn }) {
    const errors = checkDriver(spec);
    const [attach, modes] = [spec?.attachRequired, spec?.volumeLifecycleModes];
    if (!sameValue(attach, old.spec?.attachRequired)) errors.push(fieldError.invalid('spec.attachedRequired', attach ?? null, IMMUTABLE));
    if (!sameValue(modes, old.spec?.volumeLifecycleModes)) {
      errors.push(fieldError.invalid('spec.volumeLifecycleModes', modes ?? null, IMMUTABLE));
    }
    if (errors.length === 0 && !sameValue(spec?.tokenRequests, old.spec?.tokenRequests)) warnOfTokens(spec, warn);
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

/** Belongs to a feature that is off by default. */
function dropUngated(spec: DriverSpec | undefined): void {
  delete spec?.preventPodSchedulingIfMissing;
}

export const csiNodes = defineBuiltIn<storagev1.CSINode>(GROUP, 'v1', 'csinodes', {
  validateCreate: ({ spec }) => checkNodeDrivers(spec?.drivers ?? []),
  validateUpdate({ spec }, old) {
    const errors = checkNodeDrivers(spec?.drivers ?? []);
    for (const { allocatable: _before, ...before } of old.spec?.drivers ?? []) {
      for (const { allocatable: _now, ...now } of spec?.drivers ?? []) {
        if (now.name !== before.name || sameValue(now, before)) continue;
        const shown = { Name: now.name, NodeID: now.nodeID ?? '', TopologyKeys: now.topologyKeys ?? null, Allocatable: null };
        errors.push(fieldError.invalid('spec.drivers', shown, IMMUTABLE));
      }
    }
    return errors;
  },
  columns: withNameAndAge<storagev1.CSINode>(integer('Drivers', ({ spec }) => spec?.drivers?.length ?? 0)),
});

const NODE_ID_MAX = 256;

function checkNodeDrivers(drivers: readonly storagev1.CSINodeDriver[]): Errors {
  const errors: Errors = [];
  const seen = new Set<string>();
  drivers.forEach(({ name = '', nodeID = '', allocatable, topologyKeys }, i) => {
    const at = `spec.drivers[${i}]`;
    checkCsiDriverName(errors, `${at}.name`, name);
    if (!nodeID) errors.push(fieldError.required(`${at}.nodeID`));
    if (byteLength(nodeID) > NODE_ID_MAX) {
      errors.push(fieldError.invalid(`${at}.nodeID`, nodeID, `must be ${NODE_ID_MAX} characters or less`));
    }
    nonNegative(errors, `${at}.allocatable.count`, allocatable?.count);
    if (seen.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
    seen.add(name);
    const keys = new Set<string>();
    for (const key of topologyKeys ?? []) {
      if (!key) errors.push(fieldError.required(at));
      if (keys.has(key)) errors.push(fieldError.duplicate(at, key));
      keys.add(key);
      complain(errors, at, key, isQualifiedName(key));
    }
  });
  return errors;
}

function checkCapacity({ storageClassName = '', nodeTopology, capacity }: Capacity): Errors {
  const errors: Errors = [];
  checkLabelSelector(errors, 'nodeTopology', nodeTopology);
  complain(errors, 'storageClassName', storageClassName, nameIsSubdomain(storageClassName, false));
  if (capacity !== undefined && quantitySign(capacity) < 0) {
    errors.push(fieldError.invalid('capacity', String(capacity), 'must be greater than or equal to 0'));
  }
  return errors;
}

export const csiStorageCapacities = defineBuiltIn<Capacity>(GROUP, 'v1', 'csistoragecapacities', {
  validateCreate(object, { warn }) {
    const errors = checkCapacity(object);
    if (errors.length === 0) warnAboutNodeLabels(warn, 'nodeTopology', object.nodeTopology);
    return errors;
  },
  validateUpdate(object, old, { warn }) {
    const errors = checkCapacity(object);
    for (const name of ['nodeTopology', 'storageClassName'] as const) {
      if (!sameValue(object[name], old[name])) errors.push(fieldError.invalid(name, object[name] ?? null, IMMUTABLE));
    }
    if (errors.length === 0) warnAboutNodeLabels(warn, 'nodeTopology', object.nodeTopology);
    return errors;
  },
  columns: withNameAndAge<Capacity>(
    text('StorageClassName', ({ storageClassName }) => storageClassName ?? ''),
    text('Capacity', ({ capacity }) => String(capacity ?? '<unset>')),
  ).filter(({ name }) => name !== 'Age'),
});

const ATTACHMENT_BYTES_MAX = 256 * 1024;
const MESSAGE_MAX = 1024;

function checkAttachmentStatus(errors: Errors, status: storagev1.VolumeAttachmentStatus | undefined): void {
  const entries = Object.entries(status?.attachmentMetadata ?? {});
  const size = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  if (size > ATTACHMENT_BYTES_MAX) errors.push(fieldError.tooLong('status.attachmentMetadata', ATTACHMENT_BYTES_MAX));
  for (const name of ['attachError', 'detachError'] as const) {
    const { message = '', errorCode } = status?.[name] ?? {};
    if (byteLength(message) > MESSAGE_MAX) errors.push(fieldError.tooLong(`status.${name}.message`, ATTACHMENT_BYTES_MAX));
    if (errorCode !== undefined && errorCode < 0) {
      errors.push(fieldError.invalid(`status.${name}.errorCode`, errorCode, rangeError(0, 2 ** 31 - 1)));
    }
  }
}

function checkAttachment({ spec, status }: Attachment): Errors {
  const errors: Errors = [];
  checkCsiDriverName(errors, 'spec.attacher', spec?.attacher);
  const { persistentVolumeName: name, inlineVolumeSpec: inline } = spec?.source ?? {};
  const one = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (name === undefined && !inline) errors.push(fieldError.required('spec.source', one));
  else if (name !== undefined && inline) errors.push(fieldError.forbidden('spec.source', one));
  else if (inline) checkInlineVolume(errors, 'spec.source.inlineVolumeSpec', inline);
  else if (name === '') errors.push(fieldError.required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName'));
  const nodeName = spec?.nodeName ?? '';
  complain(errors, 'spec.nodeName', nodeName, nameIsSubdomain(nodeName, false));
  checkAttachmentStatus(errors, status);
  if (name !== undefined) complain(errors, 'spec.source.persistentVolumeName', name, nameIsSubdomain(name, false));
  return errors;
}

function checkAttachmentUpdate(attachment: Attachment, old: Attachment): Errors {
  const errors = checkAttachment(attachment);
  const { spec } = attachment;
  if (sameValue(spec, old.spec)) return errors;
  const { persistentVolumeName = null, inlineVolumeSpec = null } = spec?.source ?? {};
  const source = { PersistentVolumeName: persistentVolumeName, InlineVolumeSpec: inlineVolumeSpec };
  errors.push(fieldError.invalid('spec', { Attacher: spec?.attacher ?? '', Source: source, NodeName: spec?.nodeName ?? '' }, IMMUTABLE));
  return errors;
}

export const volumeAttachments = defineBuiltIn<Attachment>(GROUP, 'v1', 'volumeattachments', {
  prepareForCreate(attachment) {
    attachment.status = { attached: false };
  },
  validateCreate: checkAttachment,
  validateUpdate: checkAttachmentUpdate,
  status: { validateUpdate: checkAttachmentUpdate },
  columns: withNameAndAge<Attachment>(
    { ...text<Attachment>('Attacher', ({ spec }) => spec?.attacher ?? ''), format: 'name' },
    text('PV', ({ spec }) => spec?.source?.persistentVolumeName ?? ''),
    text('Node', ({ spec }) => spec?.nodeName ?? ''),
    boolean('Attached', ({ status }) => status?.attached ?? false),
  ),
});
