// Resources that a pod asks for, was given and has (pkg/kubelet/allocation, kuberuntime_manager.go computePodResizeAction;
// KEP-1287 in-place resize). Pure.
import { type corev1, parseQuantity } from '@tiphys/api';
import { inheritedResources } from './pod-level.ts';
import { newestOf, type PodRuntime, type RuntimeContainer } from './pod-runtime.ts';

/** What the containers of one pod were given, by name; and the pod as a whole. */
export interface PodResources {
  pod?: corev1.ResourceRequirements;
  containers: Readonly<Record<string, corev1.ResourceRequirements>>;
}

/** Milli-CPUs and bytes; zero is none. */
export interface Amounts {
  cpuRequest: number;
  cpuLimit: number;
  memoryRequest: number;
  memoryLimit: number;
}

export type ResizableResource = 'memory' | 'cpu';

/** A container whose limits can be changed while it runs. */
export interface ResourceUpdate {
  container: corev1.Container;
  id: string;
  current: Amounts;
  desired: Amounts;
}

export interface ResizePlan {
  /** In the order of execution: decreases first. */
  updates: Record<ResizableResource, ResourceUpdate[]>;
  /** The pod's own resources differ from those of its cgroup. */
  pod: boolean;
  /** Containers whose policy wants a restart. */
  restarts: RuntimeContainer[];
}

const resizable = (pod: corev1.Pod): corev1.Container[] => [...(pod.spec!.initContainers ?? []), ...pod.spec!.containers];

export const resourcesOfPod = (pod: corev1.Pod): PodResources => ({
  ...(pod.spec!.resources ? { pod: pod.spec!.resources } : {}),
  containers: Object.fromEntries(resizable(pod).map(({ name, resources }) => [name, resources ?? {}])),
});

/** The pod as it was allowed to run, whatever its spec wants by now. */
export function withResources(pod: corev1.Pod, given: PodResources): corev1.Pod {
  const replaced = (containers: readonly corev1.Container[]) =>
    containers.map((container) => {
      const resources = given.containers[container.name];
      return resources ? { ...container, resources } : container;
    });
  const { resources: _, initContainers, containers, ...rest } = pod.spec!;
  const spec: corev1.PodSpec = {
    ...rest,
    ...(given.pod ? { resources: given.pod } : {}),
    ...(initContainers ? { initContainers: replaced(initContainers) } : {}),
    containers: replaced(containers),
  };
  return { ...pod, spec };
}

const amount = (list: Record<string, string> | undefined, name: ResizableResource): number => {
  const text = list?.[name];
  if (text === undefined) return 0;
  return name === 'cpu' ? parseQuantity(text).asMilli() : parseQuantity(text).asNumber();
};

export const amountsOfRequirements = ({ requests, limits }: corev1.ResourceRequirements): Amounts => ({
  cpuRequest: amount(requests, 'cpu'),
  cpuLimit: amount(limits, 'cpu'),
  memoryRequest: amount(requests, 'memory'),
  memoryLimit: amount(limits, 'memory'),
});

export const sameAmounts = (a: corev1.ResourceRequirements, b: corev1.ResourceRequirements): boolean => {
  const [one, other] = [amountsOfRequirements(a), amountsOfRequirements(b)];
  return (Object.keys(one) as (keyof Amounts)[]).every((key) => one[key] === other[key]);
};

/** Whether the spec wants something else than the pod was given. */
export function wantsOther(pod: corev1.Pod, given: PodResources): boolean {
  const wanted = resourcesOfPod(pod);
  if (!sameAmounts(wanted.pod ?? {}, given.pod ?? {})) return true;
  return Object.entries(wanted.containers).some(([name, resources]) => !sameAmounts(resources, given.containers[name] ?? resources));
}

const runningOf = (container: corev1.Container, runtime: PodRuntime): RuntimeContainer | undefined => {
  const status = newestOf(runtime, container.name);
  return status?.state === 'running' ? status : undefined;
};

/** What of the pod still has other limits than it was given. `has` is what pod and containers were started or updated with. */
export function planResize(pod: corev1.Pod, runtime: PodRuntime, has: PodResources): ResizePlan {
  // The cgroup of a pod that has never run is made as its spec says.
  const isStarted = Object.keys(has.containers).length > 0;
  const plan: ResizePlan = {
    updates: { memory: [], cpu: [] },
    pod: isStarted && !sameAmounts(pod.spec!.resources ?? {}, has.pod ?? {}),
    restarts: [],
  };
  for (const container of resizable(pod)) {
    const status = runningOf(container, runtime);
    const current = has.containers[container.name];
    const desired = inheritedResources(pod, container);
    if (!status || !current || sameAmounts(current, desired)) continue;
    addUpdates(
      plan,
      { container, id: status.id, current: amountsOfRequirements(current), desired: amountsOfRequirements(desired) },
      status,
    );
  }
  return plan;
}

function addUpdates(plan: ResizePlan, update: ResourceUpdate, status: RuntimeContainer): void {
  const { container, current, desired } = update;
  const differs = { memory: difference(current, desired, 'memory'), cpu: difference(current, desired, 'cpu') };
  const restarts = (container.resizePolicy ?? []).some(
    ({ resourceName, restartPolicy }) => restartPolicy === 'RestartContainer' && differs[resourceName as ResizableResource] !== 0,
  );
  if (restarts) {
    plan.restarts.push(status);
    return;
  }
  for (const name of ['memory', 'cpu'] as const) {
    if (differs[name] > 0) plan.updates[name].push(update);
    else if (differs[name] < 0) plan.updates[name].unshift(update);
  }
}

/** The change of the limit, or else of the request. */
const difference = (current: Amounts, desired: Amounts, name: ResizableResource): number =>
  desired[`${name}Limit`] - current[`${name}Limit`] || desired[`${name}Request`] - current[`${name}Request`];

export const resizeIsNeeded = ({ updates, pod, restarts }: ResizePlan): boolean =>
  pod || restarts.length > 0 || updates.cpu.length > 0 || updates.memory.length > 0;

const sorted = (list: Record<string, string> | undefined) =>
  list && Object.keys(list).length > 0 ? Object.fromEntries(Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1))) : undefined;

/** The text of an event about a resize: what, and the resources of each container. */
export function resizeMessage(what: string, pod: corev1.Pod, generation: number, error = ''): string {
  const of = (containers: readonly corev1.Container[] | undefined) =>
    containers?.length
      ? containers.map(({ name, resources = {} }) => ({
          name,
          resources: { limits: sorted(resources.limits), requests: sorted(resources.requests), claims: resources.claims },
        }))
      : undefined;
  const { initContainers, containers } = pod.spec!;
  const summary = { initContainers: of(initContainers), containers: of(containers), generation, error: error || undefined };
  return `${what}: ${JSON.stringify(summary)}`;
}
