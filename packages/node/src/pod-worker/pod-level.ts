// Resources of a pod as a whole: what its containers inherit, and what its status says of them (kubelet_pods.go
// convertToAPIPodLevelResourcesStatus, pkg/kubelet/util GetLimits; KEP-2837, KEP-5419). Pure.
import { type corev1, parseQuantity, Quantity } from '@tiphys/api';
import { type Amounts, podLimits, podRequests } from '@tiphys/machinery';

type List = Record<string, string>;

const isSet = (list: List | undefined, name: string): boolean => list?.[name] !== undefined && !parseQuantity(list[name]).isZero;

/** The container's resources, where a limit that it lacks is the pod's. */
export function inheritedResources(pod: corev1.Pod, container: corev1.Container): corev1.ResourceRequirements {
  const own = container.resources ?? {};
  const whole = pod.spec!.resources?.limits;
  const inherited = ['cpu', 'memory'].filter((name) => isSet(whole, name) && !isSet(own.limits, name));
  if (inherited.length === 0) return own;
  return { ...own, limits: { ...own.limits, ...Object.fromEntries(inherited.map((name) => [name, whole![name]!])) } };
}

/** Amounts in the notation in which the pod speaks of them. */
function textOf(pod: corev1.Pod, kind: 'requests' | 'limits', amounts: Amounts): List {
  const spec = pod.spec!;
  const lists = [spec.resources, ...[...spec.containers, ...(spec.initContainers ?? [])].map(({ resources }) => resources)];
  const entries = [...amounts].map(([name, amount]): [string, string] => {
    const text = lists.map((resources) => resources?.[kind]?.[name]).find((one) => one !== undefined);
    const format = text === undefined ? undefined : parseQuantity(text).format;
    return [name, (name === 'cpu' ? Quantity.ofMilli(amount, format) : Quantity.of(amount, format)).toString()];
  });
  return Object.fromEntries(entries);
}

const withoutEmpty = (limits: List, requests: List): corev1.ResourceRequirements => ({
  ...(Object.keys(limits).length > 0 ? { limits } : {}),
  ...(Object.keys(requests).length > 0 ? { requests } : {}),
});

/** Upstream's MinShares: a request that small can't be told from none. */
const MILLI_CPU_MIN = 2;

/** What the pod's cgroup holds once it runs. */
function enforced(pod: corev1.Pod): corev1.ResourceRequirements {
  const requests = textOf(pod, 'requests', podRequests(pod));
  const limits = podLimits(pod);
  const { resources, containers, initContainers = [] } = pod.spec!;
  const shown = (name: string) =>
    isSet(resources?.limits, name) || [...containers, ...initContainers].every((container) => isSet(container.resources?.limits, name));
  const cpu: List = requests.cpu !== undefined && parseQuantity(requests.cpu).asMilli() > MILLI_CPU_MIN ? { cpu: requests.cpu } : {};
  const memory: List = requests.memory === undefined ? {} : { memory: requests.memory };
  const amounts: Amounts = new Map(
    ['cpu', 'memory'].flatMap((name) => (limits.get(name) && shown(name) ? [[name, limits.get(name)!]] : [])),
  );
  return withoutEmpty({ ...resources?.limits, ...textOf(pod, 'limits', amounts) }, { ...resources?.requests, ...cpu, ...memory });
}

/** `allocated` is the pod with what it was given, `actuated` with what its cgroups have. */
export function podLevelStatus(
  allocated: corev1.Pod,
  actuated: corev1.Pod,
  isRunning: boolean,
): Pick<corev1.PodStatus, 'resources' | 'allocatedResources'> {
  const given = { ...allocated, status: {} };
  const requests = textOf(given, 'requests', podRequests(given));
  return {
    resources: isRunning ? enforced({ ...actuated, status: {} }) : withoutEmpty(textOf(given, 'limits', podLimits(given)), requests),
    ...(Object.keys(requests).length > 0 ? { allocatedResources: requests } : {}),
  };
}
