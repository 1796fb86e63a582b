// Which ReplicaSet is the Deployment's new one, and what its annotations say (pkg/controller/deployment/util).
import type { appsv1, corev1 } from '@tiphys/api';
import { semanticEqual } from '../equality.ts';
import { TEMPLATE_HASH_LABEL } from '../pods/template-hash.ts';
import { annotationsOf, nameOf, timeMs } from '../runtime/objects.ts';
import { maxSurge, replicasOf } from './numbers.ts';

export type Deployment = appsv1.Deployment;
export type ReplicaSet = appsv1.ReplicaSet;

export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';
export const ROLLBACK_TO = 'deprecated.deployment.rollback.to';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Characters of the list of old revisions. */
const REVISION_HISTORY_MAX = 2000;

const NOT_COPIED = new Set([LAST_APPLIED, REVISION, REVISION_HISTORY, DESIRED_REPLICAS, MAX_REPLICAS, ROLLBACK_TO]);
export const isCopiedAnnotation = (key: string): boolean => !NOT_COPIED.has(key);

function withoutHash(template: corev1.PodTemplateSpec | undefined): corev1.PodTemplateSpec {
  const { [TEMPLATE_HASH_LABEL]: _, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels } };
}

export function equalTemplates(a: corev1.PodTemplateSpec | undefined, b: corev1.PodTemplateSpec | undefined): boolean {
  return semanticEqual(withoutHash(a), withoutHash(b));
}

export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  const difference = timeMs(a.metadata?.creationTimestamp) - timeMs(b.metadata?.creationTimestamp);
  return difference !== 0 ? difference : nameOf(a) < nameOf(b) ? -1 : 1;
}

/** The oldest one with the Deployment's template. */
export function findNew(d: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  return [...sets].sort(byCreation).find((set) => equalTemplates(set.spec?.template, d.spec?.template));
}

const INTEGER = /^[+-]?[0-9]+$/;

const integer = (text: string): bigint => BigInt(text.replace(/^\+/, ''));

/** 64 bits wide. 0 without the annotation, undefined when it is no number. */
export function revisionOf(set: ReplicaSet): bigint | undefined {
  const text = annotationsOf(set)[REVISION];
  if (text === undefined) return 0n;
  return INTEGER.test(text) ? integer(text) : undefined;
}

const larger = (a: bigint, b: bigint) => (a > b ? a : b);
export const maxRevision = (sets: readonly ReplicaSet[]): bigint => sets.reduce((max, set) => larger(max, revisionOf(set) ?? 0n), 0n);

/** The second highest. */
export function lastRevision(sets: readonly ReplicaSet[]): bigint {
  const revisions = sets.map(revisionOf).filter((revision) => revision !== undefined);
  return revisions.sort((a, b) => (a < b ? 1 : a > b ? -1 : 0))[1] ?? 0n;
}

export function byRevision(a: ReplicaSet, b: ReplicaSet): number {
  const [left, right] = [revisionOf(a), revisionOf(b)];
  return left === undefined || right === undefined || left === right ? byCreation(a, b) : left < right ? -1 : 1;
}

/** A non-negative 32-bit number of an annotation. */
export function countAnnotation(set: ReplicaSet, key: string): number | undefined {
  const text = annotationsOf(set)[key];
  if (text === undefined || !/^[0-9]+$/.test(text)) return undefined;
  const count = Number(text);
  return count <= 2 ** 31 - 1 ? count : undefined;
}

export const replicaAnnotations = (d: Deployment): Record<string, string> => ({
  [DESIRED_REPLICAS]: String(replicasOf(d)),
  [MAX_REPLICAS]: String(replicasOf(d) + maxSurge(d)),
});

/** The annotations that the new ReplicaSet should have; the same object when they are right already. */
export function newSetAnnotations(
  d: Deployment,
  current: Readonly<Record<string, string>>,
  revision: bigint,
): Readonly<Record<string, string>> {
  const next: Record<string, string> = { ...current };
  for (const [key, value] of Object.entries(annotationsOf(d))) if (isCopiedAnnotation(key)) next[key] = value;
  const old = current[REVISION];
  if (old === undefined || old === '' || INTEGER.test(old)) {
    if (integer(old || '0') < revision) {
      next[REVISION] = String(revision);
      if (old !== undefined) addToHistory(next, old);
    }
  }
  return semanticEqual(next, current) ? current : next;
}

/** Rolling back to a ReplicaSet keeps the revisions it has served before; the oldest go when there are too many. */
function addToHistory(annotations: Record<string, string>, old: string): void {
  const revisions = (annotations[REVISION_HISTORY] ?? '').split(',').filter((text) => text !== '');
  const length = () => [...revisions, old].join(',').length;
  while (revisions.length > 0 && length() > REVISION_HISTORY_MAX) revisions.shift();
  if (length() <= REVISION_HISTORY_MAX) annotations[REVISION_HISTORY] = [...revisions, old].join(',');
}

const sum = (sets: readonly ReplicaSet[], count: (set: ReplicaSet) => number | undefined) =>
  sets.reduce((total, set) => total + (count(set) ?? 0), 0);

export const wantedPods = (sets: readonly ReplicaSet[]): number => sum(sets, replicasOf);
export const actualPods = (sets: readonly ReplicaSet[]): number => sum(sets, (set) => set.status?.replicas);
export const readyPods = (sets: readonly ReplicaSet[]): number => sum(sets, (set) => set.status?.readyReplicas);
export const availablePods = (sets: readonly ReplicaSet[]): number => sum(sets, (set) => set.status?.availableReplicas);
export const activeSets = (sets: readonly ReplicaSet[]): ReplicaSet[] => sets.filter((set) => replicasOf(set) > 0);

/** undefined when a ReplicaSet that was seen does not say how many are terminating. */
export function terminatingPods(sets: readonly ReplicaSet[]): number | undefined {
  let total = 0;
  for (const { status } of sets) {
    if (status?.terminatingReplicas !== undefined) total += status.terminatingReplicas;
    else if (status?.observedGeneration) return undefined;
  }
  return total;
}
