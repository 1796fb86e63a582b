// A StatefulSet's status (stateful_set_control.go, updateStatus; stateful_set_utils.go, completeRollingUpdate).
import { appsv1 } from '@tiphys/api';
import { omitZeros } from '../equality.ts';
import { isAvailable, isReady, type Pod, phaseOf } from '../pods/pod-state.ts';
import { updateStatus, type Write } from '../runtime/actions.ts';
import { isDeleting } from '../runtime/objects.ts';
import { replicasOf, revisionOf, type StatefulSet } from './identity.ts';

type Status = appsv1.StatefulSetStatus;

export const isCreated = (pod: Pod): boolean => phaseOf(pod) !== '';
export const isRunningAndReady = (pod: Pod): boolean => phaseOf(pod) === 'Running' && isReady(pod);

export interface Revisions {
  current: string;
  update: string;
  collisionCount: number;
}

export function statusOf(set: StatefulSet, pods: readonly Pod[], revisions: Revisions, nowMs: number): Status {
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const ready = pods.filter(isRunningAndReady);
  const alive = pods.filter((pod) => isCreated(pod) && !isDeleting(pod));
  return {
    observedGeneration: set.metadata?.generation ?? 0,
    replicas: pods.filter(isCreated).length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isAvailable(pod, minReadySeconds, nowMs)).length,
    currentReplicas: alive.filter((pod) => revisionOf(pod) === revisions.current).length,
    updatedReplicas: alive.filter((pod) => revisionOf(pod) === revisions.update).length,
    currentRevision: revisions.current,
    updateRevision: revisions.update,
    collisionCount: revisions.collisionCount,
  };
}

/** An update that has reached every pod makes the new revision the current one. */
function completed(set: StatefulSet, status: Status): Status {
  const wanted = replicasOf(set);
  const done = status.updatedReplicas === wanted && status.readyReplicas === wanted && status.replicas === wanted;
  if ((set.spec?.updateStrategy?.type ?? 'RollingUpdate') !== 'RollingUpdate' || !done) return status;
  return { ...status, currentReplicas: status.updatedReplicas, currentRevision: status.updateRevision! };
}

const COMPARED = ['replicas', 'currentReplicas', 'readyReplicas', 'updatedReplicas', 'availableReplicas'] as const;

function statusDiffers(set: StatefulSet, status: Status): boolean {
  const old = set.status;
  return (
    (status.observedGeneration ?? 0) > (old?.observedGeneration ?? 0) ||
    COMPARED.some((field) => (status[field] ?? 0) !== (old?.[field] ?? 0)) ||
    (status.currentRevision ?? '') !== (old?.currentRevision ?? '') ||
    (status.updateRevision ?? '') !== (old?.updateRevision ?? '')
  );
}

/** One pod fewer has the current revision: it was deleted for the update. */
export const withoutOne = (status: Status): Status => ({ ...status, currentReplicas: Math.max(0, (status.currentReplicas ?? 0) - 1) });

/** Writes what was seen, when that says something new. */
export function statusWrites(set: StatefulSet, seen: Status): Write[] {
  const status = completed(set, seen);
  if (!statusDiffers(set, status)) return [];
  const because = `${status.readyReplicas} ready, ${status.updatedReplicas} updated of ${replicasOf(set)}`;
  const written = omitZeros(status, ['replicas', 'availableReplicas', 'collisionCount']);
  return [updateStatus(appsv1.statefulsets, { ...set, status: written }, because)];
}
