// A namespace never has more pods than its quota says.
import type { corev1 } from '@tiphys/api';
import { Broken } from '../broken.ts';
import { isTerminal } from '../pods.ts';
import type { Truth } from '../truth.ts';

const PODS = '/registry/pods/';

/** What ought to be gone and is not counts no more, as upstream has it. */
const counts = (pod: corev1.Pod) => !isTerminal(pod) && !pod.metadata!.deletionTimestamp;

export function quotasHold(truth: Truth): void {
  truth.onEvent(({ key, old, new: now }) => {
    if (!key.startsWith(PODS) || old || !now) return;
    const { namespace } = now.metadata!;
    for (const quota of truth.all<corev1.ResourceQuota>('resourcequotas')) {
      // A quota counts from when its controller has seen it.
      if (quota.metadata!.namespace !== namespace || quota.status?.hard?.pods === undefined) continue;
      const pods = truth.all<corev1.Pod>('pods').filter((pod) => pod.metadata!.namespace === namespace && counts(pod));
      if (pods.length > Number(quota.spec!.hard!.pods))
        throw new Broken(`${namespace} has ${pods.length} pods since ${key}, its quota says ${quota.spec!.hard!.pods}`);
    }
  });
}
