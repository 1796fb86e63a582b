// Rolling updates, recreation and the removal of old revisions (pkg/controller/deployment/{rolling,recreate,sync}.go).
import { appsv1, corev1 } from '@tiphys/api';
import { isTerminal } from '../pods/pod-state.ts';
import { remove } from '../runtime/actions.ts';
import { isDeleting, uidOf } from '../runtime/objects.ts';
import { allSets, type Draft } from './draft.ts';
import { createNewSet, newSetSize } from './new-replica-set.ts';
import { maxUnavailable, replicasOf, revisionHistoryLimit } from './numbers.ts';
import { activeSets, actualPods, availablePods, byCreation, byRevision, wantedPods } from './replica-sets.ts';
import { scaleTo } from './scaling.ts';
import { isComplete, syncRolloutStatus } from './status.ts';

export function rolloutRolling(draft: Draft): void {
  if (!draft.newSet && !createNewSet(draft)) return;
  if (!scaleNewSet(draft) && !scaleOldSets(draft) && isComplete(draft.d, draft.d.status)) cleanUp(draft);
  syncRolloutStatus(draft);
}

/** True when it was scaled. */
export function scaleNewSet(draft: Draft): boolean {
  const { d, newSet } = draft;
  const size = replicasOf(newSet!);
  if (size === replicasOf(d)) return false;
  if (size > replicasOf(d)) return scaleTo(draft, newSet!, replicasOf(d), 'more than the Deployment wants');
  return scaleTo(draft, newSet!, newSetSize(draft, size), 'room within the surge');
}

/** True when one of them was scaled. */
export function scaleOldSets(draft: Draft): boolean {
  const { d } = draft;
  if (wantedPods(activeSets(draft.oldSets)) === 0) return false;
  const least = replicasOf(d) - maxUnavailable(d);
  const newUnavailable = replicasOf(draft.newSet!) - (draft.newSet!.status?.availableReplicas ?? 0);
  const room = wantedPods(allSets(draft)) - least - newUnavailable;
  if (room <= 0) return false;
  const unhealthy = dropUnhealthy(draft, room);
  return dropAvailable(draft, least) || unhealthy;
}

/** Unhealthy pods of old ReplicaSets go first: that costs no availability, and they would block the rollout. */
export function dropUnhealthy(draft: Draft, room: number): boolean {
  let left = room;
  for (const set of activeSets(draft.oldSets).sort(byCreation)) {
    if (left <= 0) break;
    const count = Math.min(left, replicasOf(set) - (set.status?.availableReplicas ?? 0));
    if (count <= 0) continue;
    scaleTo(draft, set, replicasOf(set) - count, 'unhealthy replicas of an old ReplicaSet');
    left -= count;
  }
  return left < room;
}

/** Takes away what is available beyond the least. */
export function dropAvailable(draft: Draft, least: number): boolean {
  // As upstream, only active old ReplicaSets and the new one count here.
  const spare = availablePods([...activeSets(draft.oldSets), draft.newSet!]) - least;
  let left = spare;
  for (const set of activeSets(draft.oldSets).sort(byCreation)) {
    if (left <= 0) break;
    const count = Math.min(replicasOf(set), left);
    scaleTo(draft, set, replicasOf(set) - count, 'enough replicas are available');
    left -= count;
  }
  return left < spare;
}

export function rolloutRecreate(draft: Draft): void {
  let scaled = false;
  for (const old of activeSets(draft.oldSets)) scaled = scaleTo(draft, old, 0, 'the old ReplicaSets go before the new one comes') || scaled;
  if (!scaled && !oldPodsRun(draft)) {
    if (!draft.newSet && !createNewSet(draft)) return;
    scaleTo(draft, draft.newSet!, replicasOf(draft.d), 'no old pods are left');
    if (isComplete(draft.d, draft.d.status)) cleanUp(draft);
  }
  syncRolloutStatus(draft);
}

export function oldPodsRun({ world, newSet, oldSets }: Pick<Draft, 'world' | 'newSet' | 'oldSets'>): boolean {
  if (actualPods(oldSets) > 0) return true;
  return oldSets.some((set) => set !== newSet && world.controlledBy(corev1.pods, uidOf(set)).some((pod) => !isTerminal(pod)));
}

/** Removes the oldest ReplicaSets beyond the history limit, but none with pods or unseen changes. */
export function cleanUp(draft: Draft): void {
  const limit = revisionHistoryLimit(draft.d);
  if (limit === undefined) return;
  const sets = draft.oldSets.filter((set) => !isDeleting(set)).sort(byRevision);
  for (const set of sets.slice(0, Math.max(0, sets.length - limit))) {
    const unseen = (set.metadata?.generation ?? 0) > (set.status?.observedGeneration ?? 0);
    if ((set.status?.replicas ?? 0) !== 0 || replicasOf(set) !== 0 || unseen) continue;
    draft.actions.push(remove(appsv1.replicasets, set, `more than ${limit} old revisions`));
  }
}
