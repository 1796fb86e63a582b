// Rolls Deployments out over ReplicaSets (pkg/controller/deployment).
import { appsv1, corev1 } from '@tiphys/api';
import { matchesSelector, selectorOf } from '../pods/selectors.ts';
import { type Action, updateStatus, warning } from '../runtime/actions.ts';
import { defineController, type Snapshot, type World } from '../runtime/controller.ts';
import { controllerOf, isDeleting, namespaceOf, uidOf } from '../runtime/objects.ts';
import { type Draft, progressCondition, progressing, setCondition, writeStatus } from './draft.ts';
import { syncNewSet } from './new-replica-set.ts';
import { progressDeadlineSeconds } from './numbers.ts';
import { byCreation, type Deployment, findNew } from './replica-sets.ts';
import { rollback, rollbackRevision } from './rollback.ts';
import { cleanUp, rolloutRecreate, rolloutRolling } from './rollout.ts';
import { isScalingEvent, scale } from './scaling.ts';
import { syncStatus } from './status.ts';

/** Pausing and resuming show as an unknown Progressing condition, so that a pause never counts as lateness. */
function pauseCondition(draft: Draft): boolean {
  const { d } = draft;
  const current = progressCondition(d);
  if (progressDeadlineSeconds(d) === undefined || current?.reason === 'ProgressDeadlineExceeded') return false;
  const paused = d.spec?.paused === true;
  if (paused === (current?.reason === 'DeploymentPaused')) return false;
  setCondition(
    draft,
    paused
      ? progressing(draft, 'Unknown', 'DeploymentPaused', 'Deployment is paused')
      : progressing(draft, 'Unknown', 'DeploymentResumed', 'Deployment is resumed'),
  );
  return true;
}

function plan(world: World<Deployment>, nowMs: number): readonly Action[] {
  const d = world.object;
  if (selectorOf(d.spec?.selector).empty) {
    const event = warning('SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.');
    if ((d.status?.observedGeneration ?? 0) >= (d.metadata?.generation ?? 0)) return [event];
    const status = { ...d.status, observedGeneration: d.metadata?.generation ?? 0 };
    return [event, updateStatus(appsv1.deployments, { ...d, status }, 'the change was seen')];
  }
  const sets = [...world.owned(appsv1.replicasets)].sort(byCreation);
  const newSet = findNew(d, sets);
  const draft: Draft = { world, nowMs, actions: [], d, newSet, oldSets: sets.filter((set) => set !== newSet) };
  if (!isDeleting(d) && pauseCondition(draft)) {
    writeStatus(draft, draft.d.status, d.spec?.paused ? 'it was paused' : 'it was resumed');
    return draft.actions;
  }
  syncNewSet(draft);
  if (isDeleting(d)) syncStatus(draft);
  else if (d.spec?.paused) {
    scale(draft);
    if (rollbackRevision(d) === undefined) cleanUp(draft);
    syncStatus(draft);
  } else if (rollbackRevision(d) !== undefined) rollback(draft);
  else if (isScalingEvent(draft)) {
    scale(draft);
    syncStatus(draft);
  } else if (d.spec?.strategy?.type === 'Recreate') rolloutRecreate(draft);
  else rolloutRolling(draft);
  return draft.actions;
}

/** A Deployment that recreates waits for its last old pod to go; before that nobody needs to look. */
export function deploymentOfPod(pod: corev1.Pod, snapshot: Snapshot): readonly string[] {
  const owner = controllerOf(pod);
  if (owner?.kind !== 'ReplicaSet') return [];
  const set = snapshot.get(appsv1.replicasets, owner.name, namespaceOf(pod));
  const reference = set && uidOf(set) === owner.uid ? controllerOf(set) : undefined;
  if (reference?.kind !== 'Deployment') return [];
  const d = snapshot.get(appsv1.deployments, reference.name, namespaceOf(pod));
  if (d?.spec?.strategy?.type !== 'Recreate') return [];
  const sets = snapshot.controlledBy(appsv1.replicasets, uidOf(d));
  if (sets.some((one) => snapshot.controlledBy(corev1.pods, uidOf(one)).length > 0)) return [];
  return [`${namespaceOf(pod)}/${reference.name}`];
}

export const deploymentController = defineController<Deployment>({
  name: 'deployment-controller',
  for: appsv1.deployments,
  owns: [{ type: appsv1.replicasets, matches: (d) => matchesSelector(d.spec?.selector) }],
  watches: [{ type: corev1.pods, keys: (pod, snapshot, { gone }) => (gone ? deploymentOfPod(pod, snapshot) : []) }],
  plan,
});
