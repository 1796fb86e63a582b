// Which pods go first when there are too many (pkg/controller/controller_utils.go, ActivePodsWithRanks).
import { annotationsOf, timeMs, uidOf } from '../runtime/objects.ts';
import { isActive, isReady, nodeOf, type Pod, phaseOf, podCondition } from './pod-state.ts';

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const PHASE_ORDER: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

function deletionCost(pod: Pod): number {
  const text = annotationsOf(pod)[DELETION_COST];
  if (text === undefined || !/^-?(0|[1-9][0-9]*)$/.test(text)) return 0;
  const cost = Number(text);
  return cost >= -(2 ** 31) && cost < 2 ** 31 ? cost : 0;
}

function restarts(pod: Pod): [regular: number, sidecar: number] {
  const sidecars = new Set(pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const most = (statuses: readonly { restartCount: number }[]) => statuses.reduce((max, s) => Math.max(max, s.restartCount), 0);
  return [
    most(pod.status?.containerStatuses ?? []),
    most((pod.status?.initContainerStatuses ?? []).filter((status) => sidecars.has(status.name))),
  ];
}

/** Ages are compared by powers of two, so that pods of about the same age go in a pseudo-random order. */
function logarithmicRank(sinceMs: number, nowMs: number): number {
  const nanos = (nowMs - sinceMs) * 1e6;
  return nanos > 0 ? Math.trunc(Math.log2(nanos)) : -1;
}

/** Younger first; `0` is no time at all and goes first. */
function compareAges(aMs: number, bMs: number, nowMs: number, a: Pod, b: Pod): number {
  if (aMs === bMs) return 0;
  if (aMs === 0 || bMs === 0) return aMs === 0 ? -1 : 1;
  const difference = logarithmicRank(aMs, nowMs) - logarithmicRank(bMs, nowMs);
  return difference === 0 ? (uidOf(a) < uidOf(b) ? -1 : 1) : difference;
}

const readySinceMs = (pod: Pod) => timeMs(podCondition(pod, 'Ready')?.lastTransitionTime);

/** Negative when `a` should be deleted before `b`. `rank`: active related pods on the same node. */
export function compareForDeletion(a: Pod, b: Pod, rank: (pod: Pod) => number, nowMs: number): number {
  const assigned = Number(nodeOf(a) !== '') - Number(nodeOf(b) !== '');
  if (assigned !== 0) return assigned;
  const phase = (PHASE_ORDER[phaseOf(a)] ?? 0) - (PHASE_ORDER[phaseOf(b)] ?? 0);
  if (phase !== 0) return phase;
  const ready = Number(isReady(a)) - Number(isReady(b));
  if (ready !== 0) return ready;
  const cost = deletionCost(a) - deletionCost(b);
  if (cost !== 0) return cost;
  const crowded = rank(b) - rank(a);
  if (crowded !== 0) return crowded;
  if (isReady(a)) {
    const age = compareAges(readySinceMs(a), readySinceMs(b), nowMs, a, b);
    if (age !== 0) return age;
  }
  const [regularA, sidecarA] = restarts(a);
  const [regularB, sidecarB] = restarts(b);
  if (regularA !== regularB) return regularB - regularA;
  if (sidecarA !== sidecarB) return sidecarB - sidecarA;
  return compareAges(timeMs(a.metadata?.creationTimestamp), timeMs(b.metadata?.creationTimestamp), nowMs, a, b);
}

/** The `count` pods to delete; `related` are the pods of all controllers with the same owner. */
export function podsToDelete(pods: readonly Pod[], related: readonly Pod[], count: number, nowMs: number): readonly Pod[] {
  if (count >= pods.length) return pods;
  const onNode = new Map<string, number>();
  for (const pod of related) if (isActive(pod)) onNode.set(nodeOf(pod), (onNode.get(nodeOf(pod)) ?? 0) + 1);
  const rank = (pod: Pod) => onNode.get(nodeOf(pod)) ?? 0;
  return [...pods].sort((a, b) => compareForDeletion(a, b, rank, nowMs)).slice(0, count);
}
