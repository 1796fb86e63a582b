// UPDATE, and what PATCH and the subresources share with it: a new object is made from the newest one, checked and
// written, again and again until nobody was faster (registry/generic/registry/store.go Update, registry/rest/update.go).
import { type ApiResponse, type FieldError, jsonEqual, StatusError, statusError, withTimesKept } from '@tiphys/machinery';
import { type Claim, type RuleContext, sameValue, type UpdateRules, validateMetadataUpdate } from '@tiphys/registry';
import type { Entry, PlainObject } from '../cache/entry.ts';
import { EntryBody } from '../output/bodies.ts';
import { decodeBody, matchNamespace, type Standing, sharedBy } from '../request/body.ts';
import type { RequestContext } from '../request/context.ts';
import { guardPatched } from '../request/guard-body.ts';
import { type WriteOptions, writeOptions } from '../request/write-options.ts';
import type { Endpoint } from '../resources.ts';
import { admit, admitValid, attributesOf } from './admit.ts';
import { createObject } from './create.ts';
import { refusedOf } from './permissions.ts';
import { dedupOwnerReferences, track } from './prepare.ts';
import { statusRules } from './status.ts';
import { isStoredSo, OPTIMISTIC_LOCK, put, remove, ruleContext, sentVersion, unstored } from './write.ts';

/** Tries of one update against others who write the same object. */
export const UPDATE_ATTEMPTS_MAX = 32;

export interface UpdatePlan {
  options: WriteOptions;
  rules: UpdateRules<any>;
  /** A name that is not there is created. */
  createsMissing: boolean;
  /** The wished object, made from the newest one or from nothing. What it returns is changed further. */
  change(current: PlainObject | undefined): PlainObject | Promise<PlainObject>;
  /** What admission is shown instead of the whole object, and how what it changed comes back. */
  view?: { of(object: PlainObject): PlainObject; into(object: PlainObject, view: PlainObject): PlainObject };
  /** change() has recorded the managed fields itself. */
  tracked?: boolean;
  /** The uid that the object sent has says which object is meant; what patches make of it is checked by rules alone. */
  uidIsPrecondition?: boolean;
}

const WHOLE: NonNullable<UpdatePlan['view']> = { of: (object) => object, into: (_, view) => view };

export interface Updated {
  entry: Entry;
  created: boolean;
}

export async function update(context: RequestContext, endpoint: Endpoint): Promise<ApiResponse> {
  const { definition } = endpoint;
  return updateWith(context, endpoint, definition, createsMissing(endpoint, ''));
}

/** Whether an update of an object that is not there makes it. A status' rules are the object's in this (registry/core/service). */
export const createsMissing = ({ definition }: Endpoint, subresource: string): boolean =>
  definition.allowCreateOnUpdate === true && (subresource === '' || subresource === 'status');

/** PUT of a whole object under the rules of the resource or of one of its subresources. */
export async function updateWith(
  context: RequestContext,
  endpoint: Endpoint,
  rules: UpdateRules<any>,
  createsMissing = false,
): Promise<ApiResponse> {
  const options = writeOptions(context, 'UpdateOptions');
  const sent = () => {
    const object = decodeBody(context, endpoint.type, endpoint.codec, options.fieldValidation, standing(context, endpoint));
    matchNamespace(object, context.info.namespace, endpoint.type.namespaced);
    checkName(context, object);
    dedupOwnerReferences(context, object);
    return object;
  };
  // Each try changes the object; nearly always there is but one, and decoding anew for a second is cheaper than a copy for all.
  let decoded: PlainObject | undefined = sent();
  const change = () => {
    const object = decoded ?? sent();
    decoded = undefined;
    return object;
  };
  const plan: UpdatePlan = { options, rules, createsMissing, uidIsPrecondition: true, change };
  return updatedResponse(endpoint, await updateObject(context, endpoint, plan));
}

/** For bodies that came in process; bytes have nothing in common with anything. */
function standing({ info, request: { body } }: RequestContext, endpoint: Endpoint): Standing | undefined {
  const hasNone = body === undefined || body instanceof Uint8Array || endpoint.asksToConvert;
  const entry = hasNone ? undefined : endpoint.cache.get(endpoint.keyOf(info.name, info.namespace));
  return entry && { object: endpoint.object(entry), shared: sharedBy(info.subresource) };
}

export const updatedResponse = (endpoint: Endpoint, { entry, created }: Updated): ApiResponse => ({
  status: created ? 201 : 200,
  headers: {},
  body: new EntryBody(endpoint, entry),
});

function checkName(context: RequestContext, object: PlainObject): void {
  const { name } = context.info;
  const metadata = object.metadata!;
  if (!metadata.name) {
    throw statusError.badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  }
  if (metadata.name !== name) {
    throw statusError.badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
}

export async function updateObject(context: RequestContext, endpoint: Endpoint, plan: UpdatePlan): Promise<Updated> {
  const { name, namespace } = context.info;
  const key = endpoint.keyOf(name, namespace);
  for (let attempt = 0; attempt < UPDATE_ATTEMPTS_MAX; attempt++) {
    const current = endpoint.cache.get(key);
    const updated = current ? await updateOnce(context, endpoint, plan, current) : await createInstead(context, endpoint, plan);
    if (updated) return updated;
  }
  throw statusError.conflict(endpoint.type, name, OPTIMISTIC_LOCK);
}

async function createInstead(context: RequestContext, endpoint: Endpoint, plan: UpdatePlan): Promise<Updated | undefined> {
  const { name } = context.info;
  if (!plan.createsMissing) throw statusError.notFound(endpoint.type, name);
  const object = await plan.change(undefined);
  const uid = object.metadata!.uid;
  if (uid) {
    const why = plan.uidIsPrecondition
      ? uidFault(endpoint, endpoint.keyOf(name, context.info.namespace), uid, '', plan.options.dryRun)
      : `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw statusError.conflict(endpoint.type, name, why);
  }
  matchNamespace(object, context.info.namespace, endpoint.type.namespaced);
  checkName(context, object);
  const version = sentVersion(object.metadata!.resourceVersion);
  if (typeof version === 'string') throw new StatusError(500, '', version);
  await context.authorize('create');
  try {
    return { entry: await createObject(context, endpoint, object, plan.options, { tracked: plan.tracked === true }), created: true };
  } catch (error) {
    // Someone created it meanwhile: it is an update after all.
    if (
      error instanceof StatusError &&
      error.reason === 'AlreadyExists' &&
      endpoint.cache.get(endpoint.keyOf(name, context.info.namespace))
    ) {
      return undefined;
    }
    throw error;
  }
}

/** undefined: the object was changed by someone else in the meantime. */
async function updateOnce(context: RequestContext, endpoint: Endpoint, plan: UpdatePlan, current: Entry): Promise<Updated | undefined> {
  const { options } = plan;
  const { name, subresource } = context.info;
  await endpoint.ready([current]);
  const old = endpoint.object(current);
  const wished = await plan.change(old);
  guardPatched(context.request, { object: wished, old, bytes: current.value.length }, endpoint.definition.valuesMax);
  matchNamespace(wished, context.info.namespace, endpoint.type.namespaced);
  checkName(context, wished);
  checkPreconditions(endpoint, wished, old, { name, dryRun: options.dryRun, withUid: plan.uidIsPrecondition === true });
  if (!plan.tracked) track(context, endpoint, old, wished, options);
  const view = plan.view ?? WHOLE;
  const shown = { object: view.of(wished), oldObject: view.of(old) };
  const attributes = attributesOf(context, endpoint, { operation: 'UPDATE', ...shown, dryRun: options.dryRun, name });
  await admit(context, attributes);
  const object = view.into(wished, attributes.object as PlainObject);
  dedupOwnerReferences(context, object, true);
  const rules = ruleContext(context, options.dryRun, subresource);
  const begin = subresource === '' ? endpoint.definition.beginUpdate : undefined;
  const claim: Claim = begin ? await begin(object, old, rules, context.core.operations) : {};
  let settled = false;
  try {
    const advised = context.warnings.length;
    // As it was sent: a status write takes over the kind that is stored.
    const kind = endpoint.invalidKind(object);
    prepare(endpoint, plan.rules, object, old, rules);
    const permissions = plan.rules.permissions?.(object, old) ?? [];
    if (permissions.length > 0) rules.refused = await refusedOf(context, permissions);
    const errors = validate(endpoint, plan.rules, object, old, rules);
    if (errors.length > 0) {
      // Advice is for what is taken.
      context.warnings.length = advised;
      throw statusError.invalid(kind, object.metadata!.name ?? '', errors);
    }
    const managedFields = withTimesKept(old, object);
    if (managedFields) object.metadata!.managedFields = managedFields;
    await admitValid(context, { ...attributes, object: view.of(object) });
    const entry = await write(context, endpoint, object, old, current, options);
    if (entry) {
      settled = true;
      await (options.dryRun ? claim.revert : claim.commit)?.();
    }
    return entry && { entry, created: false };
  } finally {
    if (!settled) await claim.revert?.();
  }
}

/** A dry run knows the key without its prefix. */
const uidFault = (endpoint: Endpoint, key: string, asked: string, found: string, dryRun = false) =>
  `StorageError: invalid object, Code: 4, Key: ${dryRun ? endpoint.storeKey(key).replace(/^\/registry/, '') : endpoint.storeKey(key)}, ResourceVersion: 0, ` +
  `AdditionalErrorMsg: Precondition failed: UID in precondition: ${asked}, UID in object meta: ${found}`;

interface Preconditions {
  name: string;
  dryRun: boolean;
  /** The uid that was sent is a demand. */
  withUid: boolean;
}

function checkPreconditions(endpoint: Endpoint, object: PlainObject, old: PlainObject, { name, dryRun, withUid }: Preconditions): void {
  const metadata = object.metadata!;
  const oldUid = old.metadata!.uid;
  if (withUid && metadata.uid && metadata.uid !== oldUid) {
    throw statusError.conflict(
      endpoint.type,
      name,
      uidFault(endpoint, endpoint.keyOf(name, old.metadata!.namespace), metadata.uid, oldUid!, dryRun),
    );
  }
  const version = sentVersion(metadata.resourceVersion);
  if (typeof version === 'string') throw new StatusError(500, '', version);
  if (version === 0n) {
    if (endpoint.definition.allowUnconditionalUpdate === false) {
      throw statusError.invalid({ group: endpoint.type.group, kind: endpoint.type.resource }, name, [
        { type: 'FieldValueInvalid', field: 'metadata.resourceVersion', message: 'Invalid value: 0: must be specified for an update' },
      ]);
    }
    metadata.resourceVersion = old.metadata!.resourceVersion!;
  } else if (version !== BigInt(old.metadata!.resourceVersion!)) {
    throw statusError.conflict(endpoint.type, name, OPTIMISTIC_LOCK);
  }
}

/** Of kinds that have Go types, an empty list is none. */
function specChanged(endpoint: Endpoint, object: PlainObject, old: PlainObject): boolean {
  const isTyped = endpoint.codec.strategicMerge !== undefined;
  for (const key of new Set([...Object.keys(object), ...Object.keys(old)])) {
    if (key === 'metadata' || key === 'status' || key === 'kind' || key === 'apiVersion') continue;
    if (!jsonEqual(object[key], old[key]) && !(isTyped && sameValue(object[key], old[key]))) return true;
  }
  return false;
}

function prepare(endpoint: Endpoint, rules: UpdateRules<any>, object: PlainObject, old: PlainObject, context: RuleContext): void {
  const { definition } = endpoint;
  const oldMetadata = old.metadata!;
  if (oldMetadata.generation === undefined) delete object.metadata!.generation;
  else object.metadata!.generation = oldMetadata.generation;
  if (rules === definition) definition.dropDisabled?.(object, old);
  if (rules.prepareForUpdate) rules.prepareForUpdate(object, old, context);
  else if (rules === definition && definition.status) keepStatus(object, old);
  const metadata = object.metadata!;
  const counts = definition.generation ?? definition.status !== undefined;
  if (
    counts === true &&
    context.subresource !== 'status' &&
    metadata.generation === oldMetadata.generation &&
    specChanged(endpoint, object, old)
  ) {
    metadata.generation = (oldMetadata.generation ?? 0) + 1;
  }
  metadata.uid ||= oldMetadata.uid!;
  for (const field of ['creationTimestamp', 'deletionTimestamp'] as const) {
    if (oldMetadata[field] !== undefined) metadata[field] = oldMetadata[field];
  }
  if (metadata.deletionGracePeriodSeconds === undefined && oldMetadata.deletionGracePeriodSeconds !== undefined) {
    metadata.deletionGracePeriodSeconds = oldMetadata.deletionGracePeriodSeconds;
  }
}

const validate = (
  endpoint: Endpoint,
  rules: UpdateRules<any>,
  object: PlainObject,
  old: PlainObject,
  context: RuleContext,
): FieldError[] => [
  ...validateMetadataUpdate(endpoint.definition, object, old, context.subresource),
  ...(rules.validateUpdate?.(object, old, context) ?? []),
];

function keepStatus(object: PlainObject, old: PlainObject): void {
  if (old.status === undefined) delete object.status;
  else object.status = old.status;
}

/** Nothing is left to wait for: an object that is being deleted, without finalizers and grace. */
const isFinalized = (endpoint: Endpoint, object: PlainObject, old: PlainObject): boolean =>
  !endpoint.definition.holdsDeletion?.(object) &&
  (object.metadata!.finalizers ?? []).length === 0 &&
  old.metadata!.deletionTimestamp !== undefined &&
  !old.metadata!.deletionGracePeriodSeconds;

async function write(
  context: RequestContext,
  endpoint: Endpoint,
  object: PlainObject,
  old: PlainObject,
  current: Entry,
  options: WriteOptions,
): Promise<Entry | undefined> {
  const { core } = context;
  if (isFinalized(endpoint, object, old)) {
    if (options.dryRun) return unstored(endpoint, current.key, current.revision, object);
    const gone = await remove(core, endpoint, current);
    if (!gone) return undefined;
    await endpoint.definition.afterDelete?.(endpoint.object(gone), ruleContext(context, false), core.operations);
    return unstored(endpoint, current.key, gone.revision, object);
  }
  // No longer stored by anyone.
  if (!options.dryRun && 'selfLink' in object.metadata!) delete object.metadata.selfLink;
  // An update that changes nothing is no write.
  const isNothing = jsonEqual(object, old) && (await isStoredSo(endpoint, object, current));
  if (isNothing && !(core.isStale && (await core.isStale(endpoint.storeKey(current.key))))) return current;
  if (options.dryRun) {
    endpoint.codec.toStorageForm?.(object);
    return unstored(endpoint, current.key, current.revision, object);
  }
  return put(core, endpoint, current.key, object, current.revision);
}

/** The rules that hold for a subresource which is a view on the object, or undefined. */
export function rulesOf(endpoint: Endpoint, subresource: string): UpdateRules<any> | undefined {
  const { definition } = endpoint;
  if (subresource === '') return definition;
  if (subresource === 'status') return definition.status && statusRules(endpoint);
  return definition.subresources?.find(({ name }) => name === subresource)?.update;
}
