// The Node object as a kubelet registers it and keeps its status (kubelet_node_status.go, nodestatus/setters.go). Pure.
import type { corev1 } from '@tiphys/api';
import type { Pressure } from '../eviction/signals.ts';
import type { MachineFacts } from './machine.ts';

export const KUBELET_VERSION = 'v1.36.3';
export const PODS_MAX = 110;
/** Upstream's nodeStatusMaxImages. */
const IMAGES_MAX = 50;
/** Kept for the machine itself, as upstream's default eviction threshold does. */
const RESERVED_MEMORY_BYTES = 100 * 1024 * 1024;
const EPHEMERAL_SHARE = 0.9;

/** What the container runtime says it can do; older ones say nothing. */
export interface RuntimeFeatures {
  handlers: readonly { name?: string; features?: { recursiveReadOnlyMounts?: boolean; userNamespaces?: boolean } }[];
  supplementalGroupsPolicy: boolean;
}

export interface NodeFacts {
  name: string;
  machine: MachineFacts;
  address: string;
  runtimeVersion: string;
  /** Port of the node's own HTTPS server. */
  port: number;
  podCidr: string;
  images: readonly corev1.ContainerImage[];
  volumesInUse: readonly string[];
  /** Why the node is not ready; empty when it is. */
  problems: readonly string[];
  /** What the node is short of. */
  pressures?: readonly Pressure[];
  features?: RuntimeFeatures;
  labels?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
  taints?: readonly corev1.Taint[];
}

const kibi = (bytes: number) => `${Math.floor(bytes / 1024)}Ki`;

export function capacityOf(machine: MachineFacts): Record<string, string> {
  return {
    cpu: String(machine.cpus),
    'ephemeral-storage': kibi(machine.ephemeralStorageBytes),
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: kibi(machine.memoryBytes),
    pods: String(PODS_MAX),
  };
}

export function allocatableOf(machine: MachineFacts): Record<string, string> {
  return {
    ...capacityOf(machine),
    'ephemeral-storage': String(Math.floor(machine.ephemeralStorageBytes * EPHEMERAL_SHARE)),
    memory: kibi(Math.max(0, machine.memoryBytes - RESERVED_MEMORY_BYTES)),
  };
}

export function nodeLabels(name: string, machine: MachineFacts): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': machine.architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': machine.architecture,
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
  };
}

/** What upstream lets nodes say they can do, sorted (KEP-5328), as far as this one can. */
const DECLARED_FEATURES: readonly string[] = [
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'RestartAllContainersOnContainerExits',
];

type Draft = [type: string, status: string, reason: string, message: string];

const PRESSURES: Readonly<Record<Pressure, { high: [string, string]; low: [string, string] }>> = {
  MemoryPressure: {
    high: ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
    low: ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  },
  DiskPressure: {
    high: ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
    low: ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  },
  PIDPressure: {
    high: ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
    low: ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  },
};

function conditions({ problems, pressures = [] }: NodeFacts, old: corev1.NodeStatus | undefined, now: string): corev1.NodeCondition[] {
  const drafts: Draft[] = [
    ...(Object.keys(PRESSURES) as Pressure[]).map((type): Draft => {
      const isHigh = pressures.includes(type);
      return [type, isHigh ? 'True' : 'False', ...PRESSURES[type][isHigh ? 'high' : 'low']];
    }),
    problems.length === 0
      ? ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status']
      : ['Ready', 'False', 'KubeletNotReady', problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`],
  ];
  return drafts.map(([type, status, reason, message]) => {
    const before = old?.conditions?.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === status && before.lastTransitionTime ? before.lastTransitionTime : now;
    return { type, status, lastHeartbeatTime: now, lastTransitionTime, reason, message };
  });
}

export function nodeStatus(facts: NodeFacts, old: corev1.NodeStatus | undefined, now: string): corev1.NodeStatus {
  const { machine } = facts;
  const foreign = (old?.conditions ?? []).filter(({ type }) => type !== 'Ready' && !Object.hasOwn(PRESSURES, type));
  return {
    capacity: capacityOf(machine),
    allocatable: allocatableOf(machine),
    conditions: [...foreign, ...conditions(facts, old, now)],
    addresses: [
      { type: 'InternalIP', address: facts.address },
      { type: 'Hostname', address: facts.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: facts.port } },
    nodeInfo: {
      machineID: machine.machineId,
      systemUUID: machine.systemUuid,
      bootID: machine.bootId,
      kernelVersion: machine.kernel,
      osImage: machine.osImage,
      containerRuntimeVersion: facts.runtimeVersion,
      kubeletVersion: KUBELET_VERSION,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: machine.architecture,
    },
    images: [...facts.images].sort((a, b) => (b.sizeBytes ?? 0) - (a.sizeBytes ?? 0)).slice(0, IMAGES_MAX),
    ...(facts.volumesInUse.length > 0 ? { volumesInUse: [...facts.volumesInUse] } : {}),
    ...(facts.features?.handlers.length
      ? {
          runtimeHandlers: facts.features.handlers.map(({ name = '', features }) => ({
            name,
            features: {
              recursiveReadOnlyMounts: features?.recursiveReadOnlyMounts === true,
              userNamespaces: features?.userNamespaces === true,
            },
          })),
        }
      : {}),
    declaredFeatures: [...DECLARED_FEATURES],
    features: { supplementalGroupsPolicy: facts.features?.supplementalGroupsPolicy === true },
  };
}

export const nodeAnnotations = ({ annotations }: NodeFacts): Record<string, string> => ({
  'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
  ...annotations,
});

export function nodeObject(facts: NodeFacts, now: string): corev1.Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: facts.name,
      labels: { ...nodeLabels(facts.name, facts.machine), ...facts.labels },
      annotations: nodeAnnotations(facts),
    },
    spec: {
      ...(facts.podCidr ? { podCIDR: facts.podCidr, podCIDRs: [facts.podCidr] } : {}),
      ...(facts.taints?.length ? { taints: [...facts.taints] } : {}),
    },
    status: nodeStatus(facts, undefined, now),
  };
}
