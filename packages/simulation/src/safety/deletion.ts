// Deletions in the foreground: an owner goes after everything that blocks it. The garbage collector looks at its own graph
// (pkg/controller/garbagecollector: processDeletingDependentsItem asks item.blockingDependents()), so what it has not heard of when it lets the
// owner go does not block; such a dependent is deleted afterwards for want of an owner. What has been there for a while, it has heard of.
import type { KubeObject } from '@tiphys/api';
import type { Clock } from '@tiphys/runtime';
import { Broken } from '../broken.ts';
import type { Truth } from '../truth.ts';
import { STALE_MS_MAX } from './staleness.ts';

const FOREGROUND = 'foregroundDeletion';

const blocks = ({ metadata }: KubeObject, uid: string | undefined) =>
  metadata?.ownerReferences?.some((owner) => owner.uid === uid && owner.blockOwnerDeletion) ?? false;

export function foregroundWaits(truth: Truth, clock: Clock): void {
  /** When each object that has an owner came, by its uid. */
  const cameMs = new Map<string, number>();
  truth.onEvent(({ key, old, new: now }) => {
    if (now && !old && now.metadata?.ownerReferences) cameMs.set(now.metadata.uid!, clock.monotonicMs());
    if (now || !old) return;
    cameMs.delete(old.metadata?.uid ?? '');
    if (!old.metadata?.deletionTimestamp || !old.metadata.finalizers?.includes(FOREGROUND)) return;
    for (const [other, object] of truth.everything()) {
      const ageMs = clock.monotonicMs() - (cameMs.get(object.metadata?.uid ?? '') ?? 0);
      if (ageMs > STALE_MS_MAX && blocks(object, old.metadata.uid))
        throw new Broken(`${key} went before ${other}, which it should have waited for`);
    }
  });
}
