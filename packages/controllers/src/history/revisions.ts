// Templates that were, kept as ControllerRevisions (pkg/controller/history/controller_history.go).
import { appsv1, type corev1, type KubeObject, type ResourceType } from '@tiphys/api';
import { semanticEqual } from '../equality.ts';
import { fnv32, goJson, safeEncoded, sortedKeys } from '../hash.ts';
import { create, remove, update, type Write } from '../runtime/actions.ts';
import type { Snapshot } from '../runtime/controller.ts';
import { annotationsOf, controllerOf, controllerReference, nameOf, namespaceOf, timeMs, uidOf } from '../runtime/objects.ts';

export type Revision = appsv1.ControllerRevision;

export const REVISION_HASH_LABEL = 'controller-revision-hash';
const DATA_HASH_LABEL = 'controller.kubernetes.io/hash';
const NAME_PREFIX_MAX = 223;

/** A strategic merge patch that puts the template back. */
interface TemplatePatch {
  spec: { template: corev1.PodTemplateSpec & { $patch?: 'replace' } };
}

/** Its keys are sorted, as Go writes maps: kubectl and others compare revisions byte by byte with what they would write. */
export const patchOf = (template: corev1.PodTemplateSpec): TemplatePatch =>
  sortedKeys({ spec: { template: { ...template, $patch: 'replace' } } });

export function templateOf(revision: Revision): corev1.PodTemplateSpec {
  const { $patch: _, ...template } = (revision.data as TemplatePatch | undefined)?.spec?.template ?? {};
  return template;
}

export function revisionHash(data: object | undefined, collisionCount: number): string {
  return safeEncoded(fnv32(goJson(data ?? {}), String(collisionCount)));
}

export const hashOf = (revision: Revision): string => revision.metadata?.labels?.[DATA_HASH_LABEL] ?? '';

export function sortRevisions(revisions: readonly Revision[]): Revision[] {
  const created = (revision: Revision) => timeMs(revision.metadata?.creationTimestamp);
  return [...revisions].sort(
    (a, b) => a.revision - b.revision || created(a) - created(b) || (nameOf(a) < nameOf(b) ? -1 : nameOf(a) > nameOf(b) ? 1 : 0),
  );
}

interface Parent extends KubeObject {
  spec?: { template: corev1.PodTemplateSpec };
}

function revisionFor(type: ResourceType, parent: Parent, number: number, collisionCount: number): Revision {
  const data = patchOf(parent.spec!.template);
  const hash = revisionHash(data, collisionCount);
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${nameOf(parent).slice(0, NAME_PREFIX_MAX)}-${hash}`,
      namespace: namespaceOf(parent),
      labels: { ...parent.spec!.template.metadata?.labels, [DATA_HASH_LABEL]: hash },
      annotations: { ...annotationsOf(parent) },
      ownerReferences: [controllerReference(type, parent)],
    },
    data,
    revision: number,
  };
}

export interface Target {
  /** The revision of the parent's present template. */
  revision: Revision;
  collisionCount: number;
  /** What has to be written for that. */
  write?: Write;
}

/** Finds the revision of the present template, gives it the highest number, or makes a new one. `revisions` are sorted. */
export function targetRevision(
  type: ResourceType,
  parent: Parent,
  revisions: readonly Revision[],
  collisions: number,
  snapshot: Snapshot,
): Target {
  let collisionCount = collisions;
  const last = revisions.at(-1);
  const next = (last?.revision ?? 0) + 1;
  const patch = patchOf(parent.spec!.template);
  const equal = revisions.filter((revision) => semanticEqual(revision.data, patch));
  const newest = equal.at(-1);
  if (newest && newest === last) return { revision: newest, collisionCount };
  if (newest) {
    const revision = { ...newest, revision: next };
    return { revision, collisionCount, write: update(appsv1.controllerrevisions, revision, 'an old template is back') };
  }
  for (;;) {
    const revision = revisionFor(type, parent, next, collisionCount);
    const taken = snapshot.get(appsv1.controllerrevisions, nameOf(revision), namespaceOf(parent));
    if (!taken) return { revision, collisionCount, write: create(appsv1.controllerrevisions, revision, 'the template is new') };
    const foreign = controllerOf(taken)?.uid;
    if (semanticEqual(taken.data, patch) && (foreign === undefined || foreign === uidOf(parent)))
      return { revision: taken, collisionCount };
    collisionCount++;
  }
}

/** The oldest revisions that nobody uses any more, beyond the limit. */
export function surplusRevisions(revisions: readonly Revision[], live: ReadonlySet<string>, limit: number): Write[] {
  if (limit < 0) return [];
  const idle = revisions.filter((revision) => !live.has(nameOf(revision)));
  return idle
    .slice(0, Math.max(0, idle.length - limit))
    .map((revision) => remove(appsv1.controllerrevisions, revision, `more than ${limit} revisions that no pod has`));
}
