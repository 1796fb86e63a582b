// How a node is judged, pure: conditions from heartbeats, taints from conditions
// (pkg/controller/nodelifecycle/node_lifecycle_controller.go).
import { type corev1, timeText } from '@tiphys/api';

/** Without a heartbeat for so long, a node's conditions become Unknown. */
export const GRACE_MS = 50_000;
/** A node that has never reported gets longer. */
export const STARTUP_GRACE_MS = 60_000;

export const NOT_READY = 'node.kubernetes.io/not-ready';
export const UNREACHABLE = 'node.kubernetes.io/unreachable';

const WATCHED_CONDITIONS = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** Condition → status → key of the NoSchedule taint. */
const TAINTS: Record<string, Record<string, string>> = {
  Ready: { False: NOT_READY, Unknown: UNREACHABLE },
  MemoryPressure: { True: 'node.kubernetes.io/memory-pressure' },
  DiskPressure: { True: 'node.kubernetes.io/disk-pressure' },
  NetworkUnavailable: { True: 'node.kubernetes.io/network-unavailable' },
  PIDPressure: { True: 'node.kubernetes.io/pid-pressure' },
};
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
const OURS = new Set([UNSCHEDULABLE, ...Object.values(TAINTS).flatMap((byStatus) => Object.values(byStatus))]);

export const conditionOfNode = (node: corev1.Node, type: string): corev1.NodeCondition | undefined =>
  node.status?.conditions?.find((condition) => condition.type === type);

/** The node's conditions when its heartbeats have stopped; undefined when they say so already. */
export function unknownConditions(node: corev1.Node, nowMs: number): corev1.NodeCondition[] | undefined {
  const conditions = [...(node.status?.conditions ?? [])];
  let changed = false;
  for (const type of WATCHED_CONDITIONS) {
    const index = conditions.findIndex((condition) => condition.type === type);
    const old = conditions[index];
    if (old?.status === 'Unknown') continue;
    changed = true;
    const lastTransitionTime = timeText(nowMs);
    if (old)
      conditions[index] = {
        ...old,
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
        lastTransitionTime,
      };
    else
      conditions.push({
        type,
        status: 'Unknown',
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
        lastHeartbeatTime: node.metadata?.creationTimestamp,
        lastTransitionTime,
      });
  }
  return changed ? conditions : undefined;
}

/** The taints a node should have; the same array when it has them. Times of NoExecute taints are when they were added. */
export function taintsFor(node: corev1.Node, nowMs: number): readonly corev1.Taint[] {
  const have = node.spec?.taints ?? [];
  const noSchedule = (node.status?.conditions ?? []).flatMap((condition) => TAINTS[condition.type]?.[condition.status] ?? []);
  if (node.spec?.unschedulable) noSchedule.push(UNSCHEDULABLE);
  const ready = conditionOfNode(node, 'Ready')?.status;
  const noExecute = ready === 'False' ? [NOT_READY] : ready === 'Unknown' ? [UNREACHABLE] : [];
  const wanted = (taint: corev1.Taint) => {
    if (taint.effect === 'NoSchedule' && OURS.has(taint.key)) return noSchedule.includes(taint.key);
    if (taint.effect === 'NoExecute' && (taint.key === NOT_READY || taint.key === UNREACHABLE)) return noExecute.includes(taint.key);
    return true;
  };
  const has = (key: string, effect: string) => have.some((taint) => taint.key === key && taint.effect === effect);
  const added: corev1.Taint[] = [
    ...noSchedule.filter((key) => !has(key, 'NoSchedule')).map((key) => ({ key, effect: 'NoSchedule' })),
    ...noExecute.filter((key) => !has(key, 'NoExecute')).map((key) => ({ key, effect: 'NoExecute', timeAdded: timeText(nowMs) })),
  ];
  const kept = have.filter(wanted);
  return added.length === 0 && kept.length === have.length ? have : [...kept, ...added];
}
