// Changing the size of ReplicaSets (pkg/controller/deployment/sync.go, scale and scaleReplicaSet).
import { appsv1 } from '@tiphys/api';
import { update } from '../runtime/actions.ts';
import { annotationsOf, nameOf, uidOf } from '../runtime/objects.ts';
import { allSets, type Draft, replaceSet } from './draft.ts';
import { isRollingUpdate, maxSurge, replicasOf } from './numbers.ts';
import {
  activeSets,
  byCreation,
  countAnnotation,
  DESIRED_REPLICAS,
  type Deployment,
  MAX_REPLICAS,
  type ReplicaSet,
  replicaAnnotations,
  wantedPods,
} from './replica-sets.ts';

/** True when the size changes. With `force` the annotations are brought up to date also when it does not. */
export function scaleTo(draft: Draft, set: ReplicaSet, size: number, because: string, force = false): boolean {
  const { d } = draft;
  const old = replicasOf(set);
  const resized = old !== size;
  if (!resized && !force) return false;
  const annotations = replicaAnnotations(d);
  const current = annotationsOf(set);
  if (!resized && Object.entries(annotations).every(([key, value]) => current[key] === value)) return false;
  const changed: ReplicaSet = {
    ...set,
    metadata: { ...set.metadata, annotations: { ...current, ...annotations } },
    spec: { ...set.spec!, replicas: size },
  };
  const direction = old < size ? 'up' : 'down';
  const message = `Scaled ${direction} replica set ${nameOf(set)} from ${old} to ${size}`;
  const event = resized ? { whenDone: () => ({ type: 'Normal', reason: 'ScalingReplicaSet', message }) as const, about: d } : {};
  draft.actions.push(update(appsv1.replicasets, changed, resized ? `${because}: ${old} to ${size}` : because, event));
  replaceSet(draft, changed);
  return resized;
}

/** The only active one; the newest when none is; undefined when there are several. */
function activeOrLatest(draft: Draft): ReplicaSet | undefined {
  const active = activeSets(allSets(draft));
  if (active.length > 1) return undefined;
  return active[0] ?? draft.newSet ?? [...draft.oldSets].sort(byCreation).at(-1);
}

export function isSaturated(d: Deployment, set: ReplicaSet | undefined): boolean {
  if (!set) return false;
  const wanted = replicasOf(d);
  return (
    replicasOf(set) === wanted && Number(annotationsOf(set)[DESIRED_REPLICAS]) === wanted && (set.status?.availableReplicas ?? 0) === wanted
  );
}

/** For scaling events and paused Deployments: spreads the change over all active ReplicaSets in proportion. */
export function scale(draft: Draft): void {
  const { d } = draft;
  const single = activeOrLatest(draft);
  if (single) {
    scaleTo(draft, single, replicasOf(d), 'the Deployment was scaled');
    return;
  }
  if (isSaturated(d, draft.newSet)) {
    for (const old of activeSets(draft.oldSets)) scaleTo(draft, old, 0, 'the new ReplicaSet has all replicas');
    return;
  }
  if (!isRollingUpdate(d)) return;
  const active = activeSets(allSets(draft));
  const allowed = replicasOf(d) > 0 ? replicasOf(d) + maxSurge(d) : 0;
  const sizes = proportionalSizes(d, active, allowed - wantedPods(active));
  for (const [set, size] of sizes) scaleTo(draft, set, size, 'in proportion', true);
}

function bySize(newerFirst: boolean) {
  return (a: ReplicaSet, b: ReplicaSet) => {
    const difference = replicasOf(b) - replicasOf(a);
    return difference !== 0 ? difference : newerFirst ? byCreation(b, a) : byCreation(a, b);
  };
}

/** New sizes, largest ReplicaSet first; it also takes what rounding leaves over. */
export function proportionalSizes(d: Deployment, active: readonly ReplicaSet[], toAdd: number): [ReplicaSet, number][] {
  const sets = toAdd === 0 ? [...active] : [...active].sort(bySize(toAdd > 0));
  let added = 0;
  const sizes = sets.map((set): [ReplicaSet, number] => {
    const proportion = proportionOf(d, set, toAdd, added);
    added += proportion;
    return [set, replicasOf(set) + proportion];
  });
  const largest = sizes[0];
  if (largest && toAdd !== 0) largest[1] = Math.max(0, largest[1] + toAdd - added);
  return sizes;
}

function proportionOf(d: Deployment, set: ReplicaSet, toAdd: number, added: number): number {
  if (replicasOf(set) === 0 || toAdd === 0 || toAdd === added) return 0;
  const fraction = fractionOf(d, set);
  return toAdd > 0 ? Math.min(fraction, toAdd - added) : Math.max(fraction, toAdd - added);
}

/** How many the ReplicaSet gains, or loses, when the Deployment changes its size. */
export function fractionOf(d: Deployment, set: ReplicaSet): number {
  if (replicasOf(d) === 0) return -replicasOf(set);
  // Without the annotation the Deployment's own size has to do.
  const before = countAnnotation(set, MAX_REPLICAS) || (d.status?.replicas ?? 0);
  if (before === 0) return 0;
  const size = (replicasOf(set) * (replicasOf(d) + maxSurge(d))) / before;
  return Math.round(size) - replicasOf(set);
}

/** An active ReplicaSet that was made for another number of replicas shows that the Deployment was scaled. */
export function isScalingEvent(draft: Draft): boolean {
  return activeSets(allSets(draft)).some((set) => {
    const desired = countAnnotation(set, DESIRED_REPLICAS);
    return desired !== undefined && desired !== replicasOf(draft.d);
  });
}

export const sameSet = (a: ReplicaSet, b: ReplicaSet): boolean => uidOf(a) === uidOf(b);
