// Takes the tracking finalizer off pods whose Job is gone or finished, or nobody could ever delete them
// (pkg/controller/job/job_controller.go, syncOrphanPod).
import { batchv1, corev1 } from '@tiphys/api';
import type { Pod } from '../pods/pod-state.ts';
import type { Action } from '../runtime/actions.ts';
import { defineController, type World } from '../runtime/controller.ts';
import { controllerOf, keyOf, namespaceOf, uidOf } from '../runtime/objects.ts';
import { isExternallyManaged, isFinished, isTracked } from './facts.ts';
import { dropFinalizer } from './pods.ts';

function plan(world: World<Pod>): readonly Action[] {
  const pod = world.object;
  if (!isTracked(pod)) return [];
  const owner = controllerOf(pod);
  if (!owner) return [dropFinalizer(pod, 'no Job controls it')];
  if (owner.kind !== 'Job' || owner.apiVersion !== 'batch/v1') return [];
  const job = world.get(batchv1.jobs, owner.name, namespaceOf(pod));
  if (!job || uidOf(job) !== owner.uid) return [dropFinalizer(pod, 'its Job is gone')];
  return !isExternallyManaged(job) && isFinished(job) ? [dropFinalizer(pod, 'its Job has finished')] : [];
}

export const jobOrphanController = defineController<Pod>({
  name: 'job-controller',
  for: corev1.pods,
  triggers: isTracked,
  watches: [
    {
      type: batchv1.jobs,
      keys: (job: batchv1.Job, snapshot, { gone }) =>
        gone || isFinished(job) ? snapshot.controlledBy(corev1.pods, uidOf(job)).filter(isTracked).map(keyOf) : [],
    },
  ],
  plan,
});
