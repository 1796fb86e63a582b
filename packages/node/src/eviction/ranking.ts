// Who has to go first, and what is said (pkg/kubelet/eviction/helpers.go rankMemoryPressure, rankDiskPressureFunc, rankPIDPressure,
// evictionMessage). Pure: what pods use is handed in.
import { type corev1, parseQuantity, Quantity } from '@tiphys/api';
import { podRequests } from '@tiphys/machinery';
import { type Observations, SIGNALS, type Starved, shortageText, type Threshold } from './signals.ts';

export interface ContainerUse {
  name: string;
  memoryBytes: number;
  /** Written layer and logs. */
  diskBytes: number;
}

/** What one pod uses of what a node can run out of. */
export interface PodUse {
  memoryBytes: number;
  diskBytes: number;
  inodes: number;
  processes: number;
  containers: readonly ContainerUse[];
}

export type Uses = ReadonlyMap<string, PodUse>;

const used = (use: PodUse, resource: Starved): number =>
  resource === 'memory'
    ? use.memoryBytes
    : resource === 'ephemeral-storage'
      ? use.diskBytes
      : resource === 'inodes'
        ? use.inodes
        : use.processes;

interface Candidate {
  pod: corev1.Pod;
  isMeasured: boolean;
  exceeds: boolean;
  priority: number;
  excess: number;
}

function candidate(pod: corev1.Pod, use: PodUse | undefined, resource: Starved): Candidate {
  const priority = pod.spec!.priority ?? 0;
  if (!use) return { pod, isMeasured: false, exceeds: true, priority, excess: 0 };
  const amount = used(use, resource);
  if (resource === 'pids') return { pod, isMeasured: true, exceeds: true, priority, excess: amount };
  const request = podRequests(pod).get(resource) ?? 0;
  // Upstream holds inodes against the request for bytes, too.
  const held = resource === 'inodes' ? (podRequests(pod).get('ephemeral-storage') ?? 0) : request;
  return { pod, isMeasured: true, exceeds: amount > request, priority, excess: amount - held };
}

/** Those that use more than they asked for, the least important, the largest. */
export function rankedForEviction(pods: readonly corev1.Pod[], uses: Uses, resource: Starved): corev1.Pod[] {
  const first = (a: boolean, b: boolean) => Number(b) - Number(a);
  const unmeasured = (a: Candidate, b: Candidate) => first(!a.isMeasured, !b.isMeasured);
  return pods
    .map((pod) => candidate(pod, uses.get(pod.metadata!.uid!), resource))
    .sort(
      (a, b) =>
        (resource === 'pids' ? 0 : unmeasured(a, b) || first(a.exceeds, b.exceeds)) ||
        a.priority - b.priority ||
        unmeasured(a, b) ||
        b.excess - a.excess,
    )
    .map(({ pod }) => pod);
}

const bytesText = (bytes: number) => Quantity.of(bytes, 'BinarySI').toString();

function containerText(container: corev1.Container, use: ContainerUse, resource: 'memory' | 'ephemeral-storage'): string {
  const request = container.resources?.requests?.[resource] ?? '0';
  const amount = resource === 'memory' ? use.memoryBytes : use.diskBytes;
  if (amount <= parseQuantity(request).asNumber()) return '';
  return `Container ${container.name} was using ${bytesText(amount)}, request is ${request}, has larger consumption of ${resource}. `;
}

/** Why this pod had to go. `met` are the thresholds that are crossed. */
export function evictionMessage(
  pod: corev1.Pod,
  use: PodUse | undefined,
  resource: Starved,
  met: readonly Threshold[],
  observations: Observations,
): string {
  const parts = [`The node was low on resource: ${resource}. `];
  const crossed = met.find(({ signal }) => SIGNALS[signal].resource === resource);
  const observed = crossed && observations.get(crossed.signal);
  if (crossed && observed) {
    const { quantity, available } = shortageText(crossed, observed);
    parts.push(`Threshold quantity: ${quantity}, available: ${available}. `);
  }
  if (!use || (resource !== 'memory' && resource !== 'ephemeral-storage')) return parts.join('');
  const whole = resource === 'memory' ? pod.spec!.resources?.requests?.memory : undefined;
  if (whole !== undefined) {
    const text = `Pod ${pod.metadata!.name} was using ${bytesText(use.memoryBytes)}, request is ${whole}, has larger consumption of memory. `;
    parts.push(text);
  }
  const containers = [...pod.spec!.containers, ...(pod.spec!.initContainers ?? [])];
  for (const each of use.containers) {
    const container = containers.find(({ name }) => name === each.name);
    if (container) parts.push(containerText(container, each, resource));
  }
  return parts.join('');
}
