// Who owns which field after a create, update or patch (apimachinery managedfields/internal: fieldmanager.go Update,
// managedfieldsupdater.go, skipnonapplied.go; structured-merge-diff merge/update.go).
import type { KubeObject, ManagedFieldsEntry } from '@tiphys/api';
import { jsonEqual } from '../patch/json-value.ts';
import type { MergeType } from '../schema/merge-type.ts';
import { type Comparison, compareTyped } from './compare.ts';
import { withStructs } from './empty-object.ts';
import { difference, type FieldTree, isEmptyTree, recursiveDifference, union } from './field-tree.ts';
import { cappedManagers, decodeManagers, encodeManagers, identityOf, type Manager, unmanaged, withoutUnowned } from './managers.ts';
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
export function dispossessed(managers: readonly Manager[], changes: Comparison, except?: string): Manager[] {
  const changed = union(changes.modified, changes.added);
  const gone = isEmptyTree(changes.removed);
  if (isEmptyTree(changed) && gone) return managers.filter((manager) => !isEmptyTree(manager.fields));
  const result: Manager[] = [];
  for (const manager of managers) {
    if (identityOf(manager) === except) {
      if (!isEmptyTree(manager.fields)) result.push(manager);
      continue;
    }
    const fields = difference(difference(manager.fields, changed), changes.removed);
    if (!isEmptyTree(fields)) result.push(fields === manager.fields ? manager : { ...manager, fields });
  }
  return result;
}

/** The managers after a write by `manager`, without the cap. */
export function managersAfterUpdate(
  old: object,
  changed: object,
  managers: readonly Manager[],
  manager: FieldManager,
  tracked: TrackedType,
): Manager[] {
  const changes = changesBetween(old, changed, tracked);
  const others = dispossessed(managers, changes);
  const fields = withoutUnowned(union(changes.modified, changes.added));
  if (isEmptyTree(fields)) return others;
  const self: Manager = {
    name: manager.name === '' ? 'unknown' : manager.name,
    operation: 'Update',
    apiVersion: manager.apiVersion,
    subresource: manager.subresource ?? '',
    time: manager.time,
    fields,
  };
  const identity = identityOf(self);
  const previous = others.find((other) => identityOf(other) === identity);
  if (previous) self.fields = union(fields, previous.fields);
  return [...others.filter((other) => other !== previous), self];
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
  const before = old ? unmanaged(old) : tracked.empty;
  try {
    return encodeManagers(cappedManagers(managersAfterUpdate(before, unmanaged(changed), managers, manager, tracked)));
  } catch (error) {
    if (!(error instanceof NoElement)) throw error;
    // Nobody is recorded where the parts of an object can't be told apart (fieldmanager.go UpdateNoErrors).
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
  const timeless = ({ time: _, ...entry }: ManagedFieldsEntry) => entry;
  if (!before.every((entry, i) => jsonEqual(timeless(entry), timeless(after[i]!)))) return after;
  const plain = (object: KubeObject) => {
    const { metadata, ...rest } = unmanaged(object);
    const { resourceVersion: _, ...kept } = metadata ?? {};
    return { ...rest, metadata: kept };
  };
  return jsonEqual(plain(old), plain(changed)) ? before : after;
}
