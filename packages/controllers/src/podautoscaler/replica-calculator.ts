// How many replicas a measured usage asks for (replica_calculator.go). Pure; what can't be computed is an Error with
// upstream's sentence.
import type { Pod } from '../pods/pod-state.ts';
import { INT64_MAX, replicaCount, usageOf } from './numbers.ts';
import { type Delays, groupPods, type PodMetric, type PodMetrics, requestsOf, runningAndReady } from './pod-groups.ts';

/** How far a usage may be from its target, as a share of it. */
export interface Tolerances {
  scaleDown: number;
  scaleUp: number;
}

export interface Situation {
  /** Those that the target's selector matches. */
  pods: readonly Pod[];
  tolerances: Tolerances;
  delays: Delays;
  nowMs: number;
}

export interface Proposal {
  replicas: number;
  /** Thousandths: the average per pod, or the whole where a metric is not about pods. */
  usage: bigint;
}

const NO_PODS = 'no pods returned by selector while calculating replica count';

const isWithin = ({ scaleDown, scaleUp }: Tolerances, ratio: number) => 1 - scaleDown <= ratio && ratio <= 1 + scaleUp;

interface Utilization {
  ratio: number;
  /** Percent of what is requested. */
  percent: number;
  average: bigint;
}

/** The share of the requests that is used (metrics/utilization.go GetResourceUtilizationRatio). */
export function utilizationOf(metrics: PodMetrics, requests: ReadonlyMap<string, bigint>, target: number): Utilization {
  let used = 0n;
  let requested = 0n;
  let entries = 0n;
  for (const [name, { value }] of metrics) {
    const request = requests.get(name);
    if (request === undefined) continue;
    used += value;
    requested += request;
    entries++;
  }
  if (requested === 0n) throw new Error('no metrics returned matched known pods');
  const percent = Number((used * 100n) / requested);
  return { ratio: percent / target, percent, average: used / entries };
}

/** The average usage beside its target (GetMetricUsageRatio). */
export function usageRatio(metrics: PodMetrics, target: bigint): { ratio: number; average: bigint } {
  let sum = 0n;
  for (const { value } of metrics.values()) sum += value;
  const average = sum / BigInt(metrics.size);
  return { ratio: Number(average) / Number(target), average };
}

interface Rules {
  /** Of a set of metrics; may throw. */
  ratioOf(metrics: PodMetrics): number;
  /** What a pod without a metric is taken to use when that speaks for fewer replicas. */
  fallback(name: string): bigint;
}

/** The rules that resources and plain metrics share. Pods without metrics are guessed so that they soften the change. */
function replicasFor(metrics: PodMetrics, resource: string, current: number, situation: Situation, rulesOf: () => Rules): number {
  const { pods, tolerances, delays, nowMs } = situation;
  if (pods.length === 0) throw new Error(NO_PODS);
  const { ready, unready, missing, ignored } = groupPods(pods, metrics, resource, delays, nowMs);
  const counted = new Map<string, PodMetric>([...metrics].filter(([name]) => !ignored.has(name) && !unready.has(name)));
  if (counted.size === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  const rules = rulesOf();
  const ratio = rules.ratioOf(counted);
  const withUnready = unready.size > 0 && ratio > 1;
  if (!withUnready && missing.size === 0) return isWithin(tolerances, ratio) ? current : replicaCount(ratio * ready);
  const guess = (name: string, value: bigint) => counted.set(name, { atMs: 0, windowMs: 0, value });
  if (ratio < 1) for (const name of missing) guess(name, rules.fallback(name));
  else if (ratio > 1) for (const name of missing) guess(name, 0n);
  if (withUnready) for (const name of unready) guess(name, 0n);
  const again = rules.ratioOf(counted);
  if (isWithin(tolerances, again) || (ratio < 1 && again > 1) || (ratio > 1 && again < 1)) return current;
  const replicas = replicaCount(again * counted.size);
  // The guesses must not turn the direction.
  return (again < 1 && replicas > current) || (again > 1 && replicas < current) ? current : replicas;
}

export interface ResourceTarget {
  resource: string;
  /** '' for the pod as a whole. */
  container: string;
  /** Percent. */
  utilization: number;
}

/** For a target in percent of the requests; `percent` and `usage` are what is measured now. */
export function resourceReplicas(
  metrics: PodMetrics,
  current: number,
  target: ResourceTarget,
  situation: Situation,
): Proposal & { percent: number } {
  let measured: Utilization | undefined;
  const rulesOf = (): Rules => {
    const requests = requestsOf(situation.pods, target.container, target.resource);
    const percent = BigInt(Math.max(100, target.utilization));
    return {
      ratioOf: (counted) => {
        const utilization = utilizationOf(counted, requests, target.utilization);
        measured ??= utilization;
        return utilization.ratio;
      },
      fallback: (name) => ((requests.get(name) ?? 0n) * percent) / 100n,
    };
  };
  const replicas = replicasFor(metrics, target.resource, current, situation, rulesOf);
  return { replicas, percent: measured!.percent, usage: measured!.average };
}

/** For a target per pod in thousandths: raw resources (`resource` set) and pods metrics. */
export function averageReplicas(metrics: PodMetrics, current: number, target: bigint, situation: Situation, resource = ''): Proposal {
  let measured: bigint | undefined;
  const rules: Rules = {
    ratioOf: (counted) => {
      const { ratio, average } = usageRatio(counted, target);
      measured ??= average;
      return ratio;
    },
    fallback: () => target,
  };
  const replicas = replicasFor(metrics, resource, current, situation, () => rules);
  return { replicas, usage: measured! };
}

/** For a value of the whole, from an object or from outside: ready pods are taken to share it. */
export function valueReplicas(usage: bigint, current: number, target: bigint, { pods, tolerances }: Situation): Proposal {
  const ratio = Number(usage) / Number(target);
  if (current === 0) return { replicas: replicaCount(ratio), usage };
  if (isWithin(tolerances, ratio)) return { replicas: current, usage };
  if (pods.length === 0) throw new Error(`unable to calculate ready pods: ${NO_PODS}`);
  return { replicas: replicaCount(ratio * runningAndReady(pods)), usage };
}

/** For a share per pod of such a value. */
export function perPodReplicas(usage: bigint, statusReplicas: number, target: bigint, tolerances: Tolerances): Proposal {
  const whole = Number(usage);
  const within = isWithin(tolerances, whole / (Number(target) * statusReplicas));
  const average = whole >= Number(INT64_MAX) ? INT64_MAX : usageOf(whole / statusReplicas);
  return { replicas: within ? statusReplicas : replicaCount(whole / Number(target)), usage: average };
}

/** Values added up, at most what 64 bits hold. */
export function summed(values: readonly bigint[]): bigint {
  let sum = 0n;
  for (const value of values) {
    sum += value;
    if (sum > INT64_MAX) return INT64_MAX;
  }
  return sum;
}
