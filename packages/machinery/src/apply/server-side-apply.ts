// Server-side apply (KEP-555): merge the configuration, drop what the applier no longer names, refuse what others own
// (structured-merge-diff merge/update.go Apply; apimachinery managedfields/internal: fieldmanager.go, lastappliedmanager.go).
import { type KubeObject, type ManagedFieldsEntry, schemaOf, unstructuredFault } from '@tiphys/api';
import { jsonEqual } from '../patch/json-value.ts';
import type { MergeType } from '../schema/merge-type.ts';
import { StatusError, statusError } from '../status-error.ts';
import { compareTyped, fieldsOf } from './compare.ts';
import { type Conflict, conflictError } from './conflicts.ts';
import { difference, type FieldTree, intersection, isEmptyTree, NOTHING, recursiveDifference, union } from './field-tree.ts';
import { decodeManagers, encodeManagers, identityOf, type Manager, unmanaged, withoutUnowned } from './managers.ts';
import { ensureNamed, mergeTyped, removeFields } from './merge.ts';
import { changesByVersion, dispossessed, type FieldManager, managersAfterUpdate, type TrackedType, UntypedError } from './track-update.ts';
import { errorsText, typedErrors } from './typed-errors.ts';
import { NoElement } from './typed-value.ts';

export const LAST_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
const BEFORE_FIRST_APPLY = 'before-first-apply';

export interface ApplyResult<T> {
  /** The object to store, with its managedFields; the live one's value when nothing changed. */
  object: T;
  /** False when neither the object's value nor its managers changed. */
  changed: boolean;
  /** Of a live object: its value is what it was; only its managers may have changed. */
  same: boolean;
}

/** Takes out what the applier named last time and now does not, unless someone else owns it. */
function pruned({ type }: TrackedType, merged: object, last: FieldTree, managers: readonly Manager[]): object {
  if (isEmptyTree(last)) return merged;
  const lastNamed = ensureNamed(type, last);
  const all = ensureNamed(type, fieldsOf(type, merged));
  // A map that is emptied stays as null, as it may be someone's by itself.
  const without = (fields: FieldTree) => (removeFields(type, merged, fields) ?? {}) as object;
  const bare = without(lastNamed);
  const owned = managers.reduce((sum: FieldTree, manager) => union(sum, manager.fields), NOTHING);
  const kept = union(ensureNamed(type, fieldsOf(type, bare)), ensureNamed(type, owned));
  const withOwned = without(difference(all, kept));
  // Items that hang below a removed one but were never the applier's stay.
  const keptNow = ensureNamed(type, fieldsOf(type, withOwned));
  return without(intersection(difference(all, keptNow), lastNamed));
}

interface Attempt {
  object: object;
  managers: Manager[];
  conflicts: Conflict[];
  /** Nothing has changed that this write could touch. */
  same: boolean;
}

function attempt(live: object, config: object, managers: readonly Manager[], self: Manager, tracked: TrackedType): Attempt {
  const { type, resetFields } = tracked;
  const identity = identityOf(self);
  const last = managers.find((manager) => identityOf(manager) === identity);
  const named = fieldsOf(type, config);
  const mine: Manager = { ...self, fields: resetFields ? recursiveDifference(named, resetFields) : named };
  const all = [...managers.filter((manager) => manager !== last), mine];
  const object = pruned(tracked, mergeTyped(type, live, config) as object, last?.fields ?? NOTHING, all);
  const changes = changesByVersion(live, object, all, tracked, self.apiVersion);
  const conflicts: Conflict[] = [];
  for (const manager of all) {
    const seen = changes(manager.apiVersion);
    if (manager === mine || !seen) continue;
    const fields = intersection(manager.fields, union(seen.modified, seen.added));
    if (!isEmptyTree(fields)) conflicts.push({ manager, fields });
  }
  const owners = dispossessed(all, changes, identity)
    .map((manager) => (manager === mine ? { ...mine, fields: withoutUnowned(mine.fields) } : manager))
    .filter((manager) => !isEmptyTree(manager.fields));
  const { added, modified, removed } = changes(self.apiVersion)!;
  return { object, managers: owners, conflicts, same: [added, modified, removed].every(isEmptyTree) };
}

function typedAttempt(...args: Parameters<typeof attempt>): Attempt {
  try {
    return attempt(...args);
  } catch (error) {
    throw error instanceof UntypedError ? new StatusError(500, '', error.message) : error;
  }
}

/** Fields that `kubectl apply` without server side set and that still have its value: its server-side form may take them over. */
function takenOverFromLastApplied(live: KubeObject, apiVersion: string, type: MergeType): FieldTree {
  const annotation = live.metadata?.annotations?.[LAST_APPLIED_ANNOTATION];
  if (!annotation) return NOTHING;
  try {
    const lastApplied = JSON.parse(annotation) as KubeObject;
    if (lastApplied.apiVersion !== apiVersion) return NOTHING;
    const { added, modified, removed } = compareTyped(type, lastApplied, live);
    return [modified, added, removed].reduce(difference, fieldsOf(type, lastApplied));
  } catch {
    return NOTHING;
  }
}

/** Null means "not set" of a field once it has been merged; ownership keeps it apart from absent. A key of a map stays, with nothing. */
function withoutNulls(type: MergeType | undefined, value: unknown): unknown {
  if (Array.isArray(value))
    return value.some((item) => typeof item === 'object') ? value.map((item) => withoutNulls(type?.list?.item, item)) : value;
  if (typeof value !== 'object' || value === null) return value;
  const kept: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(value)) {
    const field = type?.map?.fields[key];
    const isKey = !field && type?.map?.values !== undefined;
    if (entry === undefined || (entry === null && !isKey)) continue;
    kept[key] = withoutNulls(field ?? type?.map?.values, entry);
  }
  return kept;
}

/** A group version and kind as Go prints them. */
export const kindText = (apiVersion: string, kind: string | undefined) =>
  `${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind ?? ''}`;

/** Of messages: `namespace/name; /v1, Kind=Pod`. */
export const subjectText = (config: KubeObject, apiVersion: string) =>
  `${text(config.metadata?.namespace)}/${text(config.metadata?.name)}; ${kindText(apiVersion, config.kind)}`;

/** A name of another type counts as none. */
const text = (value: unknown) => (typeof value === 'string' ? value : '');

const MANAGED_FIELDS_ENTRY = 'io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry';

/** Whether the configuration says who manages what. What can't be read as that is not seen here. */
function saysManagers(entries: unknown): boolean {
  if (!Array.isArray(entries)) return false;
  const node = schemaOf(MANAGED_FIELDS_ENTRY)!;
  const isEntry = (entry: unknown) => typeof entry === 'object' && entry !== null && !Array.isArray(entry);
  return entries.every((entry) => isEntry(entry) && unstructuredFault(node, entry) === undefined);
}

function judgeConfiguration(config: KubeObject, apiVersion: string, type: MergeType): void {
  if (config.apiVersion !== apiVersion) {
    throw statusError.badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${config.apiVersion ?? ''}, expected: ${apiVersion}`,
    );
  }
  if (saysManagers(config.metadata?.managedFields)) throw statusError.badRequest('metadata.managedFields must be nil');
  const errors = typedErrors(type, config);
  if (errors.length > 0) throw untyped(PATCH, config, apiVersion, errors);
}

type Frame = (subject: string) => string;
const PATCH: Frame = (subject) => `failed to create typed patch object (${subject})`;
const LIVE: Frame = (subject) => `failed to create typed live object (${subject})`;
const UNMANAGED: Frame = (subject) =>
  `failed to create manager for existing fields: failed to convert new object (${subject}) to smd typed`;

function untyped(frame: Frame, object: KubeObject, apiVersion: string, errors: readonly string[]): StatusError {
  return new StatusError(500, '', `${frame(subjectText(object, apiVersion))}: ${errorsText(errors)}`);
}

/** With the annotation that keeps client-side `kubectl apply` usable on an object that has it. */
function withLastApplied<T extends KubeObject>(object: T, config: KubeObject): T {
  if (!object.metadata?.annotations?.[LAST_APPLIED_ANNOTATION]) return object;
  const { [LAST_APPLIED_ANNOTATION]: _, ...annotations } = config.metadata?.annotations ?? {};
  const applied = { ...config, metadata: { ...config.metadata, annotations } };
  const text = `${JSON.stringify(applied)}\n`;
  return {
    ...object,
    metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, [LAST_APPLIED_ANNOTATION]: text } },
  };
}

/**
 * Applies a configuration to the live object (undefined: it does not exist yet). Throws 409 with a FieldManagerConflict cause per
 * field that another manager owns with another value, unless forced. Defaults and validation are the caller's next steps.
 */
export function serverSideApply<T extends KubeObject>(
  live: T | undefined,
  config: T,
  manager: FieldManager,
  tracked: TrackedType,
  force = false,
): ApplyResult<T> {
  const { type } = tracked;
  const managers = decodeManagers(live?.metadata?.managedFields);
  if (!managers) throw new StatusError(500, '', 'failed to decode managed fields: malformed managedFields entry');
  const { apiVersion } = manager;
  if (tracked.kind !== undefined && (config.apiVersion !== apiVersion || config.kind !== tracked.kind)) {
    throw statusError.badRequest(`invalid object type: ${kindText(config.apiVersion ?? '', config.kind)}`);
  }
  const judgeLive = (frame: Frame) => {
    const errors = live ? typedErrors(type, unmanaged(live), '', true) : [];
    if (errors.length > 0) throw untyped(frame, live!, apiVersion, errors);
  };
  // Fields that nobody owns yet get an owner before anything else is looked at.
  if (managers.length === 0) judgeLive(UNMANAGED);
  judgeConfiguration(config, apiVersion, type);
  if (tracked.loose) judgeLive(LIVE);
  try {
    return applied(live, config, manager, managers, tracked, force);
  } catch (error) {
    if (error instanceof NoElement) judgeLive(LIVE);
    throw error;
  }
}

function applied<T extends KubeObject>(
  live: T | undefined,
  config: T,
  manager: FieldManager,
  decoded: readonly Manager[],
  tracked: TrackedType,
  force: boolean,
): ApplyResult<T> {
  const { type } = tracked;
  const before = live ? unmanaged(live) : ({} as T);
  let managers = decoded;
  if (managers.length === 0 && live) {
    managers = managersAfterUpdate(tracked.empty, before, [], { ...manager, name: BEFORE_FIRST_APPLY }, tracked);
  }
  const self: Manager = {
    name: manager.name,
    operation: 'Apply',
    apiVersion: manager.apiVersion,
    subresource: manager.subresource ?? '',
    time: manager.time,
    fields: NOTHING,
  };
  const { object, managers: owners, conflicts, ...outcome } = typedAttempt(before, config, managers, self, tracked);
  if (conflicts.length > 0 && !force) refuse(conflicts, manager, before, type);

  const settled = (merged: object) => (tracked.loose ? merged : withoutNulls(type, merged)) as T;
  let value = settled(object);
  const same = live !== undefined && outcome.same && jsonEqual(value, settled(before));
  // Times are of changes: an apply that leaves the value as it is keeps the applier's old one.
  const old = managers.find((m) => identityOf(m) === identityOf(self));
  const timed = same ? owners.map((owner) => (identityOf(owner) === identityOf(self) ? kept(owner, old?.time) : owner)) : owners;
  if (manager.name === 'kubectl') value = withLastApplied(value, config);
  const managedFields = encodeManagers(timed);
  const unchanged = same && jsonEqual(managedFields ?? [], live.metadata?.managedFields ?? []) && jsonEqual(value, before);
  return { object: managed(value, managedFields), changed: !unchanged, same };
}

function refuse(conflicts: Conflict[], manager: FieldManager, live: KubeObject, type: MergeType): void {
  if (manager.name !== 'kubectl') throw conflictError(conflicts);
  const allowed = takenOverFromLastApplied(live, manager.apiVersion, type);
  const left = conflicts
    .map((conflict) => ({ ...conflict, fields: difference(conflict.fields, allowed) }))
    .filter((conflict) => !isEmptyTree(conflict.fields));
  if (left.length > 0) throw conflictError(left);
}

function kept(owner: Manager, time: string | undefined): Manager {
  const { time: _, ...rest } = owner;
  return time === undefined ? rest : { ...rest, time };
}

function managed<T extends KubeObject>(object: T, managedFields: ManagedFieldsEntry[] | undefined): T {
  const { managedFields: _, ...metadata } = object.metadata ?? {};
  return { ...object, metadata: managedFields ? { ...metadata, managedFields } : metadata };
}
