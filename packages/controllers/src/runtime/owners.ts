// Whom a change of an owned object concerns: its controller, or those who might adopt it (the add, update and delete handlers that
// upstream's controllers have each for themselves). Pure.
import type { KubeObject, ResourceType } from '@tiphys/api';
import type { Owned, Snapshot } from './controller.ts';
import { controllerOf, isDeleting, keyOf, labelsOf, namespaceOf, uidOf } from './objects.ts';

export interface Change {
  old?: KubeObject;
  gone: boolean;
}

/** The key of the object's controller, as far as it is of the type and there; undefined when the object is an orphan. */
function ownerOf(type: ResourceType, snapshot: Snapshot, object: KubeObject): string[] | undefined {
  const reference = controllerOf(object);
  if (!reference) return undefined;
  if (reference.kind !== type.kind || reference.apiVersion.split('/').slice(0, -1).join('/') !== type.group) return [];
  const owner = snapshot.get(type, reference.name, type.namespaced ? namespaceOf(object) : '');
  return owner && uidOf(owner) === reference.uid ? [keyOf(owner)] : [];
}

/** Keys of objects of the type that have to be planned anew. */
export function ownersOf(type: ResourceType, owned: Owned<any>, snapshot: Snapshot, object: KubeObject, { old, gone }: Change): string[] {
  if (owned.wakes === false) return [];
  if (owned.additions === false && !old && !gone && controllerOf(object)) return [];
  const before = old && controllerOf(old)?.uid !== controllerOf(object)?.uid ? (ownerOf(type, snapshot, old) ?? []) : [];
  const now = ownerOf(type, snapshot, object);
  const { matches } = owned;
  if (now || gone || !matches || isDeleting(object)) return [...before, ...(now ?? [])];
  // An orphan wakes whoever might adopt it, when it is new to us or its labels or owner changed.
  if (old && !controllerOf(old) && labelsOf(old) === labelsOf(object)) return before;
  if (old && !controllerOf(old) && JSON.stringify(labelsOf(old)) === JSON.stringify(labelsOf(object))) return before;
  const adopters = snapshot.list(type, namespaceOf(object)).filter((owner) => matches(owner)?.(object));
  return [...before, ...adopters.map(keyOf)];
}
