// Which objects a controller's object owns, which orphans it adopts and which it lets go
// (pkg/controller/controller_ref_manager.go). Pure.
import type { KubeObject, ResourceType } from '@tiphys/api';
import { isStatus } from '@tiphys/machinery';
import { type Action, patch, type Write } from './actions.ts';
import type { Owned, Snapshot } from './controller.ts';
import { controllerReference, isDeleting, nameOf, namespaceOf, uidOf } from './objects.ts';

export interface Claims<X extends KubeObject = any> {
  claimed: readonly X[];
  adoptions: readonly Write[];
  releases: readonly Write[];
}

/** Namespace of an orphan, as the index of controller uids has it. */
export const orphanKey = (namespace: string): string => `orphans/${namespace}`;

/** What the index of controller uids needs from a snapshot. */
export interface OwnershipReader extends Snapshot {
  orphans<X extends KubeObject>(type: ResourceType<X>, namespace: string): readonly X[];
}

function adoption(forType: ResourceType, owner: KubeObject, owned: Owned<any>, object: KubeObject): Write {
  const body = {
    metadata: {
      ownerReferences: [controllerReference(forType, owner)],
      uid: uidOf(object),
      ...(owned.finalizers ? { finalizers: owned.finalizers } : {}),
    },
  };
  return patch(owned.type, object, 'strategic', body, 'it has no controller and the selector matches');
}

function release(owner: KubeObject, owned: Owned<any>, object: KubeObject): Write {
  const body = {
    metadata: {
      uid: uidOf(object),
      ownerReferences: [{ $patch: 'delete', uid: uidOf(owner) }],
      ...(owned.finalizers ? { '$deleteFromPrimitiveList/finalizers': owned.finalizers } : {}),
    },
  };
  return patch(owned.type, object, 'strategic', body, 'the selector does not match it any more', {
    // Gone, or another object under the same name.
    tolerate: (error) => isStatus(error, 'NotFound') || isStatus(error, 'Invalid'),
  });
}

export function claim(forType: ResourceType, owner: KubeObject, owned: Owned<any>, reader: OwnershipReader): Claims {
  const controlled = reader.controlledBy(owned.type, uidOf(owner));
  if (!owned.matches) return { claimed: controlled, adoptions: [], releases: [] };
  const selects = owned.matches(owner);
  if (!selects) return { claimed: [], adoptions: [], releases: [] };
  const considered = owned.considered ?? (() => true);
  const claimed: KubeObject[] = [];
  const adoptions: Write[] = [];
  const releases: Write[] = [];
  for (const object of controlled) {
    if (selects(object)) claimed.push(object);
    else if (owned.releases !== false && !isDeleting(owner) && considered(object)) releases.push(release(owner, owned, object));
  }
  if (!isDeleting(owner)) {
    for (const object of reader.orphans(owned.type, namespaceOf(owner))) {
      if (!isDeleting(object) && considered(object) && selects(object)) adoptions.push(adoption(forType, owner, owned, object));
    }
  }
  return { claimed, adoptions, releases };
}

export const claimActions = (claims: readonly Claims[]): readonly Action[] => claims.flatMap((c) => [...c.releases, ...c.adoptions]);

/** Who is on its way out adopts nothing, whatever the cache says: `fresh` is what the server says of the owner. */
export function adoptionRefused(type: ResourceType, owner: KubeObject, fresh: KubeObject): Error | undefined {
  const kind = `${type.kind} ${namespaceOf(owner)}/${nameOf(owner)}`;
  if (uidOf(fresh) !== uidOf(owner)) return new Error(`original ${kind} is gone: got uid ${uidOf(fresh)}, wanted ${uidOf(owner)}`);
  return isDeleting(fresh) ? new Error(`${kind} has just been deleted at ${fresh.metadata!.deletionTimestamp}`) : undefined;
}
