// Checks placements without any of the scheduler's code: room on each node, and the pods' required rules.
import { type corev1, parseQuantity } from '@tiphys/api';

type Labels = Readonly<Record<string, string>>;

interface Placed {
  pods: readonly corev1.Pod[];
  nodes: readonly corev1.Node[];
  namespaces: readonly corev1.Namespace[];
}

const cpuOf = (pod: corev1.Pod) =>
  pod.spec!.containers.reduce((sum, { resources }) => sum + parseQuantity(resources?.requests?.cpu ?? '0').asMilli(), 0);

const has = (labels: Labels | undefined, wanted: Labels) => Object.entries(wanted).every(([key, value]) => labels?.[key] === value);

function crowded({ pods, nodes }: Placed): string[] {
  const byName = new Map(nodes.map((node) => [node.metadata!.name!, node]));
  return [...Map.groupBy(pods, (pod) => pod.spec!.nodeName ?? '')].flatMap(([name, here]) => {
    const allocatable = byName.get(name)?.status?.allocatable;
    if (!allocatable) return [`${here.length} pods on ${name || 'no node'}`];
    const milli = here.reduce((sum, pod) => sum + cpuOf(pod), 0);
    const isFull = here.length > Number(allocatable.pods) || milli > parseQuantity(allocatable.cpu!).asMilli();
    return isFull ? [`${name} is too full`] : [];
  });
}

/** Which pods a rule is about. */
interface About {
  topologyKey: string;
  labels: Labels;
  /** Names of namespaces. */
  among: ReadonlySet<string>;
}

/** Pods that match, by the value that their nodes have of the topology key; every value of a node is there. */
function counter({ pods, nodes }: Placed) {
  const labelsOf = new Map(nodes.map((node) => [node.metadata!.name!, node.metadata!.labels ?? {}]));
  const known = new Map<string, Map<string, number>>();
  const domainOf = (pod: corev1.Pod, key: string) => labelsOf.get(pod.spec!.nodeName ?? '')?.[key];
  const counts = ({ topologyKey, labels, among }: About) => {
    const name = JSON.stringify([topologyKey, labels, [...among]]);
    let found = known.get(name);
    if (!found) {
      found = new Map([...labelsOf.values()].map((one) => [one[topologyKey]!, 0]));
      for (const pod of pods) {
        const value = domainOf(pod, topologyKey);
        if (value !== undefined && among.has(pod.metadata!.namespace!) && has(pod.metadata!.labels, labels))
          found.set(value, found.get(value)! + 1);
      }
      known.set(name, found);
    }
    return found;
  };
  return { domainOf, counts };
}

/** One line for each rule that is broken. Selectors are taken to be matchLabels, spreads to have no inclusion policies. */
export function misplacements(placed: Placed): string[] {
  const { domainOf, counts } = counter(placed);
  const wrong = crowded(placed);
  const about = (pod: corev1.Pod, { topologyKey, labelSelector, namespaces, namespaceSelector }: corev1.PodAffinityTerm): About => {
    const selected = placed.namespaces.filter(
      ({ metadata }) => namespaceSelector && has(metadata!.labels, namespaceSelector.matchLabels ?? {}),
    );
    const names = [...(namespaces ?? []), ...selected.map(({ metadata }) => metadata!.name!)];
    return { topologyKey, labels: labelSelector?.matchLabels ?? {}, among: new Set(names.length > 0 ? names : [pod.metadata!.namespace!]) };
  };
  const isAbout = (pod: corev1.Pod, { labels, among }: About) => among.has(pod.metadata!.namespace!) && has(pod.metadata!.labels, labels);
  for (const pod of placed.pods) {
    const { affinity, topologySpreadConstraints = [] } = pod.spec!;
    const name = pod.metadata!.name!;
    for (const term of affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
      const rule = about(pod, term);
      const others = (counts(rule).get(domainOf(pod, term.topologyKey)!) ?? 0) - (isAbout(pod, rule) ? 1 : 0);
      if (others > 0) wrong.push(`${name} is near what it must be far from`);
    }
    for (const term of affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [])
      if (!counts(about(pod, term)).get(domainOf(pod, term.topologyKey)!)) wrong.push(`${name} is far from what it must be near`);
    for (const { topologyKey, labelSelector, maxSkew, whenUnsatisfiable } of topologySpreadConstraints) {
      if (whenUnsatisfiable !== 'DoNotSchedule') continue;
      const found = counts({ topologyKey, labels: labelSelector?.matchLabels ?? {}, among: new Set([pod.metadata!.namespace!]) });
      if (found.get(domainOf(pod, topologyKey)!)! - Math.min(...found.values()) > maxSkew) wrong.push(`${name} is spread unevenly`);
    }
  }
  return wrong;
}
