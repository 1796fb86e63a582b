// What the scheduler knows: nodes with the pods on them, kept up to date by increments. Pods that were assigned but not
// yet seen bound count as assumed (pkg/scheduler/backend/cache).
import type { corev1 } from '@tiphys/api';
import { type Amounts, addAmounts, amountsOf, hostPortsOf, podRequests } from '@tiphys/machinery';
import type { NodeInfo, PodInfo } from './framework.ts';

const SCORED_CPU_DEFAULT = 100;
const SCORED_MEMORY_DEFAULT = 200 * 1024 * 1024;

export const podKey = (pod: corev1.Pod): string => `${pod.metadata?.namespace}/${pod.metadata?.name}`;

/** What scoring counts: as requests, with a floor for each container that asks for nothing. */
function scored(pod: corev1.Pod, requests: Amounts, name: 'cpu' | 'memory', floor: number): number {
  const missing = pod.spec!.containers.filter((container) => container.resources?.requests?.[name] === undefined).length;
  return (requests.get(name) ?? 0) + (pod.spec!.resources?.requests?.[name] === undefined ? missing * floor : 0);
}

export function podInfo(pod: corev1.Pod): PodInfo {
  const requests = podRequests(pod);
  return {
    pod,
    key: podKey(pod),
    uid: pod.metadata?.uid ?? '',
    requests,
    scoredCpu: scored(pod, requests, 'cpu', SCORED_CPU_DEFAULT),
    scoredMemory: scored(pod, requests, 'memory', SCORED_MEMORY_DEFAULT),
    hostPorts: hostPortsOf(pod.spec!),
    priority: pod.spec?.priority ?? 0,
    hasAntiAffinity: Boolean(pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length),
    hasAffinity: Boolean(pod.spec?.affinity?.podAffinity ?? pod.spec?.affinity?.podAntiAffinity),
  };
}

interface MutableNode extends NodeInfo {
  pods: Map<string, PodInfo>;
  podsWithAffinity: number;
}

function emptyNode(node: corev1.Node): MutableNode {
  return {
    node,
    name: node.metadata!.name!,
    allocatable: new Map(),
    requested: new Map(),
    scoredCpu: 0,
    scoredMemory: 0,
    pods: new Map(),
    podsWithAffinity: 0,
    images: new Map(),
  };
}

function count(node: MutableNode, info: PodInfo, factor: 1 | -1): void {
  addAmounts(node.requested, info.requests, factor);
  node.scoredCpu += factor * info.scoredCpu;
  node.scoredMemory += factor * info.scoredMemory;
  if (info.hasAffinity) node.podsWithAffinity += factor;
}

/** A node as it would be without some pods or with one more; for preemption. */
export function nodeWith(node: NodeInfo, without: readonly PodInfo[], added: readonly PodInfo[] = []): NodeInfo {
  const copy: MutableNode = { ...(node as MutableNode), requested: new Map(node.requested), pods: new Map(node.pods) };
  for (const info of without) {
    if (copy.pods.delete(info.uid)) count(copy, info, -1);
  }
  for (const info of added) {
    copy.pods.set(info.uid, info);
    count(copy, info, 1);
  }
  return copy;
}

export class World {
  readonly #nodes = new Map<string, MutableNode>();
  /** Pods on nodes that are not known (yet). */
  readonly #placed = new Map<string, { info: PodInfo; nodeName: string }>();
  #list: readonly NodeInfo[] | undefined;
  #withAffinity: readonly NodeInfo[] | undefined;
  readonly #imageNodes = new Map<string, number>();

  get nodes(): readonly NodeInfo[] {
    this.#list ??= [...this.#nodes.values()];
    return this.#list;
  }

  node(name: string): NodeInfo | undefined {
    return this.#nodes.get(name);
  }

  get nodesWithAffinity(): readonly NodeInfo[] {
    this.#withAffinity ??= [...this.#nodes.values()].filter((node) => node.podsWithAffinity > 0);
    return this.#withAffinity;
  }

  imageNodes(name: string): number {
    return this.#imageNodes.get(name) ?? 0;
  }

  setNode(node: corev1.Node): void {
    const name = node.metadata!.name!;
    let known = this.#nodes.get(name);
    if (!known) {
      known = emptyNode(node);
      this.#nodes.set(name, known);
      this.#list = undefined;
      for (const { info, nodeName } of this.#placed.values()) {
        if (nodeName !== name) continue;
        known.pods.set(info.uid, info);
        this.#count(known, info, 1);
      }
    }
    known.node = node;
    known.allocatable = amountsOf(node.status?.allocatable);
    this.#countImages(known.images, -1);
    known.images = new Map(
      (node.status?.images ?? []).flatMap((image) => (image.names ?? []).map((n) => [n, image.sizeBytes ?? 0] as const)),
    );
    this.#countImages(known.images, 1);
  }

  removeNode(name: string): void {
    const node = this.#nodes.get(name);
    if (!node) return;
    this.#countImages(node.images, -1);
    this.#nodes.delete(name);
    this.#list = undefined;
    this.#withAffinity = undefined;
  }

  /** Puts a pod on a node, instead of where the same pod was before. */
  place(info: PodInfo, nodeName: string): void {
    this.remove(info.uid);
    this.#placed.set(info.uid, { info, nodeName });
    const node = this.#nodes.get(nodeName);
    if (!node) return;
    node.pods.set(info.uid, info);
    this.#count(node, info, 1);
  }

  remove(uid: string): void {
    const placed = this.#placed.get(uid);
    if (!placed) return;
    this.#placed.delete(uid);
    const node = this.#nodes.get(placed.nodeName);
    if (node?.pods.delete(uid)) this.#count(node, placed.info, -1);
  }

  nodeOf(uid: string): string | undefined {
    return this.#placed.get(uid)?.nodeName;
  }

  #count(node: MutableNode, info: PodInfo, factor: 1 | -1): void {
    count(node, info, factor);
    if (info.hasAffinity) this.#withAffinity = undefined;
  }

  #countImages(images: ReadonlyMap<string, number>, change: 1 | -1): void {
    for (const name of images.keys()) {
      const left = this.imageNodes(name) + change;
      if (left > 0) this.#imageNodes.set(name, left);
      else this.#imageNodes.delete(name);
    }
  }
}
