// Whether a pod that was bound to this node fits here (pkg/kubelet/lifecycle/predicate.go): the scheduler may have been wrong, and
// pods can name their node themselves. Pure.
import type { corev1 } from '@tiphys/api';
import {
  type Amounts,
  addAmounts,
  amountsOf,
  hostPortsCollide,
  hostPortsOf,
  matchesNodeAffinity,
  podRequests,
  untoleratedTaint,
} from '@tiphys/machinery';

export interface Refusal {
  reason: string;
  message: string;
  /** When other pods could make room. */
  shortage?: Shortage;
}

export interface Shortage {
  resource: string;
  missing: number;
}

function portsCollide(pod: corev1.Pod, others: readonly corev1.Pod[]): boolean {
  const taken = others.flatMap((other) => hostPortsOf(other.spec!));
  return hostPortsOf(pod.spec!).some((port) => taken.some((other) => hostPortsCollide(port, other)));
}

const shortage = (name: string, requested: number, used: number, capacity: number): Refusal => ({
  reason: `OutOf${name}`,
  message: `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  shortage: { resource: name, missing: requested - (capacity - used) },
});

function shortages(pod: corev1.Pod, node: corev1.Node, others: readonly corev1.Pod[]): Refusal[] {
  const allocatable = amountsOf(node.status?.allocatable);
  const pods = allocatable.get('pods') ?? 0;
  const found = others.length + 1 > pods ? [shortage('pods', 1, others.length, pods)] : [];
  const used: Amounts = new Map();
  for (const other of others) addAmounts(used, podRequests(other));
  for (const [name, requested] of podRequests(pod)) {
    // Resources that this node knows nothing of are left to who provides them.
    if (requested === 0 || !allocatable.has(name)) continue;
    const inUse = used.get(name) ?? 0;
    if (requested + inUse > allocatable.get(name)!) found.push(shortage(name, requested, inUse, allocatable.get(name)!));
  }
  return found;
}

/** What no other pod's end would change. */
function mismatch(pod: corev1.Pod, node: corev1.Node, others: readonly corev1.Pod[]): Refusal | undefined {
  const predicate = (name: string, why: string): Refusal => ({ reason: name, message: `Predicate ${name} failed: ${why}` });
  if (!matchesNodeAffinity(pod.spec!, node)) return predicate('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  if (pod.spec!.nodeName && node.metadata!.name !== pod.spec!.nodeName) {
    return predicate('NodeName', "node(s) didn't match the requested node name");
  }
  if (portsCollide(pod, others)) return predicate('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  if (untoleratedTaint(node.spec?.taints, pod.spec!.tolerations, ['NoExecute'])) {
    return predicate('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  }
  return undefined;
}

/** Everything that stands against the pod. `others` are the pods that count on this node already. */
export function problemsOf(pod: corev1.Pod, node: corev1.Node, others: readonly corev1.Pod[]): Refusal[] {
  const other = mismatch(pod, node, others);
  return [...shortages(pod, node, others), ...(other ? [other] : [])];
}
