// Removes finished Jobs when their time to live is over (pkg/controller/ttlafterfinished).
import { batchv1 } from '@tiphys/api';
import { jobCondition } from '../job/facts.ts';
import { remove, wakeAt } from '../runtime/actions.ts';
import { defineController } from '../runtime/controller.ts';
import { isDeleting, timeMs, uidOf } from '../runtime/objects.ts';

export const ttlAfterFinishedController = defineController<batchv1.Job>({
  name: 'ttl-after-finished-controller',
  for: batchv1.jobs,
  plan: ({ object: job }, nowMs) => {
    const seconds = job.spec?.ttlSecondsAfterFinished;
    const finished = jobCondition(job, 'Complete') ?? jobCondition(job, 'Failed');
    if (seconds === undefined || !finished?.lastTransitionTime || isDeleting(job)) return [];
    const expiresMs = timeMs(finished.lastTransitionTime) + seconds * 1000;
    if (expiresMs > nowMs) return [wakeAt(expiresMs, 'its time to live ends')];
    // The revision makes sure that the time to live was not changed meanwhile.
    const preconditions = { uid: uidOf(job), resourceVersion: job.metadata?.resourceVersion ?? '' };
    return [remove(batchv1.jobs, job, 'its time to live is over', { options: { propagationPolicy: 'Foreground', preconditions } })];
  },
});
