// Checks placements without any of the scheduler's code: room on each node, and the pods' required rules.
import { type corev1, parseQuantity } from '@tiphys/api';

const cpuOf = (pod: corev1.Pod) =>
  pod.spec!.containers.reduce((sum, { resources }) => sum + parseQuantity(resources?.requests?.cpu ?? '0').asMilli(), 0);

const matches = (pod: corev1.Pod, labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).every(([key, value]) => pod.metadata?.labels?.[key] === value);

/** One line for each rule that is broken. Selectors are taken to be matchLabels, spreads to have no inclusion policies. */
export function misplacements(pods: readonly corev1.Pod[], nodes: readonly corev1.Node[]): string[] {
  const byName = new Map(nodes.map((node) => [node.metadata!.name!, node]));
  const wrong: string[] = [];
  const byNode = Map.groupBy(pods, (pod) => pod.spec!.nodeName ?? '');
  for (const [name, here] of byNode) {
    const allocatable = byName.get(name)?.status?.allocatable;
    if (!allocatable) wrong.push(`${here.length} pods on ${name || 'no node'}`);
    else if (
      here.length > Number(allocatable.pods) ||
      here.reduce((sum, pod) => sum + cpuOf(pod), 0) > parseQuantity(allocatable.cpu!).asMilli()
    )
      wrong.push(`${name} is too full`);
  }
  const domainOf = (pod: corev1.Pod, key: string) => byName.get(pod.spec!.nodeName ?? '')?.metadata?.labels?.[key];
  const countsBy = new Map<string, Map<string, number>>();
  const counts = (key: string, labels: Readonly<Record<string, string>>) => {
    const cached = countsBy.get(key + JSON.stringify(labels)) ?? new Map(nodes.map((node) => [node.metadata!.labels![key]!, 0]));
    if (!countsBy.has(key + JSON.stringify(labels))) {
      for (const pod of pods) {
        const value = domainOf(pod, key);
        if (value !== undefined && matches(pod, labels)) cached.set(value, (cached.get(value) ?? 0) + 1);
      }
      countsBy.set(key + JSON.stringify(labels), cached);
    }
    return cached;
  };
  for (const pod of pods) {
    const { affinity, topologySpreadConstraints = [] } = pod.spec!;
    for (const { topologyKey, labelSelector } of affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
      const labels = labelSelector?.matchLabels ?? {};
      const others = (counts(topologyKey, labels).get(domainOf(pod, topologyKey)!) ?? 0) - (matches(pod, labels) ? 1 : 0);
      if (others > 0) wrong.push(`${pod.metadata!.name} is near what it must be far from`);
    }
    for (const { topologyKey, labelSelector } of affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
      const labels = labelSelector?.matchLabels ?? {};
      if (!counts(topologyKey, labels).get(domainOf(pod, topologyKey)!))
        wrong.push(`${pod.metadata!.name} is far from what it must be near`);
    }
    for (const { topologyKey, labelSelector, maxSkew, whenUnsatisfiable } of topologySpreadConstraints) {
      if (whenUnsatisfiable !== 'DoNotSchedule') continue;
      const found = counts(topologyKey, labelSelector?.matchLabels ?? {});
      if ((found.get(domainOf(pod, topologyKey)!) ?? 0) - Math.min(...found.values()) > maxSkew)
        wrong.push(`${pod.metadata!.name} is spread unevenly`);
    }
  }
  return wrong;
}
