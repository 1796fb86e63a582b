// What a pod asks for as a whole: its containers, init containers and sidecars together (component-helpers
// resource/helpers.go, KEP-753 for sidecars, KEP-2837 for resources of the pod itself).
import type { corev1 } from '@tiphys/api';
import { addInto, quantities, type ResourceAmounts, raiseTo } from './amounts.ts';

/** Resources that a pod may state for itself. */
const isPodLevel = (name: string) => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

export interface PodResourcesOptions {
  /** Leave out spec.overhead, as limit ranges do. */
  excludeOverhead?: boolean;
}

export function podResources(spec: corev1.PodSpec, which: 'requests' | 'limits', options: PodResourcesOptions = {}): ResourceAmounts {
  const total: ResourceAmounts = new Map();
  for (const container of spec.containers) addInto(total, quantities(container.resources?.[which]));
  const sidecars: ResourceAmounts = new Map();
  const initial: ResourceAmounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = quantities(container.resources?.[which]);
    if (container.restartPolicy === 'Always') {
      addInto(total, own);
      addInto(sidecars, own);
      raiseTo(initial, sidecars);
    } else raiseTo(initial, addInto(own, sidecars));
  }
  raiseTo(total, initial);
  for (const [name, value] of quantities(spec.resources?.[which])) if (isPodLevel(name)) total.set(name, value);
  if (options.excludeOverhead || !spec.overhead) return total;
  const overhead = quantities(spec.overhead);
  if (which === 'requests') return addInto(total, overhead);
  for (const [name, value] of overhead) {
    const limit = total.get(name);
    if (limit && !limit.isZero) total.set(name, limit.add(value));
  }
  return total;
}

export const hasPodLevelResources = ({ resources }: corev1.PodSpec): boolean =>
  [...Object.keys(resources?.requests ?? {}), ...Object.keys(resources?.limits ?? {})].some(isPodLevel);

/** Guaranteed, Burstable or BestEffort (pkg/apis/core/v1/helper/qos). */
export function isBestEffort(spec: corev1.PodSpec): boolean {
  const counts = (resources: corev1.ResourceRequirements | undefined) =>
    [resources?.requests, resources?.limits].some((list) =>
      [...quantities(list)].some(([name, value]) => (name === 'cpu' || name === 'memory') && value.sign > 0),
    );
  if (hasPodLevelResources(spec)) return !counts(spec.resources);
  return ![...spec.containers, ...(spec.initContainers ?? [])].some((container) => counts(container.resources));
}
