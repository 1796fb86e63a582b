// Which pods make room for one that the cluster can't do without (pkg/kubelet/preemption/preemption.go): as few and as little as
// will do, those first that were promised least. Pure.
import type { corev1 } from '@tiphys/api';
import { podRequests } from '@tiphys/machinery';
import { isCritical, type QosClass, qosOf } from '../pod-worker/qos.ts';
import type { Shortage } from './admission.ts';

const requestOf = (pod: corev1.Pod, resource: string) => (resource === 'pods' ? 1 : (podRequests(pod).get(resource) ?? 0));

const without = (shortages: readonly Shortage[], pods: readonly corev1.Pod[]): Shortage[] =>
  shortages
    .map(({ resource, missing }) => ({ resource, missing: pods.reduce((left, pod) => left - requestOf(pod, resource), missing) }))
    .filter(({ missing }) => missing > 0);

/** How far a pod alone is from making up for everything that is missing. */
const distance = (shortages: readonly Shortage[], pod: corev1.Pod): number =>
  shortages.reduce((sum, { resource, missing }) => sum + (Math.max(0, missing - requestOf(pod, resource)) / missing) ** 2, 0);

/** Undefined when all of them would not be enough. */
function nearest(pods: readonly corev1.Pod[], shortages: readonly Shortage[]): corev1.Pod[] | undefined {
  const chosen: corev1.Pod[] = [];
  for (let left = [...shortages]; left.length > 0; left = without(shortages, chosen)) {
    const [best] = pods
      .filter((pod) => !chosen.includes(pod))
      .sort(
        (a, b) =>
          distance(left, a) - distance(left, b) ||
          requestOf(a, 'memory') - requestOf(b, 'memory') ||
          requestOf(a, 'cpu') - requestOf(b, 'cpu'),
      );
    if (!best) return undefined;
    chosen.push(best);
  }
  return chosen;
}

const givesWay = (pod: corev1.Pod, to: corev1.Pod): boolean =>
  (isCritical(to) && !isCritical(pod)) || (to.spec!.priority ?? 0) > (pod.spec!.priority ?? 0);

/** What would be missing still when everyone who can had given way. */
export const stillMissing = (pod: corev1.Pod, others: readonly corev1.Pod[], shortages: readonly Shortage[]): Shortage[] =>
  without(
    shortages,
    others.filter((other) => givesWay(other, pod)),
  );

/** The pods to end; undefined when no set of them would do. */
export function podsToPreempt(pod: corev1.Pod, others: readonly corev1.Pod[], shortages: readonly Shortage[]): corev1.Pod[] | undefined {
  const of = (qos: QosClass) => others.filter((other) => givesWay(other, pod) && qosOf(other) === qos);
  const [bestEffort, burstable, guaranteed] = [of('BestEffort'), of('Burstable'), of('Guaranteed')];
  const lastResort = nearest(guaranteed, without(shortages, [...bestEffort, ...burstable]));
  const then = lastResort && nearest(burstable, without(shortages, [...bestEffort, ...lastResort]));
  const first = then && nearest(bestEffort, without(shortages, [...then, ...lastResort]));
  return first && [...first, ...then, ...lastResort];
}
