// A DaemonSet's revisions; the present one's hash marks its pods (pkg/controller/daemon/update.go).
import { appsv1, corev1 } from '@tiphys/api';
import { semanticEqual } from '../equality.ts';
import { patchOf, REVISION_HASH_LABEL, type Revision, sortRevisions } from '../history/revisions.ts';
import { templateHash } from '../pods/template-hash.ts';
import { type Action, create, patch, remove, update, updateStatus } from '../runtime/actions.ts';
import type { World } from '../runtime/controller.ts';
import { annotationsOf, controllerOf, controllerReference, labelsOf, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';
import type { DaemonSet } from './pods.ts';

export interface History {
  /** Empty when the plan has to end after the actions. */
  hash: string;
  old: readonly Revision[];
  actions: Action[];
}

const hashLabel = (revision: Revision): string => labelsOf(revision)[REVISION_HASH_LABEL] ?? nameOf(revision);

export function historyOf(world: World<DaemonSet>): History {
  const set = world.object;
  const data = patchOf(set.spec!.template);
  const revisions = sortRevisions(world.owned(appsv1.controllerrevisions));
  const current = revisions.filter((revision) => semanticEqual(revision.data, data));
  const old = revisions.filter((revision) => !current.includes(revision));
  const number = (old.at(-1)?.revision ?? 0) + 1;
  const kept = current.at(-1);
  if (!kept) return newRevision(world, old, number);
  const actions: Action[] = [];
  if (current.length > 1) actions.push(...dropDuplicates(world, kept, current));
  if (kept.revision < number) {
    actions.push(update(appsv1.controllerrevisions, { ...kept, revision: number }, 'an old template is back'));
  }
  return { hash: hashLabel(kept), old, actions };
}

function newRevision(world: World<DaemonSet>, old: readonly Revision[], number: number): History {
  const set = world.object;
  const { template } = set.spec!;
  const data = patchOf(template);
  const hash = templateHash(template, set.status?.collisionCount);
  const name = `${nameOf(set)}-${hash}`;
  const taken = world.get(appsv1.controllerrevisions, name, namespaceOf(set));
  if (taken && semanticEqual(taken.data, data) && (controllerOf(taken)?.uid ?? uidOf(set)) === uidOf(set))
    return { hash, old, actions: [] };
  if (taken) {
    const status = { ...set.status!, collisionCount: (set.status?.collisionCount ?? 0) + 1 };
    return { hash: '', old, actions: [updateStatus(appsv1.daemonsets, { ...set, status }, `the name ${name} is taken: hash collision`)] };
  }
  const revision: Revision = {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name,
      namespace: namespaceOf(set),
      labels: { ...template.metadata?.labels, [REVISION_HASH_LABEL]: hash },
      annotations: { ...annotationsOf(set) },
      ownerReferences: [controllerReference(appsv1.daemonsets, set)],
    },
    data,
    revision: number,
  };
  return { hash, old, actions: [create(appsv1.controllerrevisions, revision, 'the template is new')] };
}

function dropDuplicates(world: World<DaemonSet>, kept: Revision, current: readonly Revision[]): Action[] {
  const hash = hashLabel(kept);
  const relabel = { metadata: { labels: { [REVISION_HASH_LABEL]: hash } } };
  const duplicates = current.filter((revision) => revision !== kept);
  const labelled = (labels: Readonly<Record<string, string>>) => duplicates.some((one) => hashLabel(one) === labels[REVISION_HASH_LABEL]);
  return [
    ...world
      .owned(corev1.pods)
      .filter((pod) => labelled(labelsOf(pod)))
      .map((pod) => patch(corev1.pods, pod, 'merge', relabel, 'its revision has a duplicate')),
    ...duplicates.map((revision) => remove(appsv1.controllerrevisions, revision, 'a duplicate of the present revision')),
  ];
}

/** The oldest revisions beyond the limit that no pod has. */
export function surplusHistory(world: World<DaemonSet>, old: readonly Revision[]): Action[] {
  const limit = world.object.spec?.revisionHistoryLimit ?? 10;
  const live = new Set(world.owned(corev1.pods).map((pod) => labelsOf(pod)[REVISION_HASH_LABEL]));
  return old
    .filter((revision) => !live.has(hashLabel(revision)))
    .slice(0, Math.max(0, old.length - limit))
    .map((revision) => remove(appsv1.controllerrevisions, revision, `more than ${limit} revisions that no pod has`));
}
