// One plan in the making: the Deployment as it should become, its ReplicaSets, and the actions so far.
import { appsv1, type metav1, timeText } from '@tiphys/api';
import { conditionOf, withCondition } from '../conditions.ts';
import { omitZeros, semanticEqual } from '../equality.ts';
import { type Action, updateStatus } from '../runtime/actions.ts';
import type { World } from '../runtime/controller.ts';
import { annotationsOf } from '../runtime/objects.ts';
import { type Deployment, REVISION, type ReplicaSet } from './replica-sets.ts';

export interface Draft {
  world: World<Deployment>;
  nowMs: number;
  actions: Action[];
  /** The Deployment with the annotations and conditions that this plan gives it. */
  d: Deployment;
  newSet: ReplicaSet | undefined;
  oldSets: ReplicaSet[];
}

export const allSets = ({ newSet, oldSets }: Draft): ReplicaSet[] => (newSet ? [...oldSets, newSet] : oldSets);

/** Puts the changed ReplicaSet where the old one was. */
export function replaceSet(draft: Draft, changed: ReplicaSet): void {
  const same = (set: ReplicaSet) => set.metadata?.uid === changed.metadata?.uid;
  if (draft.newSet && same(draft.newSet)) draft.newSet = changed;
  draft.oldSets = draft.oldSets.map((set) => (same(set) ? changed : set));
}

export function progressing(draft: Draft, status: string, reason: string, message: string): appsv1.DeploymentCondition {
  const time: metav1.Time = timeText(draft.nowMs);
  return { type: 'Progressing', status, lastUpdateTime: time, lastTransitionTime: time, reason, message };
}

export function setCondition(draft: Draft, condition: appsv1.DeploymentCondition): void {
  const conditions = withCondition(draft.d.status?.conditions, condition);
  draft.d = { ...draft.d, status: { ...draft.d.status, conditions } };
}

export const progressCondition = (d: Deployment) => conditionOf(d.status?.conditions, 'Progressing');

export function setRevision(draft: Draft, revision: string): void {
  if (annotationsOf(draft.d)[REVISION] === revision) return;
  draft.d = { ...draft.d, metadata: { ...draft.d.metadata, annotations: { ...annotationsOf(draft.d), [REVISION]: revision } } };
}

/** Writes the status, and the revision annotation with it as upstream does, when anything differs from what is there. */
export function writeStatus(draft: Draft, status: appsv1.DeploymentStatus | undefined, because: string): boolean {
  const { object } = draft.world;
  const written = omitZeros(status ?? {}, ['terminatingReplicas', 'collisionCount']);
  const sameStatus = semanticEqual(object.status, written);
  if (sameStatus && semanticEqual(annotationsOf(object), annotationsOf(draft.d))) return false;
  draft.actions.push(updateStatus(appsv1.deployments, { ...draft.d, status: written }, because));
  return true;
}
