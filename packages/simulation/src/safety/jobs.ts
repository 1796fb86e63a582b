// A Job never has more pods at work than it may, a finished one starts none, and every pod that ended well is counted once.
import type { batchv1, corev1 } from '@tiphys/api';
import { Broken } from '../broken.ts';
import { isTerminal, nameOf, ownerOf } from '../pods.ts';
import type { Truth } from '../truth.ts';

const PODS = '/registry/pods/';
const JOBS = '/registry/jobs/';

/** Pods that were ever seen to have ended well, by the uid of their Job. */
export class Successes {
  readonly #pods = new Map<string, Set<string>>();

  constructor(truth: Truth) {
    truth.onEvent(({ key, new: now }) => {
      if (key.startsWith(PODS) && now && (now as corev1.Pod).status?.phase === 'Succeeded') this.#add(now as corev1.Pod);
    });
  }

  of(job: batchv1.Job): number {
    return this.#pods.get(job.metadata!.uid!)?.size ?? 0;
  }

  #add(pod: corev1.Pod): void {
    const owner = ownerOf(pod);
    if (owner?.kind !== 'Job') return;
    const pods = this.#pods.get(owner.uid) ?? new Set();
    this.#pods.set(owner.uid, pods.add(pod.metadata!.uid!));
  }
}

export function jobsAreBounded(truth: Truth): void {
  truth.onEvent(({ key, old, new: now }) => {
    const owner = now && ownerOf(now);
    if (!key.startsWith(PODS) || old || owner?.kind !== 'Job') return;
    const job = truth.all<batchv1.Job>('jobs').find(({ metadata }) => metadata?.uid === owner.uid);
    if (!job) return;
    if (job.status?.completionTime) throw new Broken(`the finished job ${owner.name} started ${key}`);
    const active = truth
      .all<corev1.Pod>('pods')
      .filter((pod) => ownerOf(pod)?.uid === owner.uid && !pod.metadata?.deletionTimestamp && !isTerminal(pod)).length;
    const allowed = job.spec!.parallelism!;
    if (active > allowed) throw new Broken(`${active} pods of the job ${owner.name} are at work, ${allowed} may be`);
  });
}

/** What a Job has counted, and what it has noted to count, are pods that have ended. */
export function jobsCountOnce(truth: Truth, successes: Successes): void {
  truth.onEvent(({ key, new: now }) => {
    if (!key.startsWith(JOBS) || !now) return;
    const { succeeded = 0, uncountedTerminatedPods } = (now as batchv1.Job).status ?? {};
    const counted = succeeded + (uncountedTerminatedPods?.succeeded?.length ?? 0);
    const ended = successes.of(now as batchv1.Job);
    if (counted > ended) throw new Broken(`the job ${nameOf(now)} has counted ${counted} pods, ${ended} have ended well`);
  });
}
