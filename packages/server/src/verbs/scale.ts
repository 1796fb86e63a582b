// The scale subresource: autoscaling/v1 Scale over the replica fields of a resource (pkg/registry/apps/*/storage).
import { type KubeObject, type ManagedFieldsEntry, timeText } from '@tiphys/api';
import {
  type ApiResponse,
  fieldError,
  formatLabelSelector,
  jsonEqual,
  type LabelSelectorObject,
  managersOfScaled,
  StatusError,
  scaleManagers,
  serverSideApply,
  statusError,
  trackUpdate,
} from '@tiphys/machinery';
import { ageColumn, type Column, integer, nameColumn, type ScalePaths, validateScaleMetadata } from '@tiphys/registry';
import type { PlainObject } from '../cache/entry.ts';
import { builtInCodec, DecodeError } from '../codec.ts';
import { decodeBody } from '../request/body.ts';
import type { RequestContext } from '../request/context.ts';
import { type WriteOptions, writeOptions } from '../request/write-options.ts';
import type { Endpoint } from '../resources.ts';
import { entryOf } from './get.ts';
import { APPLY_PATCH, invalidPatch, patchBody, patchOptions, patchType, patchValue, STRATEGIC_MERGE_PATCH } from './patch.ts';
import { updateObject } from './update.ts';

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
const SCALE_VERSION = 'autoscaling/v1';
const scaleCodec = builtInCodec({ schema: 'io.k8s.api.autoscaling.v1.Scale' } as Parameters<typeof builtInCodec>[0]);

interface Scale extends KubeObject {
  spec?: { replicas?: number };
  status?: { replicas: number; selector?: string };
}

/** As upstream prints a Scale (printers printScale). */
export const SCALE_COLUMNS: readonly Column<any>[] = [
  nameColumn,
  integer<Scale>('Desired', ({ spec }) => spec?.replicas ?? 0),
  integer<Scale>('Available', ({ status }) => status?.replicas ?? 0),
  ageColumn,
];

function at(object: PlainObject, path: string): unknown {
  let value: unknown = object;
  for (const key of path.replace(/^\./, '').split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function withValueAt(object: PlainObject, path: string, value: number): PlainObject {
  const copy = structuredClone(object);
  const keys = path.replace(/^\./, '').split('.');
  let target = copy as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) {
    target[key] ??= {};
    target = target[key] as Record<string, unknown>;
  }
  target[keys.at(-1)!] = value;
  return copy;
}

function selectorText(selector: unknown): string {
  if (typeof selector === 'string') return selector;
  if (typeof selector !== 'object' || selector === null) return '';
  const map = selector as Record<string, unknown>;
  // ReplicationControllers have a plain map where the others have a LabelSelector.
  const isLabelSelector = 'matchLabels' in map || 'matchExpressions' in map;
  const object = isLabelSelector ? map : { matchLabels: map };
  return formatLabelSelector(object as LabelSelectorObject);
}

export function scaleOf(object: PlainObject, paths: ScalePaths): PlainObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata!;
  const replicas = at(object, paths.specReplicas);
  const selector = paths.selector ? selectorText(at(object, paths.selector)) : '';
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace ? { namespace } : {}), uid, resourceVersion, creationTimestamp },
    spec: replicas ? { replicas } : {},
    status: { replicas: (at(object, paths.statusReplicas) as number) ?? 0, ...(selector ? { selector } : {}) },
  } as unknown as PlainObject;
}

/** Says why an object can't be told as a Scale; upstream has no reason for that. */
function checkScalable(object: PlainObject, paths: ScalePaths): void {
  const fault = paths.fault?.(object);
  if (fault !== undefined) throw new StatusError(500, '', fault);
}

const lacksReplicas = (object: PlainObject, paths: ScalePaths) => paths.mustExist === true && at(object, paths.specReplicas) === undefined;
/** What upstream shows writers of a number that isn't there yet. */
const NO_REPLICAS = -(2 ** 31);

const answer = (scale: PlainObject): ApiResponse => ({ status: 200, headers: {}, body: { kind: 'object', object: scale } });

export async function getScale(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const { name, namespace } = context.info;
  const entry = entryOf(endpoint, name, namespace);
  await endpoint.ready([entry]);
  const paths = endpoint.definition.scale!;
  const object = endpoint.object(entry);
  checkScalable(object, paths);
  if (lacksReplicas(object, paths)) throw statusError.internal(`the spec replicas field ".${paths.specReplicas}" does not exist`);
  return answer(scaleOf(object, paths));
}

/** A Scale after the request, and who owns what of it. */
interface Change {
  scale: Scale;
  managers: ManagedFieldsEntry[] | undefined;
}

function tracked(context: RequestContext, options: WriteOptions, current: PlainObject, scale: PlainObject): Change {
  return { scale, managers: trackUpdate(current, scale, manager(context, options), scaleType()) };
}

const manager = (context: RequestContext, options: WriteOptions) => ({
  name: options.fieldManager,
  apiVersion: SCALE_VERSION,
  subresource: 'scale',
  time: timeText(context.core.runtime.clock.now()),
});

const scaleType = () => ({ ...scaleCodec.tracked, kind: SCALE.kind });

function sentScale(context: RequestContext, endpoint: Endpoint, options: WriteOptions): PlainObject {
  try {
    return decodeBody(context, SCALE, scaleCodec, options.fieldValidation);
  } catch (error) {
    // Among custom resources upstream has no name for a Scale when it wants to say that one can't be read.
    if (!endpoint.codec.selfNamed || !(error instanceof StatusError) || !error.message.includes(' cannot be handled as a Scale'))
      throw error;
    throw statusError.badRequest('no kind is registered for the type v1.Scale in scheme "pkg/runtime/scheme.go:111"');
  }
}

export async function updateScale(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const options = writeOptions(context, 'UpdateOptions');
  const scale = sentScale(context, endpoint, options);
  checkIdentity(context, scale);
  return write(context, endpoint, options, true, (current) => tracked(context, options, current, structuredClone(scale)));
}

function asScale(patched: PlainObject): PlainObject {
  try {
    return scaleCodec.normalize(patched, { strict: false }).object;
  } catch (error) {
    throw error instanceof DecodeError ? invalidPatch(JSON.stringify(patched), error.message) : error;
  }
}

export async function patchScale(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const type = patchType(context, endpoint);
  const options = patchOptions(context, type);
  const body = patchBody(context, type);
  return write(context, endpoint, options, false, (current) => {
    if (type === APPLY_PATCH) {
      const { object } = serverSideApply(current, body as PlainObject, manager(context, options), scaleType(), options.force);
      const { managedFields, ...metadata } = object.metadata!;
      return { scale: asScale({ ...object, metadata } as PlainObject), managers: managedFields };
    }
    const patched = type === STRATEGIC_MERGE_PATCH ? scaleCodec.strategicMerge!(current, body as object) : patchValue(current, type, body);
    return tracked(context, options, current, asScale(patched));
  });
}

/** The same object when the number is the same. */
function withReplicas(object: PlainObject, paths: ScalePaths, scale: Scale): PlainObject {
  const replicas = scale.spec?.replicas ?? 0;
  return jsonEqual(at(object, paths.specReplicas) ?? 0, replicas) ? object : withValueAt(object, paths.specReplicas, replicas);
}

/** `whole`: the Scale itself was sent, not a change to it. */
async function write(
  context: RequestContext,
  endpoint: Endpoint,
  options: WriteOptions,
  whole: boolean,
  change: (current: PlainObject) => Change,
): Promise<ApiResponse> {
  const paths = endpoint.definition.scale!;
  const path = paths.specReplicas.replace(/^\./, '').split('.');
  const { entry } = await updateObject(context, endpoint, {
    options,
    rules: endpoint.definition,
    createsMissing: false,
    view: { of: (object) => scaleOf(object, paths), into: (object, scale) => withReplicas(object, paths, scale) },
    change: (object) => {
      checkScalable(object!, paths);
      const current = scaleOf(object!, paths) as Scale & PlainObject;
      if (lacksReplicas(object!, paths)) current.spec = { replicas: NO_REPLICAS };
      const owners = scaleManagers(object!.metadata!.managedFields, path);
      if (owners) current.metadata!.managedFields = owners;
      const { scale, managers } = change(current);
      if (paths.mustExist && scale.spec?.replicas === NO_REPLICAS)
        throw statusError.badRequest(`the spec replicas field ".${paths.specReplicas}" cannot be empty`);
      check(context, endpoint, scale, object!.metadata!.uid!, whole);
      const scaled = structuredClone(withReplicas(object!, paths, scale));
      const { managedFields, ...metadata } = scaled.metadata!;
      const after = managersOfScaled(managedFields, managers, path, endpoint.apiVersion);
      // The Scale says of which version and which object it is.
      const { resourceVersion, uid } = scale.metadata ?? {};
      scaled.metadata = { ...metadata, ...(after ? { managedFields: after } : {}) };
      if (resourceVersion || !endpoint.codec.selfNamed) scaled.metadata.resourceVersion = resourceVersion ?? '';
      if (whole && uid) scaled.metadata.uid = uid;
      return scaled;
    },
    uidIsPrecondition: whole,
    tracked: true,
  });
  return answer(scaleOf(endpoint.object(entry), paths));
}

/** The Scale is of the object that the request is about. */
function checkIdentity(context: RequestContext, scale: Scale): void {
  const { name, namespace } = context.info;
  const metadata = scale.metadata ?? {};
  if (metadata.name !== name) {
    throw statusError.badRequest(
      metadata.name
        ? `the name of the object (${metadata.name}) does not match the name on the URL (${name})`
        : `the name of the object (${name} based on URL) was undeterminable: name must be provided`,
    );
  }
  if (metadata.namespace && metadata.namespace !== namespace) {
    throw statusError.badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

function check(context: RequestContext, endpoint: Endpoint, scale: Scale, uid: string, whole: boolean): void {
  const { name, namespace } = context.info;
  const metadata = scale.metadata ?? {};
  checkIdentity(context, scale);
  // The first of these is the store's to say. Of custom resources the whole object's rules say the rest.
  if (whole && metadata.uid && metadata.uid !== uid) return;
  if (endpoint.codec.selfNamed) return;
  const errors = validateScaleMetadata({ ...metadata, namespace: metadata.namespace || namespace });
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas < 0) errors.push(fieldError.invalid('spec.replicas', replicas, 'must be greater than or equal to 0'));
  if (errors.length > 0) throw statusError.invalid(SCALE, name, errors);
  if (metadata.uid && metadata.uid !== uid) {
    const why = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${uid}`;
    throw statusError.conflict({ ...endpoint.type, resource: `${endpoint.type.resource}/scale` }, name, why);
  }
}
