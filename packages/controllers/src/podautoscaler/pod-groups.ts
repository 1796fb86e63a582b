// Which of a target's pods count for a metric, and what they request (replica_calculator.go groupPods, calculateRequests).
import { podRequests } from '@tiphys/machinery';
import { isReady, type Pod, phaseOf, podCondition } from '../pods/pod-state.ts';
import { isDeleting, nameOf, timeMs } from '../runtime/objects.ts';
import { milliOf } from './numbers.ts';

export interface PodMetric {
  atMs: number;
  /** Over how long it was measured. */
  windowMs: number;
  /** Thousandths. */
  value: bigint;
}

/** By pod name. */
export type PodMetrics = ReadonlyMap<string, PodMetric>;

export interface Delays {
  /** After its start a pod's CPU counts only when it is ready and measured since. Default five minutes. */
  cpuInitializationMs: number;
  /** A pod that is unready since so soon after its start was never ready. Default 30 s. */
  initialReadinessMs: number;
}

export const DEFAULT_DELAYS: Delays = { cpuInitializationMs: 5 * 60_000, initialReadinessMs: 30_000 };

export interface PodGroups {
  ready: number;
  unready: ReadonlySet<string>;
  missing: ReadonlySet<string>;
  ignored: ReadonlySet<string>;
}

/** CPU says nothing yet about a pod that is warming up. */
function isWarmingUp(pod: Pod, metric: PodMetric, delays: Delays, nowMs: number): boolean {
  const condition = podCondition(pod, 'Ready');
  if (!condition || pod.status?.startTime === undefined) return true;
  const startMs = timeMs(pod.status.startTime);
  const sinceMs = timeMs(condition.lastTransitionTime);
  const notReady = condition.status === 'False';
  if (startMs + delays.cpuInitializationMs > nowMs) return notReady || metric.atMs < sinceMs + metric.windowMs;
  return notReady && startMs + delays.initialReadinessMs > sinceMs;
}

export function groupPods(pods: readonly Pod[], metrics: PodMetrics, resource: string, delays: Delays, nowMs: number): PodGroups {
  const groups = { unready: new Set<string>(), missing: new Set<string>(), ignored: new Set<string>() };
  let ready = 0;
  for (const pod of pods) {
    const name = nameOf(pod);
    const metric = metrics.get(name);
    if (isDeleting(pod) || phaseOf(pod) === 'Failed') groups.ignored.add(name);
    else if (phaseOf(pod) === 'Pending') groups.unready.add(name);
    else if (!metric) groups.missing.add(name);
    else if (resource === 'cpu' && isWarmingUp(pod, metric, delays, nowMs)) groups.unready.add(name);
    else ready++;
  }
  return { ready, ...groups };
}

export const runningAndReady = (pods: readonly Pod[]): number => pods.filter((pod) => phaseOf(pod) === 'Running' && isReady(pod)).length;

function requestOfContainers(pod: Pod, container: string, resource: string): bigint {
  const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  let sum = 0n;
  for (const { name, resources } of [...(pod.spec?.containers ?? []), ...sidecars]) {
    if (container !== '' && container !== name) continue;
    const request = resources?.requests?.[resource];
    if (request === undefined) throw new Error(`missing request for ${resource} in container ${name} of Pod ${nameOf(pod)}`);
    sum += milliOf(request);
    if (container === name) return sum;
  }
  if (container !== '') throw new Error(`container ${container} not found in Pod ${nameOf(pod)}`);
  return sum;
}

/** Requests that a pod may make for all its containers together (component-helpers resource.IsPodLevelRequestsSet). */
const isPodLevel = (resource: string) => resource === 'cpu' || resource === 'memory' || resource.startsWith('hugepages-');

function requestOfPod(pod: Pod, resource: string): bigint {
  const amount = podRequests({ ...pod, status: {} } as Pod).get(resource);
  if (amount === undefined) throw new Error(`missing pod-level request for ${resource} in Pod ${nameOf(pod)}`);
  return BigInt(amount) * (resource === 'cpu' ? 1n : 1000n);
}

/** Thousandths by pod name. A pod's own request wins over its containers', unless one container is asked for. */
export function requestsOf(pods: readonly Pod[], container: string, resource: string): Map<string, bigint> {
  return new Map(
    pods.map((pod) => {
      const forPod = container === '' && Object.keys(pod.spec?.resources?.requests ?? {}).some(isPodLevel);
      return [nameOf(pod), forPod ? requestOfPod(pod, resource) : requestOfContainers(pod, container, resource)];
    }),
  );
}
