// What happens to each pod of a StatefulSet, one after another or all at once (stateful_set_control.go).
import { corev1 } from '@tiphys/api';
import { isAlreadyExists, isConflict } from '@tiphys/machinery';
import { isAvailable, type Pod, phaseOf } from '../pods/pod-state.ts';
import { type Action, create, type EventText, remove, slowStart, update, type Write, warning } from '../runtime/actions.ts';
import type { Snapshot } from '../runtime/controller.ts';
import { isDeleting, nameOf } from '../runtime/objects.ts';
import { hasStaleClaim, missingClaims, podFailed, retentionWrites, type Verb } from './claims.ts';
import { identityMatches, ordinalOf, type StatefulSet, storageMatches, withIdentity } from './identity.ts';
import { isCreated, isRunningAndReady } from './status.ts';

export interface Members {
  set: StatefulSet;
  snapshot: Snapshot;
  nowMs: number;
  /** One place for each ordinal in range; pods that are not there yet have no phase. */
  replicas: readonly Pod[];
  /** Beyond the range, highest ordinal first. */
  condemned: readonly Pod[];
}

export const isMonotonic = (set: StatefulSet): boolean => set.spec?.podManagementPolicy !== 'Parallel';

export function isUnavailable({ set, nowMs }: Members, pod: Pod): boolean {
  return isDeleting(pod) || !isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs);
}

function podEvents(set: StatefulSet, pod: Pod, verb: Verb) {
  const message = `${verb} Pod ${nameOf(pod)} in StatefulSet ${nameOf(set)} successful`;
  const done: EventText = { type: 'Normal', reason: `Successful${verb}`, message };
  return {
    whenDone: () => done,
    // Also of one that was gone before.
    whenTolerated: () => done,
    // One that is there already is not worth a word, and one that has changed since is looked at again.
    whenFailed: (error: Error) => (isAlreadyExists(error) || isConflict(error) ? undefined : podFailed(set, pod, verb, error.message)),
  };
}

export const deleteMember = (set: StatefulSet, pod: Pod, because: string): Write =>
  remove(corev1.pods, pod, because, podEvents(set, pod, 'Delete'));

interface Step {
  before: Action[];
  write?: Write;
  /** Nothing behind this pod may be touched in ordered mode. */
  stops: boolean;
}

const waits = (before: Action[] = []): Step => ({ before, stops: true });

function createMember({ set, snapshot }: Members, pod: Pod): Step {
  if (hasStaleClaim(set, pod, snapshot)) return waits();
  const { writes, deleting } = missingClaims(set, pod, snapshot, 'Create');
  if (deleting.length > 0) {
    const each = deleting.map((name) => `pvc ${name} is being deleted`);
    const why = podFailed(set, pod, 'Create', each.length === 1 ? each[0]! : `[${each.join(', ')}]`);
    return waits([...writes, warning(why.reason, why.message)]);
  }
  return {
    before: writes,
    write: create(corev1.pods, pod, `ordinal ${ordinalOf(pod)} has no pod`, podEvents(set, pod, 'Create')),
    stops: true,
  };
}

function stepOf(members: Members, pod: Pod): Step {
  const { set, snapshot, nowMs } = members;
  if (phaseOf(pod) === 'Failed' || phaseOf(pod) === 'Succeeded') {
    return isDeleting(pod) ? waits() : { ...waits(), write: deleteMember(set, pod, `it has ended: ${phaseOf(pod)}`) };
  }
  if (!isCreated(pod)) return createMember(members, pod);
  const before: Action[] = [];
  if (phaseOf(pod) === 'Pending') before.push(...missingClaims(set, pod, snapshot).writes, ...retentionWrites(set, pod, snapshot));
  if (isMonotonic(set)) {
    if (isDeleting(pod) || !isRunningAndReady(pod) || !isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs)) return waits(before);
  }
  if (phaseOf(pod) !== 'Pending') before.push(...retentionWrites(set, pod, snapshot));
  if (identityMatches(set, pod) && storageMatches(set, pod)) return { before, stops: false };
  const changed = withIdentity(set, pod, ordinalOf(pod));
  const write = update(corev1.pods, changed, 'its labels or volumes are not those of its ordinal', podEvents(set, pod, 'Update'));
  return { before: [...before, ...missingClaims(set, pod, snapshot, 'Update').writes], write, stops: false };
}

/** Runs the steps in order; true when one of them stops the ordered mode. All at once, the writes form one group. */
function runSteps(members: Members, actions: Action[], steps: Iterable<Step>): boolean {
  if (isMonotonic(members.set)) {
    for (const { before, write, stops } of steps) {
      actions.push(...before, ...(write ? [write] : []));
      if (stops) return true;
    }
    return false;
  }
  const all = [...steps];
  actions.push(...all.flatMap((step) => step.before));
  const writes = all.flatMap((step) => (step.write ? [step.write] : []));
  if (writes.length > 0) actions.push(slowStart(writes));
  return false;
}

function* replicaSteps(members: Members): Iterable<Step> {
  for (const pod of members.replicas) yield stepOf(members, pod);
}

function* claimSteps({ set, snapshot, condemned }: Members): Iterable<Step> {
  for (const pod of condemned) yield { before: retentionWrites(set, pod, snapshot), stops: false };
}

function firstUnavailable(members: Members): Pod | undefined {
  const { replicas, condemned } = members;
  return [...replicas, ...[...condemned].reverse()].find((pod) => isUnavailable(members, pod));
}

function* condemnedSteps(members: Members): Iterable<Step> {
  const { set, condemned, nowMs } = members;
  const unhealthy = firstUnavailable(members);
  for (const pod of condemned) {
    const healthy = isRunningAndReady(pod) && isAvailable(pod, set.spec?.minReadySeconds ?? 0, nowMs);
    if (isDeleting(pod)) yield { before: [], stops: true };
    else if (isMonotonic(set) && !healthy && pod !== unhealthy) yield waits();
    else yield { ...waits(), write: deleteMember(set, pod, 'beyond the replicas wanted') };
  }
}

/** Creates, repairs and scales down. True when nothing stands in the way of an update. */
export function settleMembers(members: Members, actions: Action[]): boolean {
  const stopped =
    runSteps(members, actions, replicaSteps(members)) ||
    runSteps(members, actions, claimSteps(members)) ||
    runSteps(members, actions, condemnedSteps(members));
  return !stopped;
}
