// Finds, updates or creates the ReplicaSet for the Deployment's template (sync.go, getNewReplicaSet).
import { appsv1, type corev1, type metav1 } from '@tiphys/api';
import { isAlreadyExists } from '@tiphys/machinery';
import { conditionOf } from '../conditions.ts';
import { namespaceTerminating } from '../pods/pod-writes.ts';
import { TEMPLATE_HASH_LABEL, templateHash } from '../pods/template-hash.ts';
import { after, create, update, updateStatus } from '../runtime/actions.ts';
import { annotationsOf, controllerReference, isControlledBy, nameOf, namespaceOf } from '../runtime/objects.ts';
import { allSets, type Draft, progressing, setCondition, setRevision } from './draft.ts';
import { isRollingUpdate, maxSurge, progressDeadlineSeconds, replicasOf } from './numbers.ts';
import {
  type Deployment,
  equalTemplates,
  maxRevision,
  newSetAnnotations,
  REVISION,
  type ReplicaSet,
  replicaAnnotations,
  wantedPods,
} from './replica-sets.ts';

const NAME_MAX = 253;

/** Brings the existing new ReplicaSet up to date, and the Deployment's revision with it. */
export function syncNewSet(draft: Draft): void {
  const { newSet, d } = draft;
  if (!newSet) return;
  const annotations = newSetAnnotations(d, annotationsOf(newSet), maxRevision(draft.oldSets) + 1n);
  const minReadySeconds = d.spec?.minReadySeconds ?? 0;
  if (annotations !== annotationsOf(newSet) || (newSet.spec?.minReadySeconds ?? 0) !== minReadySeconds) {
    const changed: ReplicaSet = {
      ...newSet,
      metadata: { ...newSet.metadata, annotations: { ...annotations } },
      spec: { ...newSet.spec!, minReadySeconds },
    };
    draft.actions.push(update(appsv1.replicasets, changed, 'its annotations or minReadySeconds follow the Deployment'));
    draft.newSet = changed;
    return;
  }
  setRevision(draft, annotations[REVISION] ?? '');
  if (progressDeadlineSeconds(d) !== undefined && !conditionOf(d.status?.conditions, 'Progressing')) {
    setCondition(draft, progressing(draft, 'True', 'FoundNewReplicaSet', `Found new replica set "${nameOf(newSet)}"`));
  }
}

function withHash(labels: Record<string, string> | undefined, hash: string): Record<string, string> {
  return { ...labels, [TEMPLATE_HASH_LABEL]: hash };
}

function selectorWithHash(selector: metav1.LabelSelector | undefined, hash: string): metav1.LabelSelector {
  return { ...selector, matchLabels: withHash(selector?.matchLabels, hash) };
}

/** Of a hash that is too long the name is what it is. */
export function replicaSetName(deployment: string, hash: string): string {
  const most = NAME_MAX - 1 - hash.length;
  return `${most > 0 ? deployment.slice(0, most) : deployment}-${hash}`;
}

/** How large the new ReplicaSet may be now. */
export function newSetSize(draft: Draft, current: number): number {
  const { d } = draft;
  if (!isRollingUpdate(d)) return replicasOf(d);
  const room = replicasOf(d) + maxSurge(d) - wantedPods(allSets(draft));
  return room <= 0 ? current : current + Math.min(room, replicasOf(d) - current);
}

function newSetFor(draft: Draft, hash: string): ReplicaSet {
  const { d } = draft;
  const template: corev1.PodTemplateSpec = {
    ...d.spec?.template,
    metadata: { ...d.spec?.template.metadata, labels: withHash(d.spec?.template.metadata?.labels, hash) },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: replicaSetName(nameOf(d), hash),
      namespace: namespaceOf(d),
      labels: template.metadata!.labels!,
      annotations: { ...newSetAnnotations(d, {}, maxRevision(draft.oldSets) + 1n), ...replicaAnnotations(d) },
      ownerReferences: [controllerReference(appsv1.deployments, d)],
    },
    spec: {
      replicas: newSetSize(draft, 0),
      minReadySeconds: d.spec?.minReadySeconds ?? 0,
      selector: selectorWithHash(d.spec?.selector, hash),
      template,
    },
  };
}

/** False when the plan has to end here, because the name is taken. */
export function createNewSet(draft: Draft): boolean {
  const { d, world } = draft;
  const collisionCount = d.status?.collisionCount;
  const set = newSetFor(draft, templateHash(d.spec!.template, collisionCount));
  const taken = world.get(appsv1.replicasets, nameOf(set), namespaceOf(set));
  if (taken && !(isControlledBy(taken, d) && equalTemplates(taken.spec?.template, d.spec?.template))) {
    const status = { ...d.status, collisionCount: (collisionCount ?? 0) + 1 };
    draft.actions.push(updateStatus(appsv1.deployments, { ...d, status }, `the name ${nameOf(set)} is taken: hash collision`));
    return false;
  }
  const size = replicasOf(set);
  const scaled = {
    type: 'Normal',
    reason: 'ScalingReplicaSet',
    message: `Scaled up replica set ${nameOf(set)} from 0 to ${size}`,
  } as const;
  const failed = (error: Error) => `Failed to create new replica set "${nameOf(set)}": ${error.message}`;
  draft.actions.push(
    create(appsv1.replicasets, set, `no ReplicaSet has the Deployment's template; starts with ${size}`, {
      ...(size > 0 ? { whenDone: () => scaled } : {}),
      whenFailed: (error) =>
        isAlreadyExists(error) || namespaceTerminating(error)
          ? undefined
          : { type: 'Warning', reason: 'ReplicaSetCreateError', message: failed(error) },
      about: d,
    }),
    after(({ failure }) => {
      if (!failure || isAlreadyExists(failure) || namespaceTerminating(failure)) return [];
      if (progressDeadlineSeconds(d) === undefined) return [];
      return [failedStatus(draft, failed(failure))];
    }),
  );
  draft.newSet = set;
  setRevision(draft, set.metadata!.annotations![REVISION]!);
  if (progressDeadlineSeconds(d) !== undefined) {
    setCondition(draft, progressing(draft, 'True', 'NewReplicaSetCreated', `Created new replica set "${nameOf(set)}"`));
  }
  return true;
}

function failedStatus(draft: Draft, message: string) {
  const failed: Draft = { ...draft, d: draft.world.object as Deployment };
  setCondition(failed, progressing(failed, 'False', 'ReplicaSetCreateError', message));
  return updateStatus(appsv1.deployments, failed.d, 'the ReplicaSet could not be created');
}
