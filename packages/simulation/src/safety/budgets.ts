// Evictions leave as many pods ready as the budget says.
import type { corev1, policyv1 } from '@tiphys/api';
import { Broken } from '../broken.ts';
import { isReady } from '../pods.ts';
import type { Truth } from '../truth.ts';

const PODS = '/registry/pods/';

const podsOf = (truth: Truth, app: string) => truth.all<corev1.Pod>('pods').filter((pod) => pod.metadata?.labels?.app === app);

const wasEvicted = ({ status }: corev1.Pod) => status?.conditions?.some(({ reason }) => reason === 'EvictionByEvictionAPI');

/** `app` has no other trouble than evictions. */
export function budgetHolds(truth: Truth, app: string): void {
  let wasHealthy = false;
  truth.onEvent(({ key, old, new: now, revision }) => {
    if (!key.startsWith(PODS) || (old ?? now)?.metadata?.labels?.app !== app) return;
    const budget = truth.all<policyv1.PodDisruptionBudget>('poddisruptionbudgets').find(({ metadata }) => metadata?.name === app);
    const wanted = budget?.spec?.minAvailable;
    if (typeof wanted !== 'number') return;
    const ready = podsOf(truth, app).filter(isReady).length;
    if (ready > wanted) wasHealthy = true;
    const isEviction =
      now?.metadata?.deletionTimestamp !== undefined && old?.metadata?.deletionTimestamp === undefined && wasEvicted(now as corev1.Pod);
    if (wasHealthy && isEviction && ready < wanted)
      throw new Broken(`at revision ${revision} an eviction left ${ready} pods of ${app} ready where the budget wants ${wanted}`);
  });
}
