// Plugins about room on a node: what fits, which node is the emptiest (or the fullest), and how evenly its resources are used
// (docs: resource-bin-packing; plugins/noderesources).
import { type Amounts, amountsOf, podRequests } from '@tiphys/machinery';
import type { DeviceView } from '../devices/device-world.ts';
import { deviceResources, isDeviceResource } from '../devices/extended.ts';
import { type DeviceTotals, deviceTotals } from '../devices/totals.ts';
import type { Hint } from '../framework/events.ts';
import { type Plugin, refuse, SCORE_MAX, type Snapshot } from '../framework/plugin.ts';
import type { NodeInfo, PodInfo } from '../world/infos.ts';

export interface ResourceWeight {
  name: string;
  weight: number;
}

/** A point of the function that gives a node's score by its utilization in percent; scores are 0…10. */
export interface ShapePoint {
  utilization: number;
  score: number;
}

export interface ScoringStrategy {
  type: 'LeastAllocated' | 'MostAllocated' | 'RequestedToCapacityRatio';
  resources: readonly ResourceWeight[];
  shape?: readonly ShapePoint[];
}

export interface FitArguments {
  ignoredResources?: readonly string[];
  ignoredResourceGroups?: readonly string[];
  scoringStrategy?: ScoringStrategy;
}

const NATIVE = ['cpu', 'memory', 'ephemeral-storage', 'pods'];
const CPU_AND_MEMORY: readonly ResourceWeight[] = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
];
const LEAST_ALLOCATED: ScoringStrategy = { type: 'LeastAllocated', resources: CPU_AND_MEMORY };

const amountsText = (amounts: Amounts): string => {
  let text = '';
  for (const [name, amount] of amounts) text += `${name}=${amount} `;
  return text;
};

/** A pod's requests decide both what fits and what counts as balanced. */
const signature = (pod: PodInfo): string => `${amountsText(pod.requests)}/ ${amountsText(pod.scored)}`;

/** Of the pod's requests, those that devices can serve where the node itself does not offer them. */
const backedByDevices = ({ requests }: PodInfo, { devices }: Snapshot): readonly string[] =>
  deviceResources(requests, undefined, (name) => devices.classFor(name) !== undefined);

/** Per cent of the capacity used → 0…100. */
type Rate = (used: number, capacity: number) => number;

const leastAllocated: Rate = (used, capacity) => (used > capacity ? 0 : Math.floor(((capacity - used) * SCORE_MAX) / capacity));
const mostAllocated: Rate = (used, capacity) => Math.floor((Math.min(used, capacity) * SCORE_MAX) / capacity);

/** Upstream's shapes score 0…10, nodes 0…100. */
const SHAPE_SCALE = 10;

function alongShape(shape: readonly ShapePoint[]): Rate {
  const points = shape.map(({ utilization, score }) => ({ utilization, score: score * SHAPE_SCALE }));
  return (used, capacity) => {
    const utilization = used > capacity ? 100 : Math.floor((used * 100) / capacity);
    const index = points.findIndex((point) => utilization <= point.utilization);
    if (index === 0) return points[0]!.score;
    if (index < 0) return points.at(-1)!.score;
    const [from, to] = [points[index - 1]!, points[index]!];
    return from.score + Math.trunc(((to.score - from.score) * (utilization - from.utilization)) / (to.utilization - from.utilization));
  };
}

/** With one of these in the weights, scores depend on devices as well, and can't be remembered for the node. */
const countsDevices = (resources: readonly ResourceWeight[]) => resources.some(({ name }) => isDeviceResource(name));

/** What the node has of a resource that it does not offer itself, from devices that a class lets stand for it. */
const fromDevices = (name: string, node: NodeInfo, devices: DeviceView | undefined): DeviceTotals | undefined =>
  devices && isDeviceResource(name) && !node.allocatable.get(name) ? deviceTotals(node.node, name, devices) : undefined;

/** The weighted mean over the resources that the node has. */
function strategyScore({ type, resources, shape }: ScoringStrategy): (pod: PodInfo, node: NodeInfo, devices?: DeviceView) => number {
  const isShaped = type === 'RequestedToCapacityRatio';
  const rate = isShaped ? alongShape(shape ?? []) : type === 'MostAllocated' ? mostAllocated : leastAllocated;
  return (pod, node, devices) => {
    let sum = 0;
    let weights = 0;
    for (const { name, weight } of resources) {
      const asked = pod.scored.get(name) ?? 0;
      if (asked === 0 && !NATIVE.includes(name)) continue;
      const totals = fromDevices(name, node, devices);
      const capacity = totals?.capacity ?? node.allocatable.get(name) ?? 0;
      if (capacity === 0) continue;
      const score = rate((totals?.taken ?? node.scored.get(name) ?? 0) + asked, capacity);
      // A shape may say that a resource is to be left out at this utilization.
      if (isShaped && score <= 0) continue;
      sum += score * weight;
      weights += weight;
    }
    if (weights === 0) return 0;
    return isShaped ? Math.round(sum / weights) : Math.floor(sum / weights);
  };
}

/** Why there is no room, with upstream's words; `requests` against what is free. */
function shortages(requests: Amounts, allocatable: Amounts, used: Amounts, isIgnored: (name: string) => boolean) {
  const reasons: string[] = [];
  let unresolvable = false;
  for (const [name, amount] of requests) {
    if (amount <= 0 || name === 'pods' || isIgnored(name)) continue;
    const capacity = allocatable.get(name) ?? 0;
    if (amount <= capacity - (used.get(name) ?? 0)) continue;
    reasons.push(`Insufficient ${name}`);
    unresolvable ||= amount > capacity;
  }
  return { reasons, unresolvable };
}

const NOTHING: Amounts = new Map();

/** An empty node of that shape would do, and it grew in something that the pod asks for. */
const nodeGrew: Hint = (waiting, { node }) => {
  const requests = podRequests(waiting);
  const now = amountsOf(node?.new?.status?.allocatable);
  if (shortages(requests, now, NOTHING, () => false).reasons.length > 0) return false;
  if (!node?.old) return true;
  const before = amountsOf(node.old.status?.allocatable);
  return ['pods', ...requests.keys()].some((name) => (now.get(name) ?? 0) > (before.get(name) ?? 0));
};

const podShrank: Hint = (waiting, { pod }) => {
  if (!pod?.old || !pod.new) return true;
  const [before, now] = [podRequests(pod.old), podRequests(pod.new)];
  const asked = podRequests(waiting);
  return [...before].some(([name, amount]) => amount > (now.get(name) ?? 0) && (asked.get(name) ?? 0) > 0);
};

const wasPlaced: Hint = (_waiting, { pod }) => Boolean(pod?.old?.spec?.nodeName || pod?.old?.status?.nominatedNodeName);

export function nodeResourcesFit(given: FitArguments = {}): Plugin {
  const { ignoredResources = [], ignoredResourceGroups = [], scoringStrategy = LEAST_ALLOCATED } = given;
  const withDevices = countsDevices(scoringStrategy.resources);
  const score = strategyScore(scoringStrategy);
  const isIgnored = (name: string) => ignoredResources.includes(name) || ignoredResourceGroups.includes(name.split('/', 1)[0]!);
  return {
    name: 'NodeResourcesFit',
    weight: 1,
    events: { NodeAdded: nodeGrew, NodeUpdated: nodeGrew, PodDeleted: wasPlaced, PodUpdated: podShrank, DeviceClassChanged: true },
    signature: (pod, snapshot) => (withDevices ? undefined : `${signature(pod)}/ ${backedByDevices(pod, snapshot).join(' ')}`),
    preFilter: (pod, snapshot) => ({ state: backedByDevices(pod, snapshot) }),
    filter: ({ requests }, node, backed: readonly string[]) => {
      const isLeftOut = (name: string) => isIgnored(name) || (backed.includes(name) && !node.allocatable.get(name));
      const { reasons, unresolvable } = shortages(requests, node.allocatable, node.requested, isLeftOut);
      if (node.pods.size + 1 > (node.allocatable.get('pods') ?? 0)) reasons.unshift('Too many pods');
      return reasons.length > 0 ? refuse(reasons, unresolvable) : undefined;
    },
    ...(withDevices ? { preScore: (_pod, _feasible, { devices }) => devices } : {}),
    score: (pod, node, devices: unknown) => score(pod, node, withDevices ? (devices as DeviceView) : undefined),
  };
}

/** 100 when all resources are used in the same share, less the further they are apart (by the standard deviation). */
function balance(used: readonly number[], capacities: readonly number[]): number {
  const shares = used.flatMap((amount, index) => (capacities[index]! > 0 ? [Math.min(1, amount / capacities[index]!)] : []));
  if (shares.length < 2) return SCORE_MAX;
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const deviation =
    shares.length === 2
      ? Math.abs(shares[0]! - shares[1]!) / 2
      : Math.sqrt(shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length);
  return Math.trunc((1 - deviation) * SCORE_MAX);
}

const asked = (of: Amounts, resources: readonly ResourceWeight[]) => resources.map(({ name }) => of.get(name) ?? 0);

interface Wanted {
  amounts: readonly number[];
  devices?: DeviceView;
}

/** Whether the pod makes the node more even than it is. Pods that ask for nothing are not judged (they would all go one way). */
export function nodeResourcesBalancedAllocation({ resources = CPU_AND_MEMORY }: { resources?: readonly ResourceWeight[] } = {}): Plugin {
  const withDevices = countsDevices(resources);
  return {
    name: 'NodeResourcesBalancedAllocation',
    weight: 1,
    events: {},
    signature: (pod) => (withDevices ? undefined : signature(pod)),
    preScore: ({ requests }, _feasible, { devices }): Wanted | undefined => {
      const amounts = asked(requests, resources);
      return amounts.some((amount) => amount > 0) ? { amounts, ...(withDevices ? { devices } : {}) } : undefined;
    },
    score: (_pod, node, { amounts: wanted, devices }: Wanted) => {
      const counts = resources.map(({ name }, index) => wanted[index]! > 0 || NATIVE.includes(name));
      const totals = resources.map(({ name }) => fromDevices(name, node, devices));
      const capacities = resources.map(({ name }, index) =>
        counts[index] ? (totals[index]?.capacity ?? node.allocatable.get(name) ?? 0) : 0,
      );
      const used = resources.map(({ name }, index) => totals[index]?.taken ?? node.requested.get(name) ?? 0);
      const withPod = balance(
        used.map((amount, index) => amount + wanted[index]!),
        capacities,
      );
      return SCORE_MAX / 2 + Math.trunc((SCORE_MAX / 2 + withPod - balance(used, capacities)) / 2);
    },
  };
}
