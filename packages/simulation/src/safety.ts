// What must hold at every moment, whatever goes wrong. Each check looks at the truth and throws a Broken that says what it saw.
import type { corev1, KubeObject, policyv1 } from '@tiphys/api';
import type { Clock } from '@tiphys/runtime';
import { Broken } from './broken.ts';
import { isReady } from './pods.ts';
import { foregroundWaits } from './safety/deletion.ts';
import { ordinalsFollow } from './safety/ordinals.ts';
import { placementHolds } from './safety/placement.ts';
import { quotasHold } from './safety/quotas.ts';
import type { Truth, TruthEvent } from './truth.ts';

const PODS = '/registry/pods/';

const podsOf = (truth: Truth, app: string) => truth.all<corev1.Pod>('pods').filter((pod) => pod.metadata?.labels?.app === app);

/** Revisions grow by every event, and an object's uid never changes under its name without its end. */
function revisionsGrow(truth: Truth): void {
  let last = 0;
  truth.onEvent(({ revision, key, old, new: now }: TruthEvent) => {
    if (revision <= last) throw new Broken(`revision ${revision} came after ${last}`);
    last = revision;
    if (old && now && old.metadata?.uid !== now.metadata?.uid) throw new Broken(`${key} became another object without its end`);
  });
}

/** A finished pod stays finished. */
function endsAreFinal(truth: Truth): void {
  truth.onEvent(({ key, old, new: now }) => {
    if (!key.startsWith(PODS) || !old || !now) return;
    const [before, after] = [(old as corev1.Pod).status?.phase, (now as corev1.Pod).status?.phase];
    if ((before === 'Succeeded' || before === 'Failed') && after !== before) throw new Broken(`${key} went from ${before} to ${after}`);
  });
}

const wasEvicted = ({ status }: corev1.Pod) => status?.conditions?.some(({ reason }) => reason === 'EvictionByEvictionAPI');

/** Evictions leave as many pods ready as the budget says; `app` has no other trouble than evictions. */
function budgetHolds(truth: Truth, app: string): void {
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

/** A Job never has more pods at work than it may, and a finished one starts none. */
function jobsAreBounded(truth: Truth): void {
  truth.onEvent(({ key, old, new: now }) => {
    const owner = now?.metadata?.ownerReferences?.find(({ kind }) => kind === 'Job');
    if (!key.startsWith(PODS) || old || !owner) return;
    const job = truth
      .all<KubeObject & { spec: { parallelism: number }; status?: { completionTime?: string } }>('jobs')
      .find(({ metadata }) => metadata?.uid === owner.uid);
    if (!job) return;
    if (job.status?.completionTime) throw new Broken(`the finished job ${owner.name} started ${key}`);
    const active = truth
      .all<corev1.Pod>('pods')
      .filter((pod) => pod.metadata?.ownerReferences?.some(({ uid }) => uid === owner.uid))
      .filter((pod) => !pod.metadata?.deletionTimestamp && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed').length;
    if (active > job.spec.parallelism)
      throw new Broken(`${active} pods of the job ${owner.name} are at work, ${job.spec.parallelism} may be`);
  });
}

export function watchSafety(truth: Truth, guarded: string, clock: Clock): void {
  revisionsGrow(truth);
  placementHolds(truth, clock);
  quotasHold(truth);
  ordinalsFollow(truth);
  foregroundWaits(truth);
  endsAreFinal(truth);
  budgetHolds(truth, guarded);
  jobsAreBounded(truth);
}
