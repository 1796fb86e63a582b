// A pod's quality of service class (apis/core/helper/qos/qos.go).
import type { corev1 } from '@tiphys/api';
import { compareQuantities, quantityNano } from '../../rules/quantities.ts';

const COMPUTE = ['cpu', 'memory'] as const;
type Totals = Record<string, bigint>;

function add(totals: Totals, resources: Record<string, string | number> | undefined): void {
  for (const name of COMPUTE) {
    const nano = resources?.[name] === undefined ? 0n : (quantityNano(resources[name]) ?? 0n);
    if (nano > 0n) totals[name] = (totals[name] ?? 0n) + nano;
  }
}

function classify(requests: Totals, limits: Totals, everyLimit: boolean): 'BestEffort' | 'Burstable' | 'Guaranteed' {
  const [requested, limited] = [Object.keys(requests), Object.keys(limits)];
  if (!requested.length && !limited.length) return 'BestEffort';
  const same = requested.length === limited.length && requested.every((name) => requests[name] === limits[name]);
  return everyLimit && same ? 'Guaranteed' : 'Burstable';
}

/** Guaranteed when every container's cpu and memory are limited and requested alike, BestEffort when none are named. */
export function qualityOfService(spec: corev1.PodSpec): 'BestEffort' | 'Burstable' | 'Guaranteed' {
  const [requests, limits]: [Totals, Totals] = [{}, {}];
  if (spec.resources?.requests || spec.resources?.limits) {
    add(requests, spec.resources.requests);
    add(limits, spec.resources.limits);
    return classify(
      requests,
      limits,
      COMPUTE.every((name) => limits[name] !== undefined),
    );
  }
  let everyLimit = true;
  for (const { resources } of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    add(requests, resources?.requests);
    add(limits, resources?.limits);
    everyLimit &&= COMPUTE.every((name) => compareQuantities(resources?.limits?.[name], '0') > 0);
  }
  return classify(requests, limits, everyLimit);
}
