// How many pods a budget's workloads want to have (pkg/controller/disruption getExpectedPodCount). Pure, but for scales of
// custom workloads, which have to be asked for.

import type { policyv1 } from '@tiphys/api';
import { appsv1, corev1, type OwnerReference, scaledValue } from '@tiphys/api';
import type { Snapshot } from '../runtime/controller.ts';
import { controllerOf, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';

export interface Scale {
  uid: string;
  replicas: number;
}

/** The scale subresource of any owner; undefined when it is gone or another. Rejects when there is no such subresource. */
export type ScaleOf = (owner: OwnerReference, namespace: string) => Promise<Scale | undefined>;

export interface Expectation {
  expectedPods: number;
  desiredHealthy: number;
  /** Names of pods that no workload controls. */
  unmanaged: readonly string[];
}

const groupOf = (owner: OwnerReference) => (owner.apiVersion.includes('/') ? owner.apiVersion.split('/')[0]! : '');

/** From the caches; undefined when the owner is of another kind, or not there. */
function knownScale(owner: OwnerReference, namespace: string, world: Snapshot): Scale | undefined {
  const own = <T extends { metadata?: { uid?: string }; spec?: { replicas?: number } }>(object: T | undefined, uid: string) =>
    object && object.metadata?.uid === uid ? { uid, replicas: object.spec?.replicas ?? 1 } : undefined;
  const kind = `${groupOf(owner)}/${owner.kind}`;
  if (kind === '/ReplicationController') return own(world.get(corev1.replicationcontrollers, owner.name, namespace), owner.uid);
  if (kind === 'apps/StatefulSet') return own(world.get(appsv1.statefulsets, owner.name, namespace), owner.uid);
  if (kind !== 'apps/ReplicaSet') return undefined;
  const set = world.get(appsv1.replicasets, owner.name, namespace);
  if (!set || uidOf(set) !== owner.uid) return undefined;
  const above = controllerOf(set);
  if (above?.kind !== 'Deployment') return own(set, owner.uid);
  return own(world.get(appsv1.deployments, above.name, namespace), above.uid);
}

async function expectedScale(
  pods: readonly corev1.Pod[],
  world: Snapshot,
  scaleOf: ScaleOf,
): Promise<{ count: number; unmanaged: string[] }> {
  const scales = new Map<string, number>();
  const asked = new Set<string>();
  const unmanaged: string[] = [];
  for (const pod of pods) {
    const owner = controllerOf(pod);
    if (!owner) {
      unmanaged.push(nameOf(pod));
      continue;
    }
    if (asked.has(owner.uid)) continue;
    asked.add(owner.uid);
    const scale = knownScale(owner, namespaceOf(pod), world) ?? (await scaleOf(owner, namespaceOf(pod)));
    if (!scale) throw new Error(`found no controllers for pod ${JSON.stringify(nameOf(pod))}`);
    scales.set(scale.uid, scale.replicas);
  }
  return { count: [...scales.values()].reduce((sum, replicas) => sum + replicas, 0), unmanaged };
}

export async function expectation(
  spec: policyv1.PodDisruptionBudgetSpec,
  pods: readonly corev1.Pod[],
  world: Snapshot,
  scaleOf: ScaleOf,
): Promise<Expectation> {
  const { maxUnavailable, minAvailable } = spec;
  if (maxUnavailable !== undefined) {
    const { count, unmanaged } = await expectedScale(pods, world, scaleOf);
    const desiredHealthy = Math.max(0, count - scaledValue(maxUnavailable, count, true));
    return { expectedPods: count, desiredHealthy, unmanaged };
  }
  if (typeof minAvailable === 'string') {
    const { count, unmanaged } = await expectedScale(pods, world, scaleOf);
    return { expectedPods: count, desiredHealthy: scaledValue(minAvailable, count, true), unmanaged };
  }
  if (minAvailable !== undefined) return { expectedPods: pods.length, desiredHealthy: minAvailable, unmanaged: [] };
  return { expectedPods: 0, desiredHealthy: 0, unmanaged: [] };
}
