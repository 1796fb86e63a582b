// Nodes, pods and a snapshot of them made by hand, for tests of decisions.
import type { corev1 } from '@tiphys/api';
import { DeviceWorld } from '../devices/device-world.ts';
import type { Snapshot } from '../framework/plugin.ts';
import { podInfo } from '../world/infos.ts';
import { World } from '../world/world.ts';

export interface NodeShape {
  cpu?: string;
  labels?: Record<string, string>;
  taints?: corev1.Taint[];
  unschedulable?: boolean;
}

export function node(name: string, { cpu = '4', labels = {}, taints, unschedulable }: NodeShape = {}): corev1.Node {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec: { taints, unschedulable },
    status: { allocatable: { cpu, memory: '8Gi', pods: '110' } },
  };
}

let sequence = 0;
export function pod(name: string, spec: Partial<corev1.PodSpec> & { cpu?: string } = {}, labels: Record<string, string> = {}): corev1.Pod {
  const { cpu, ...rest } = spec;
  const containers = [{ name: 'c', image: 'i', resources: { requests: cpu ? { cpu } : {} }, ports: [] as corev1.ContainerPort[] }];
  return {
    metadata: { name, namespace: 'default', uid: `${name}-${sequence++}`, labels },
    spec: { containers, ...rest } as corev1.PodSpec,
  };
}

const NO_VOLUMES: ReadonlySet<string> = new Set();

/** What the world knows, and of everything else what is given. */
export function snapshotOfWorld(world: World, more: Partial<Snapshot> = {}): Snapshot {
  return {
    get nodes() {
      return world.nodes;
    },
    imageNodes: (name) => world.imageNodes(name),
    node: (name) => world.node(name),
    tally: (definition) => world.tally(definition),
    wishesAbout: (info) => world.wishesAbout(info),
    nominated: (name) => world.nominated(name),
    get hasNominations() {
      return world.hasNominations;
    },
    claimUsers: (claim) => world.claimUsers(claim),
    namespace: () => undefined,
    ownersSelector: () => undefined,
    claim: () => undefined,
    volume: () => undefined,
    volumes: () => [],
    storageClass: () => undefined,
    volumeLimits: () => undefined,
    budgets: () => [],
    promisedVolumes: NO_VOLUMES,
    devices: new DeviceWorld(),
    ...more,
  };
}

export function worldOf(nodes: readonly corev1.Node[], placed: readonly (readonly [corev1.Pod, string])[] = []): World {
  const world = new World(() => ({}));
  for (const one of nodes) world.setNode(one);
  for (const [one, name] of placed) world.place(podInfo(one), name);
  return world;
}

export const snapshotOf = (nodes: readonly corev1.Node[], placed: readonly (readonly [corev1.Pod, string])[] = []): Snapshot =>
  snapshotOfWorld(worldOf(nodes, placed));
