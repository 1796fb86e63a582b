// The decisions that ReplicaSet and ReplicationController share (pkg/controller/replicaset/replica_set.go).
import { type corev1, type KubeObject, type ResourceType, timeText } from '@tiphys/api';
import { type Condition, conditionOf, withCondition, withoutCondition } from '../conditions.ts';
import { omitZeros, semanticEqual } from '../equality.ts';
import { podsToDelete } from '../pods/deletion-order.ts';
import { isActive, isAvailable, isReady, isTerminating, nextAvailabilityMs, type Pod } from '../pods/pod-state.ts';
import { createPod, deletePod, namespaceTerminating, podFromTemplate } from '../pods/pod-writes.ts';
import { type Action, after, atOnce, slowStart, updateStatus, wakeAt } from '../runtime/actions.ts';
import { isDeleting, labelsOf } from '../runtime/objects.ts';

/** Pods created or deleted by one plan; the next one goes on when the cache shows them. */
export const BURST_REPLICAS_MAX = 500;

export interface ReplicaStatus {
  replicas: number;
  fullyLabeledReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  terminatingReplicas?: number;
  observedGeneration?: number;
  conditions?: Condition[];
}

/** What both kinds have in common. */
export interface ReplicaOwner extends KubeObject {
  spec?: { replicas?: number; minReadySeconds?: number; template?: corev1.PodTemplateSpec };
  status?: ReplicaStatus;
}

export interface ReplicaWorld<T extends ReplicaOwner> {
  type: ResourceType<T>;
  object: T;
  /** All that it owns. */
  pods: readonly Pod[];
  /** Pods of every controller with the same owner; they decide which pod goes first. Called only when one has to go. */
  related: () => readonly Pod[];
  /** ReplicaSets say how many pods are terminating, ReplicationControllers don't. */
  countsTerminating: boolean;
}

export function planReplicas<T extends ReplicaOwner>(world: ReplicaWorld<T>, nowMs: number): readonly Action[] {
  const { object, type } = world;
  const active = world.pods.filter(isActive);
  const wanted = object.spec?.replicas ?? 1;
  const actions: Action[] = [];
  if (!isDeleting(object)) actions.push(...scaling(world, active, wanted, nowMs));
  actions.push(
    after(({ failure }) => {
      const status = statusOf(world, active, failure && !namespaceTerminating(failure) ? failure : undefined, nowMs);
      const observed = (object.status?.observedGeneration ?? 0) === (object.metadata?.generation ?? 0);
      if (observed && semanticEqual(comparable(object.status), comparable(status))) return [];
      return [
        updateStatus(
          type,
          { ...object, status: omitZeros(status, ['replicas', 'terminatingReplicas']) },
          `${status.readyReplicas} of ${wanted} ready`,
        ),
      ];
    }),
  );
  const nextMs = nextAvailabilityMs(active, object.spec?.minReadySeconds ?? 0, nowMs);
  if (nextMs !== undefined) actions.push(wakeAt(nextMs, 'a ready pod becomes available'));
  return actions;
}

const comparable = (status: ReplicaStatus | undefined) =>
  omitZeros({ ...status, observedGeneration: 0, replicas: status?.replicas ?? 0 }, ['terminatingReplicas']);

function scaling<T extends ReplicaOwner>(world: ReplicaWorld<T>, active: readonly Pod[], wanted: number, nowMs: number): Action[] {
  const missing = wanted - active.length;
  if (missing > 0) {
    const pod = podFromTemplate(world.type, world.object, world.object.spec?.template);
    const because = `${active.length} of ${wanted} replicas`;
    const write = { ...createPod(pod, because), tolerate: namespaceTerminating };
    return [slowStart(Array.from({ length: Math.min(missing, BURST_REPLICAS_MAX) }, () => write))];
  }
  if (missing === 0) return [];
  const goners = podsToDelete(active, world.related(), Math.min(-missing, BURST_REPLICAS_MAX), nowMs);
  return [atOnce(goners.map((pod) => deletePod(pod, `${active.length} for ${wanted} replicas`)))];
}

function statusOf<T extends ReplicaOwner>(
  { object, pods, countsTerminating }: ReplicaWorld<T>,
  active: readonly Pod[],
  failure: Error | undefined,
  nowMs: number,
): ReplicaStatus {
  const template = Object.entries(object.spec?.template?.metadata?.labels ?? {});
  const minReadySeconds = object.spec?.minReadySeconds ?? 0;
  const fullyLabeled = (pod: Pod) => template.every(([key, value]) => labelsOf(pod)[key] === value);
  let conditions = object.status?.conditions ?? [];
  const known = conditionOf(conditions, 'ReplicaFailure');
  if (failure && !known) {
    const reason = active.length < (object.spec?.replicas ?? 1) ? 'FailedCreate' : 'FailedDelete';
    const condition = { type: 'ReplicaFailure', status: 'True', lastTransitionTime: timeText(nowMs), reason, message: failure.message };
    conditions = withCondition(conditions, condition);
  } else if (!failure && known) conditions = withoutCondition(conditions, 'ReplicaFailure');
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter(fullyLabeled).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter((pod) => isAvailable(pod, minReadySeconds, nowMs)).length,
    ...(countsTerminating ? { terminatingReplicas: pods.filter(isTerminating).length } : {}),
    observedGeneration: object.metadata?.generation ?? 0,
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}
