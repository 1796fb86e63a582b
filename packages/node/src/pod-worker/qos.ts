// A pod's quality of service and what follows from it (pkg/apis/core/v1/helper/qos, pkg/kubelet/qos/policy.go).
import { type corev1, parseQuantity } from '@tiphys/api';
import { podRequests } from '@tiphys/machinery';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const COUNTED = ['cpu', 'memory'];
const amount = (list: Record<string, string> | undefined, name: string): number => {
  const text = list?.[name];
  return text === undefined ? 0 : parseQuantity(text).asNumber();
};

/** Half a CPU is not a whole one, which amounts are rounded to. */
const thousandths = (list: Record<string, string> | undefined, name: string): number => {
  const text = list?.[name];
  return text === undefined ? 0 : parseQuantity(text).asMilli();
};

export function qosOf(pod: corev1.Pod): QosClass {
  if (pod.status?.qosClass) return pod.status.qosClass as QosClass;
  const containers = [...(pod.spec!.initContainers ?? []), ...pod.spec!.containers];
  const resources = pod.spec!.resources ? [pod.spec!.resources] : containers.map((container) => container.resources ?? {});
  let any = false;
  let guaranteed = true;
  for (const { limits, requests } of resources) {
    for (const name of COUNTED) {
      const [limit, request] = [thousandths(limits, name), thousandths(requests, name)];
      if (limit > 0 || request > 0) any = true;
      if (limit === 0 || (request !== 0 && request !== limit)) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

/** From here on priorities belong to the system itself. */
const CRITICAL_PRIORITY = 2_000_000_000;
const NODE_CRITICAL = 'system-node-critical';
const GUARANTEED_ADJUST = -997;
const BEST_EFFORT_ADJUST = 1000;
const BURSTABLE_ADJUST_MIN = 3;

/** Such pods are taken and kept when nothing else is. */
export const isCritical = (pod: corev1.Pod): boolean => (pod.spec!.priority ?? 0) >= CRITICAL_PRIORITY;

/** What of the pod's own memory request its containers do not ask for, shared out evenly. */
function unclaimedMemory({ spec }: corev1.Pod): number {
  const whole = amount(spec!.resources?.requests, 'memory');
  if (whole === 0) return 0;
  const { resources: _, overhead: _overhead, ...withoutOwn } = spec!;
  const claimed = podRequests({ spec: withoutOwn }).get('memory') ?? 0;
  return Math.trunc((whole - claimed) / (spec!.containers.length + (spec!.initContainers ?? []).length));
}

/** Who dies first when the machine runs out of memory. */
export function oomScoreAdjust(pod: corev1.Pod, container: corev1.Container, memoryCapacityBytes: number): number {
  const { priorityClassName, containers, initContainers = [] } = pod.spec!;
  if (isCritical(pod) && priorityClassName === NODE_CRITICAL) return GUARANTEED_ADJUST;
  const qos = qosOf(pod);
  if (qos === 'Guaranteed') return GUARANTEED_ADJUST;
  if (qos === 'BestEffort') return BEST_EFFORT_ADJUST;
  const unclaimed = unclaimedMemory(pod);
  const adjustFor = (request: number) => 1000 - Math.floor((1000 * (request + unclaimed)) / memoryCapacityBytes);
  const requestOf = ({ resources }: corev1.Container) => amount(resources?.requests, 'memory');
  const isSidecar = container.restartPolicy === 'Always' && initContainers.some(({ name }) => name === container.name);
  // A sidecar dies no earlier than the containers it serves.
  const least = isSidecar ? adjustFor(Math.min(...containers.map(requestOf))) : Number.POSITIVE_INFINITY;
  const adjust = Math.min(adjustFor(requestOf(container)), least);
  return Math.min(BEST_EFFORT_ADJUST - 1, Math.max(BURSTABLE_ADJUST_MIN, adjust));
}

const SHARES_MIN = 2;
const SHARES_MAX = 262144;
export const QUOTA_PERIOD_MICROSECONDS = 100_000;
const QUOTA_MIN = 1000;

export const cpuShares = (milli: number): number =>
  milli === 0 ? SHARES_MIN : Math.min(SHARES_MAX, Math.max(SHARES_MIN, Math.floor((milli * 1024) / 1000)));

/** Zero means unlimited. */
export const cpuQuota = (milli: number): number =>
  milli === 0 ? 0 : Math.max(QUOTA_MIN, Math.floor((milli * QUOTA_PERIOD_MICROSECONDS) / 1000));
