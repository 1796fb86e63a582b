// Plugins about room on a node: fit, least allocated, balanced, images that are there already.
import { type NodeInfo, type Plugin, type PodInfo, refuse, SCORE_MAX } from '../framework.ts';

export const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  weight: 1,
  events: ['NodeAdded', 'NodeUpdated', 'PodDeleted', 'PodUpdated'],
  filter: ({ requests }, node) => {
    const reasons: string[] = [];
    let unresolvable = false;
    if (node.pods.size + 1 > (node.allocatable.get('pods') ?? 0)) reasons.push('Too many pods');
    for (const [name, amount] of requests) {
      if (amount <= 0 || name === 'pods') continue;
      const capacity = node.allocatable.get(name) ?? 0;
      if (amount <= capacity - (node.requested.get(name) ?? 0)) continue;
      reasons.push(`Insufficient ${name}`);
      unresolvable ||= amount > capacity;
    }
    return reasons.length > 0 ? refuse(reasons, unresolvable) : undefined;
  },
  score: (pod, node) => {
    const free = (asked: number, name: string) => {
      const capacity = node.allocatable.get(name) ?? 0;
      return capacity === 0 ? undefined : asked > capacity ? 0 : Math.floor(((capacity - asked) * SCORE_MAX) / capacity);
    };
    const parts = [free(node.scoredCpu + pod.scoredCpu, 'cpu'), free(node.scoredMemory + pod.scoredMemory, 'memory')].filter(
      (part) => part !== undefined,
    );
    return parts.length === 0 ? 0 : Math.floor(parts.reduce((sum, part) => sum + part, 0) / parts.length);
  },
};

/** 100 when cpu and memory are used in the same share, less the further they are apart. */
function balance(node: NodeInfo, cpu: number, memory: number): number {
  const fractions: number[] = [];
  for (const [name, asked] of [
    ['cpu', cpu],
    ['memory', memory],
  ] as const) {
    const capacity = node.allocatable.get(name) ?? 0;
    if (capacity > 0) fractions.push(Math.min(1, asked / capacity));
  }
  const deviation = fractions.length === 2 ? Math.abs(fractions[0]! - fractions[1]!) / 2 : 0;
  return Math.floor((1 - deviation) * SCORE_MAX);
}

const requestedOf = (pod: PodInfo, name: string) => pod.requests.get(name) ?? 0;

export const nodeResourcesBalancedAllocation: Plugin<true> = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  events: [],
  preScore: (pod) => (requestedOf(pod, 'cpu') > 0 || requestedOf(pod, 'memory') > 0 ? true : undefined),
  score: (pod, node) => {
    const cpu = node.requested.get('cpu') ?? 0;
    const memory = node.requested.get('memory') ?? 0;
    const withPod = balance(node, cpu + requestedOf(pod, 'cpu'), memory + requestedOf(pod, 'memory'));
    return SCORE_MAX / 2 + Math.floor((SCORE_MAX / 2 + withPod - balance(node, cpu, memory)) / 2);
  },
};

const MEBIBYTE = 1024 * 1024;
const IMAGE_BYTES_MIN = 23 * MEBIBYTE;
const CONTAINER_BYTES_MAX = 1000 * MEBIBYTE;

function normalizedImageName(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image;
}

export const imageLocality: Plugin<{ spread: Map<string, number>; nodeCount: number }> = {
  name: 'ImageLocality',
  weight: 1,
  events: [],
  preScore: ({ pod }, _feasible, snapshot) => {
    const spread = new Map<string, number>();
    for (const container of pod.spec!.containers) {
      const image = normalizedImageName(container.image ?? '');
      spread.set(image, snapshot.imageNodes(image));
    }
    return [...spread.values()].some((count) => count > 0) ? { spread, nodeCount: snapshot.nodes.length } : undefined;
  },
  score: ({ pod }, node, { spread, nodeCount }) => {
    const { containers } = pod.spec!;
    let bytes = 0;
    for (const container of containers) {
      const image = normalizedImageName(container.image ?? '');
      bytes += Math.floor((node.images.get(image) ?? 0) * ((spread.get(image) ?? 0) / nodeCount));
    }
    const max = CONTAINER_BYTES_MAX * containers.length;
    return Math.floor((SCORE_MAX * (Math.min(Math.max(bytes, IMAGE_BYTES_MIN), max) - IMAGE_BYTES_MIN)) / (max - IMAGE_BYTES_MIN));
  },
};
