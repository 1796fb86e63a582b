// Who owns which field after a create, update or patch (apimachinery managedfields/internal: fieldmanager.go Update,
// managedfieldsupdater.go, skipnonapplied.go; structured-merge-diff merge/update.go).
import type { KubeObject, ManagedFieldsEntry } from '@tiphys/api';
import { jsonEqual } from '../patch/json-value.ts';
import type { MergeType } from '../schema/merge-type.ts';
import { type Comparison, compareTyped } from './compare.ts';
import { withStructs } from './empty-object.ts';
import { difference, type FieldTree, isEmptyTree, recursiveDifference, sortedTree, union } from './field-tree.ts';
import { cappedManagers, decodeManagers, encodeManagers, identityOf, type Manager, unmanaged, withoutUnowned } from './managers.ts';
import { Shapes } from './shapes.ts';
import { errorsText, isMistyped, typedErrors } from './typed-errors.ts';
import { NoElement } from './typed-value.ts';

export interface FieldManager {
  /** The request's fieldManager, or what stands before the slash of its user agent. */
  name: string;
  /** Of the request's path, such as `apps/v1`. */
  apiVersion: string;
  /** '' for the object itself. */
  subresource?: string;
  /** RFC 3339 with whole seconds. */
  time: string;
}

export interface TrackedType {
  type: MergeType;
  /** An applied configuration must be of it. */
  kind?: string;
  /** emptyObject() of the kind; {} for custom resources. */
  empty: object;
  /** What the write cannot touch: `{'f:status': {}}` for the main resource, `{'f:spec': {}}` … for status. */
  resetFields?: FieldTree;
  /** The kind has no Go type: nulls stay, and an object that isn't of the type has no managers. */
  loose?: boolean;
  /** Types of all versions of a kind whose versions differ: managers know the object in their own one. */
  versions?: ReadonlyMap<string, MergeType>;
}

/** An object isn't of the type that a manager knows it by. */
export class UntypedError extends Error {}

/** What changed as a manager of the version sees it; undefined where there is no such version any more. */
export type Changes = (apiVersion: string) => Comparison | undefined;

/** Throws UntypedError. */
function mustBeTyped(type: MergeType, object: object): void {
  const errors = typedErrors(type, object, '', true);
  if (errors.length > 0) throw new UntypedError(errorsText(errors));
}

/** Throws UntypedError where the object before or after isn't of a manager's version. */
export function changesByVersion(old: object, changed: object, managers: readonly Manager[], tracked: TrackedType, own: string): Changes {
  const { versions } = tracked;
  const changes = changesBetween(old, changed, tracked);
  if (!versions) return () => changes;
  const byVersion = new Map<string, Comparison | undefined>([[own, changes]]);
  for (const { apiVersion } of managers) {
    if (byVersion.has(apiVersion)) continue;
    const type = versions.get(apiVersion);
    // Among custom resources a version that there is not is a failure; elsewhere its managers are forgotten.
    if (!type) throw new UntypedError(`failed to convert old object: request to convert CR to an invalid group/version: ${apiVersion}`);
    for (const object of [old, changed]) mustBeTyped(type, object);
    byVersion.set(apiVersion, changesBetween(old, changed, { ...tracked, type }));
  }
  return (apiVersion) => byVersion.get(apiVersion);
}

/** What changed between two objects of the kind, without what the write could not touch. */
export function changesBetween(old: object, changed: object, { type, empty, resetFields }: TrackedType): Comparison {
  const changes = compareTyped(type, withStructs(old, empty), withStructs(changed, empty));
  if (!resetFields) return changes;
  return {
    added: recursiveDifference(changes.added, resetFields),
    modified: recursiveDifference(changes.modified, resetFields),
    removed: recursiveDifference(changes.removed, resetFields),
  };
}

/** The managers without the fields that changed hands or went. */
export function dispossessed(managers: readonly Manager[], changes: Changes, except?: string): Manager[] {
  const result: Manager[] = [];
  for (const manager of managers) {
    if (identityOf(manager) === except) {
      if (!isEmptyTree(manager.fields)) result.push(manager);
      continue;
    }
    const seen = changes(manager.apiVersion);
    if (!seen) continue;
    const changed = union(seen.modified, seen.added);
    const untouched = isEmptyTree(changed) && isEmptyTree(seen.removed);
    const fields = untouched ? manager.fields : difference(difference(manager.fields, changed), seen.removed);
    if (!isEmptyTree(fields)) result.push(fields === manager.fields ? manager : { ...manager, fields });
  }
  return result;
}

const updater = (manager: FieldManager, fields: FieldTree): Manager => ({
  name: manager.name === '' ? 'unknown' : manager.name,
  operation: 'Update',
  apiVersion: manager.apiVersion,
  subresource: manager.subresource ?? '',
  time: manager.time,
  fields,
});

/** The managers after a write by `manager`, without the cap. */
export function managersAfterUpdate(
  old: object,
  changed: object,
  managers: readonly Manager[],
  manager: FieldManager,
  tracked: TrackedType,
): Manager[] {
  const seen = changesByVersion(old, changed, managers, tracked, manager.apiVersion);
  const changes = seen(manager.apiVersion)!;
  const fields = withoutUnowned(union(changes.modified, changes.added));
  if (isEmptyTree(fields)) return dispossessed(managers, seen);
  const identity = identityOf(updater(manager, fields));
  const isSelf = (other: Manager) => identityOf(other) === identity;
  const others = managers.some(isSelf) ? managers.filter((other) => !isSelf(other)) : managers;
  const previous = others === managers ? undefined : managers.find(isSelf);
  const kept = previous ? difference(previous.fields, changes.removed) : fields;
  return [...dispossessed(others, seen), updater(manager, union(kept, fields))];
}

/** An empty list, or a list of one empty entry, asks to forget all managers. */
const asksForReset = (entries: readonly ManagedFieldsEntry[] | undefined) =>
  entries !== undefined && (entries.length === 0 || (entries.length === 1 && jsonEqual(entries[0], {})));

function managersBefore(old: KubeObject | undefined, changed: KubeObject, subresource: string): Manager[] {
  const sent = changed.metadata?.managedFields;
  if (subresource === '') {
    if (asksForReset(sent)) return [];
    const managers = decodeManagers(sent);
    if (managers && managers.length > 0) return managers;
  }
  return decodeManagers(old?.metadata?.managedFields) ?? [];
}

const shapes = new WeakMap<TrackedType, Shapes>();

function creator(object: object, manager: FieldManager, tracked: TrackedType): Manager[] {
  const known = shapes.get(tracked) ?? new Shapes(tracked.type);
  shapes.set(tracked, known);
  const fields = known.fieldsOf(object, () => {
    const { modified, added } = changesBetween(tracked.empty, object, tracked);
    return sortedTree(withoutUnowned(union(modified, added)));
  });
  return isEmptyTree(fields) ? [] : [updater(manager, fields)];
}

/**
 * The managedFields of an object after a create (old is undefined), update or patch. Neither object is changed; the caller puts
 * the answer into the new one's metadata.
 */
export function trackUpdate(
  old: KubeObject | undefined,
  changed: KubeObject,
  manager: FieldManager,
  tracked: TrackedType,
): ManagedFieldsEntry[] | undefined {
  const managers = managersBefore(old, changed, manager.subresource ?? '');
  // Objects whose managers were never recorded, or were reset, stay without until someone applies.
  if (managers.length === 0 && old?.metadata?.uid) return undefined;
  try {
    const before = old ? unmanaged(old) : tracked.empty;
    if (tracked.loose) {
      if (tracked.kind !== undefined && changed.kind !== tracked.kind) return undefined;
      for (const object of [before, unmanaged(changed)]) mustBeTyped(tracked.type, object);
    } else if ([before, unmanaged(changed)].some((object) => isMistyped(tracked.type, object))) return undefined;
    if (!old && managers.length === 0) return encodeManagers(creator(unmanaged(changed), manager, tracked));
    return encodeManagers(cappedManagers(managersAfterUpdate(before, unmanaged(changed), managers, manager, tracked)));
  } catch (error) {
    if (!(error instanceof NoElement || error instanceof UntypedError)) throw error;
    // Nobody is recorded where the parts of an object can't be told apart, or it isn't of its type (fieldmanager.go UpdateNoErrors).
    return undefined;
  }
}

/**
 * The managedFields with the old times when the write changed nothing else, so that it is no write at all (apiserver
 * fieldmanager/equality.go).
 */
export function withTimesKept(old: KubeObject, changed: KubeObject): ManagedFieldsEntry[] | undefined {
  const before = old.metadata?.managedFields;
  const after = changed.metadata?.managedFields;
  if (!before || !after || before.length !== after.length) return after;
  // Most writes change something outside of metadata, which is seen at once.
  const { metadata: oldMetadata, ...oldRest } = old;
  const { metadata: newMetadata, ...newRest } = changed;
  if (!jsonEqual(oldRest, newRest)) return after;
  const timeless = ({ time: _, ...entry }: ManagedFieldsEntry) => entry;
  if (!before.every((entry, i) => jsonEqual(timeless(entry), timeless(after[i]!)))) return after;
  const plain = ({ managedFields: _, resourceVersion: __, ...kept }: NonNullable<KubeObject['metadata']>) => kept;
  return jsonEqual(plain(oldMetadata!), plain(newMetadata!)) ? before : after;
}
