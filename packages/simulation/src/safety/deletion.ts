// Deletions in the foreground: an owner goes after everything that blocks it.
import type { KubeObject } from '@tiphys/api';
import { Broken } from '../broken.ts';
import type { Truth } from '../truth.ts';

const FOREGROUND = 'foregroundDeletion';

const blocks = ({ metadata }: KubeObject, uid: string | undefined) =>
  metadata?.ownerReferences?.some((owner) => owner.uid === uid && owner.blockOwnerDeletion) ?? false;

export function foregroundWaits(truth: Truth): void {
  truth.onEvent(({ key, old, new: now }) => {
    if (now || !old?.metadata?.deletionTimestamp || !old.metadata.finalizers?.includes(FOREGROUND)) return;
    for (const [other, object] of truth.everything()) {
      // What was made after the owner began to go is found by the garbage collector afterwards.
      if (blocks(object, old.metadata.uid) && object.metadata!.creationTimestamp! < old.metadata.deletionTimestamp)
        throw new Broken(`${key} went before ${other}, which it should have waited for`);
    }
  });
}
