// What is scheduled: upstream's scheduler_perf workloads of 5,000 nodes by name (test/integration/scheduler_perf/affinity and
// topology_spreading/performance-config.yaml), with their counts, labels and namespaces.
import type { corev1 } from '@tiphys/api';

export const HOSTNAME = 'kubernetes.io/hostname';
export const ZONE = 'topology.kubernetes.io/zone';
/** Upstream labels zones anew for each workload; here one set of nodes serves all, with the three domains under another key. */
export const REGION = 'topology.kubernetes.io/region';

export interface Case {
  /** Pods that have their nodes before the scheduler starts, spread over so many namespaces. */
  placed: number;
  namespaces: number;
  /** Pods that wait. */
  waiting: number;
  labels: Readonly<Record<string, string>>;
  spec: Partial<corev1.PodSpec>;
  /** Placed pods are of the same kind as those that wait, unless they are plain. */
  plainFirst?: boolean;
  /** How many times faster ours is to be. */
  goal?: number;
}

const DEVOPS = { namespaceSelector: { matchLabels: { team: 'devops' } } };
/** As wide as upstream's `namespaces: [sched-0, sched-1]`. */
const BOTH = { namespaces: ['first-0', 'waiting'] };

const term = (color: string, topologyKey: string, about: Partial<corev1.PodAffinityTerm>): corev1.PodAffinityTerm => ({
  topologyKey,
  labelSelector: { matchLabels: { color } },
  ...about,
});
const required = (one: corev1.PodAffinityTerm) => ({ requiredDuringSchedulingIgnoredDuringExecution: [one] });
const preferred = (one: corev1.PodAffinityTerm) => ({
  preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: one }],
});
const far = (podAntiAffinity: corev1.PodAntiAffinity) => ({ affinity: { podAntiAffinity } });
const near = (podAffinity: corev1.PodAffinity) => ({ affinity: { podAffinity } });
const colored = (color: string) => ({ color });

/**
 * The five slowest affinity workloads by upstream's thresholds (24 to 60 pods/s) with their counts for 5,000 nodes: a thousand pods
 * that wait, which upstream schedules within the limit.
 */
export const CASES: Readonly<Record<string, Case>> = {
  SchedulingBasic: { placed: 0, namespaces: 1, waiting: 10_000, labels: {}, spec: {}, goal: 20 },
  SchedulingRequiredPodAntiAffinityWithNSSelector: {
    placed: 4000,
    namespaces: 100,
    waiting: 1000,
    labels: colored('green'),
    spec: far(required(term('green', HOSTNAME, DEVOPS))),
    goal: 50,
  },
  SchedulingPodAffinity: {
    placed: 5000,
    namespaces: 1,
    waiting: 1000,
    labels: colored('blue'),
    spec: near(required(term('blue', ZONE, BOTH))),
    goal: 50,
  },
  SchedulingRequiredPodAffinityWithNSSelector: {
    placed: 5000,
    namespaces: 100,
    waiting: 1000,
    labels: colored('blue'),
    spec: near(required(term('blue', ZONE, DEVOPS))),
    goal: 50,
  },
  SchedulingPreferredAntiAffinityWithNSSelector: {
    placed: 4000,
    namespaces: 100,
    waiting: 1000,
    labels: colored('green'),
    spec: far(preferred(term('green', HOSTNAME, DEVOPS))),
    goal: 50,
  },
  SchedulingPodAntiAffinity: {
    placed: 1000,
    namespaces: 1,
    waiting: 1000,
    labels: colored('green'),
    spec: far(required(term('green', HOSTNAME, BOTH))),
    goal: 50,
  },
  TopologySpreading: {
    placed: 5000,
    namespaces: 1,
    waiting: 1000,
    labels: colored('blue'),
    spec: {
      topologySpreadConstraints: [
        { maxSkew: 5, topologyKey: REGION, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { color: 'blue' } } },
      ],
    },
    plainFirst: true,
  },
};
