// Pods and nodes as the scheduler sees them: what plugins look up again and again, worked out once
// (pkg/scheduler/framework/types.go).
import type { corev1 } from '@tiphys/api';
import { type Amounts, addAmounts, amountsOf, type HostPort, hostPortsOf, podRequests } from '@tiphys/machinery';

export interface PodInfo {
  pod: corev1.Pod;
  key: string;
  uid: string;
  requests: Amounts;
  /** For scoring: a container that asks for nothing counts as 100m cpu and 200 MiB. */
  scored: Amounts;
  hostPorts: readonly HostPort[];
  priority: number;
  /** Any affinity or anti-affinity to pods, required or preferred. */
  hasAffinity: boolean;
  /** Namespace and labels as text: equal for pods that every selector treats alike. */
  labelsKey: string;
}

export interface NodeInfo {
  node: corev1.Node;
  name: string;
  /** A small number of its own among the nodes there are; tables are indexed by it. */
  slot: number;
  /** Another number whenever anything here but `pods`' statuses is another. */
  generation: number;
  allocatable: Amounts;
  requested: Amounts;
  scored: Amounts;
  pods: ReadonlyMap<string, PodInfo>;
  /** Container image name → size in bytes. */
  images: ReadonlyMap<string, number>;
}

export interface MutableNode extends NodeInfo {
  pods: Map<string, PodInfo>;
}

const SCORED_DEFAULTS: readonly (readonly [name: string, amount: number])[] = [
  ['cpu', 100],
  ['memory', 200 * 1024 * 1024],
];

export const podKey = (pod: corev1.Pod): string => `${pod.metadata?.namespace}/${pod.metadata?.name}`;

function scoredAmounts(pod: corev1.Pod, requests: Amounts): Amounts {
  const scored: Amounts = new Map(requests);
  for (const [name, amount] of SCORED_DEFAULTS) {
    if (pod.spec!.resources?.requests?.[name] !== undefined) continue;
    const missing = pod.spec!.containers.filter((container) => container.resources?.requests?.[name] === undefined).length;
    if (missing > 0) scored.set(name, (scored.get(name) ?? 0) + missing * amount);
  }
  return scored;
}

/** Pods of one template share their labels' text. */
function labelsKeyOf({ metadata }: corev1.Pod): string {
  let key = metadata?.namespace ?? '';
  const labels = metadata?.labels;
  for (const name in labels) key += `\n${name}=${labels[name]}`;
  return key;
}

export function podInfo(pod: corev1.Pod): PodInfo {
  const requests = podRequests(pod);
  return {
    pod,
    key: podKey(pod),
    uid: pod.metadata?.uid ?? '',
    requests,
    scored: scoredAmounts(pod, requests),
    hostPorts: hostPortsOf(pod.spec!),
    priority: pod.spec?.priority ?? 0,
    hasAffinity: Boolean(pod.spec?.affinity?.podAffinity ?? pod.spec?.affinity?.podAntiAffinity),
    labelsKey: labelsKeyOf(pod),
  };
}

export function emptyNode(node: corev1.Node, slot: number): MutableNode {
  return {
    node,
    name: node.metadata!.name!,
    slot,
    generation: 0,
    allocatable: amountsOf(node.status?.allocatable),
    requested: new Map(),
    scored: new Map(),
    pods: new Map(),
    images: new Map(),
  };
}

/** Adds what the pod uses to the node's sums, or takes it away. */
export function countPod(node: MutableNode, info: PodInfo, by: 1 | -1): void {
  if (by === 1) node.pods.set(info.uid, info);
  else node.pods.delete(info.uid);
  addAmounts(node.requested, info.requests, by);
  addAmounts(node.scored, info.scored, by);
}

/** A node as it would be without some pods or with more of them. */
export function nodeWith(node: NodeInfo, without: Iterable<PodInfo>, added: Iterable<PodInfo> = []): NodeInfo {
  // No generation that was: nobody may take the copy for the node.
  const copy: MutableNode = {
    ...node,
    generation: Number.NaN,
    requested: new Map(node.requested),
    scored: new Map(node.scored),
    pods: new Map(node.pods),
  };
  for (const info of without) if (copy.pods.has(info.uid)) countPod(copy, info, -1);
  for (const info of added) countPod(copy, info, 1);
  return copy;
}
