// A namespace never has more pods than its quota says.
import type { corev1 } from '@tiphys/api';
import type { Clock } from '@tiphys/runtime';
import { Broken } from '../broken.ts';
import { isTerminal } from '../pods.ts';
import type { Truth } from '../truth.ts';

const PODS = '/registry/pods/';

/** What should be gone since its grace is over and is not counts no more (pkg/quota/v1/evaluator/core/pods.go QuotaV1Pod). */
function counts(pod: corev1.Pod, nowMs: number): boolean {
  if (isTerminal(pod)) return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata!;
  return !deletionTimestamp || nowMs <= Date.parse(deletionTimestamp) + (deletionGracePeriodSeconds ?? 0) * 1000;
}

export function quotasHold(truth: Truth, clock: Clock): void {
  /** The latest that it has been: when the clock is set back, what was given back before is not taken again. */
  let latestMs = 0;
  truth.onEvent(({ key, old, new: now }) => {
    latestMs = Math.max(latestMs, clock.now());
    if (!key.startsWith(PODS) || old || !now) return;
    const { namespace } = now.metadata!;
    for (const quota of truth.all<corev1.ResourceQuota>('resourcequotas')) {
      // A quota counts from when its controller has seen it.
      if (quota.metadata!.namespace !== namespace || quota.status?.hard?.pods === undefined) continue;
      const pods = truth.all<corev1.Pod>('pods').filter((pod) => pod.metadata!.namespace === namespace && counts(pod, latestMs));
      if (pods.length > Number(quota.spec!.hard!.pods))
        throw new Broken(`${namespace} has ${pods.length} pods since ${key}, its quota says ${quota.spec!.hard!.pods}`);
    }
  });
}
