// resourceFieldRef: a container's requests and limits as numbers (component-helpers resource ExtractContainerResourceValue).
// A missing limit is the pod's, or else the node's allocatable amount.
import { type corev1, parseQuantity } from '@tiphys/api';
import { inheritedResources } from '../pod-worker/pod-level.ts';

/** Quantities of the node by resource name. */
export type NodeAllocatable = Readonly<Record<string, string>>;

const PATH = /^(limits|requests)\.(.+)$/;

function quantityOf(container: corev1.Container, kind: 'limits' | 'requests', name: string, allocatable: NodeAllocatable): string {
  const own = container.resources?.[kind]?.[name];
  if (own !== undefined && parseQuantity(own).asNumber() !== 0) return own;
  if (kind === 'limits' && (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage')) return allocatable[name] ?? '0';
  return own ?? '0';
}

export function resourceValue(
  pod: corev1.Pod,
  container: corev1.Container,
  ref: corev1.ResourceFieldSelector,
  allocatable: NodeAllocatable,
): string {
  const match = PATH.exec(ref.resource);
  if (!match) throw new Error(`unsupported container resource : ${ref.resource}`);
  const containers = [...pod.spec!.containers, ...(pod.spec!.initContainers ?? [])];
  const subject = ref.containerName ? containers.find(({ name }) => name === ref.containerName) : container;
  if (!subject) throw new Error(`container ${ref.containerName} not found`);
  const limited = { ...subject, resources: inheritedResources(pod, subject) };
  const quantity = parseQuantity(quantityOf(limited, match[1] as 'limits' | 'requests', match[2]!, allocatable));
  const divisor = ref.divisor && parseQuantity(ref.divisor).asNumber() !== 0 ? parseQuantity(ref.divisor) : parseQuantity('1');
  if (match[2] === 'cpu') return String(Math.ceil(quantity.asMilli() / divisor.asMilli()));
  return String(Math.ceil(quantity.asNumber() / divisor.asNumber()));
}
