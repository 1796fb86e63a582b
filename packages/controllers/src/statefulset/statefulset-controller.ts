// Keeps a StatefulSet's pods, each with its own name and storage (pkg/controller/statefulset).
import { appsv1, corev1 } from '@tiphys/api';
import { type Revision, sortRevisions, surplusRevisions, targetRevision, templateOf } from '../history/revisions.ts';
import { nextAvailabilityMs, type Pod } from '../pods/pod-state.ts';
import { matchesSelector } from '../pods/selectors.ts';
import { type Action, after, wakeAt } from '../runtime/actions.ts';
import { defineController, type Snapshot, type World } from '../runtime/controller.ts';
import { isDeleting, keyOf, nameOf, namespaceOf } from '../runtime/objects.ts';
import { inRange, isMember, newPod, ordinalOf, replicasOf, revisionOf, type StatefulSet, startOrdinal } from './identity.ts';
import { deleteMember, isUnavailable, type Members, settleMembers } from './replicas.ts';
import { isCreated, statusOf, statusWrites, withoutOne } from './status.ts';

/** Pods below the partition stay at the current revision. */
function isHeldBack(set: StatefulSet, ordinal: number): boolean {
  const { type = 'RollingUpdate', rollingUpdate } = set.spec?.updateStrategy ?? {};
  if (rollingUpdate) return ordinal < startOrdinal(set) + (rollingUpdate.partition ?? 0);
  return type === 'RollingUpdate' && ordinal < startOrdinal(set) + (set.status?.currentReplicas ?? 0);
}

function membersOf(world: World<StatefulSet>, nowMs: number, current: Revision, update: Revision): Members {
  const set = world.object;
  const byOrdinal = new Map<number, Pod>();
  const condemned: Pod[] = [];
  for (const pod of world.owned(corev1.pods)) {
    if (inRange(set, pod)) byOrdinal.set(ordinalOf(pod), pod);
    else if (ordinalOf(pod) >= 0) condemned.push(pod);
  }
  const replicas = Array.from({ length: replicasOf(set) }, (_, index) => {
    const ordinal = startOrdinal(set) + index;
    const revision = isHeldBack(set, ordinal) ? current : update;
    return byOrdinal.get(ordinal) ?? newPod(set, templateOf(revision), nameOf(revision), ordinal);
  });
  condemned.sort((a, b) => ordinalOf(b) - ordinalOf(a));
  return { set, snapshot: world, nowMs, replicas, condemned };
}

/** The pod to replace next: the highest that has the wrong revision, when all above it are available. */
function nextToUpdate(members: Members, update: string): Pod | undefined {
  const { set, replicas } = members;
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (let index = replicas.length - 1; index >= partition; index--) {
    const pod = replicas[index]!;
    if (revisionOf(pod) !== update && !isDeleting(pod)) return pod;
    if (isUnavailable(members, pod)) return undefined;
  }
  return undefined;
}

function plan(world: World<StatefulSet>, nowMs: number): readonly Action[] {
  const set = world.object;
  const revisions = sortRevisions(world.owned(appsv1.controllerrevisions));
  const target = targetRevision(appsv1.statefulsets, set, revisions, set.status?.collisionCount ?? 0, world);
  const current = revisions.find((revision) => nameOf(revision) === set.status?.currentRevision) ?? target.revision;
  const update = target.revision;
  const names = { current: nameOf(current), update: nameOf(update), collisionCount: target.collisionCount };
  const members = membersOf(world, nowMs, current, update);
  const pods = world.owned(corev1.pods);
  const actions: Action[] = [];
  let outdated: Pod | undefined;
  if (!isDeleting(set)) {
    if (target.write) actions.push(target.write);
    const settled = settleMembers(members, actions);
    const next = settled && set.spec?.updateStrategy?.type !== 'OnDelete' ? nextToUpdate(members, names.update) : undefined;
    if (next && isCreated(next)) outdated = next;
    if (outdated) actions.push(deleteMember(set, outdated, 'it has an old revision'));
  }
  const status = statusOf(set, pods, names, nowMs);
  const live = new Set([names.current, names.update, ...pods.map(revisionOf)]);
  const surplus = surplusRevisions(revisions, live, set.spec?.revisionHistoryLimit ?? 10);
  // Both also after a failure: what was seen and what is kept do not depend on it. Only a revision that could not be made is in no status.
  const asSeen = statusWrites(set, status);
  const asDeleted = outdated ? statusWrites(set, withoutOne(status)) : asSeen;
  if (asSeen.length + asDeleted.length > 0) {
    actions.push(
      after(({ failure, results }) => {
        if (!failure) return asDeleted;
        return target.write && results.length === 0 ? [] : asSeen;
      }),
    );
  }
  if (surplus.length > 0) actions.push(after(() => surplus));
  const nextMs = nextAvailabilityMs(pods, set.spec?.minReadySeconds ?? 0, nowMs);
  if (nextMs !== undefined) actions.push(wakeAt(nextMs, 'a ready pod becomes available'));
  return actions;
}

/** A claim that is gone may have kept a pod waiting. */
function setsOfClaim(claim: corev1.PersistentVolumeClaim, snapshot: Snapshot): readonly string[] {
  return snapshot
    .list(appsv1.statefulsets, namespaceOf(claim))
    .filter((set) =>
      (set.spec?.volumeClaimTemplates ?? []).some((template) => nameOf(claim).startsWith(`${nameOf(template)}-${nameOf(set)}-`)),
    )
    .map(keyOf);
}

export const statefulSetController = defineController<StatefulSet>({
  name: 'statefulset-controller',
  for: appsv1.statefulsets,
  owns: [
    {
      type: corev1.pods,
      matches: (set) => {
        const matches = matchesSelector(set.spec?.selector);
        return matches && ((pod: Pod) => matches(pod) && isMember(set, pod));
      },
    },
    // As upstream, which hears of no revision: who still sees a set that is gone would make its revision anew as often as it is collected.
    { type: appsv1.controllerrevisions, matches: (set) => matchesSelector(set.spec?.selector), releases: false, wakes: false },
  ],
  watches: [{ type: corev1.persistentvolumeclaims, keys: (claim, snapshot, { gone }) => (gone ? setsOfClaim(claim, snapshot) : []) }],
  plan,
});
