// The scheduling framework: what a plugin is and what it sees. A plugin is a small pure object; the names of the extension
// points are upstream's (docs: scheduling-framework; pkg/scheduler/framework/interface.go).
import type { corev1, storagev1 } from '@tiphys/api';
import type { Amounts, HostPort } from '@tiphys/machinery';

/** A pod with what the plugins look up again and again, worked out once. */
export interface PodInfo {
  pod: corev1.Pod;
  key: string;
  uid: string;
  requests: Amounts;
  /** For scoring: a container that asks for nothing counts as 100m cpu and 200 MiB. */
  scoredCpu: number;
  scoredMemory: number;
  hostPorts: readonly HostPort[];
  priority: number;
  hasAntiAffinity: boolean;
  /** Any affinity or anti-affinity to pods, required or preferred. */
  hasAffinity: boolean;
}

export interface NodeInfo {
  node: corev1.Node;
  name: string;
  allocatable: Amounts;
  requested: Amounts;
  scoredCpu: number;
  scoredMemory: number;
  pods: ReadonlyMap<string, PodInfo>;
  /** Container image name → size in bytes. */
  images: ReadonlyMap<string, number>;
}

export interface Snapshot {
  nodes: readonly NodeInfo[];
  /** Those with pods that have affinity or anti-affinity. */
  nodesWithAffinity: readonly NodeInfo[];
  /** How many nodes have the image. */
  imageNodes(name: string): number;
  node(name: string): NodeInfo | undefined;
  namespace(name: string): corev1.Namespace | undefined;
  claim(namespace: string, name: string): corev1.PersistentVolumeClaim | undefined;
  volume(name: string): corev1.PersistentVolume | undefined;
  volumes(): readonly corev1.PersistentVolume[];
  storageClass(name: string): storagev1.StorageClass | undefined;
  /** Names of volumes that claims of other pods are about to get. */
  promisedVolumes: ReadonlySet<string>;
}

/** Why not. Unresolvable: no pod's removal would help, so preemption need not look. */
export interface Refusal {
  reasons: readonly string[];
  unresolvable: boolean;
}

export const refuse = (reasons: readonly string[], unresolvable = false): Refusal => ({ reasons, unresolvable });

/** What happened in the cluster that may make a pod schedulable (upstream's ClusterEvent, coarser). */
export type ClusterEvent = 'NodeAdded' | 'NodeUpdated' | 'PodDeleted' | 'PodAdded' | 'PodUpdated' | 'VolumeChanged' | 'NamespaceUpdated';

export interface Plugin<State = unknown> {
  name: string;
  /** Once per pod, before any node. May refuse the pod everywhere, or hand a state to filter and score. `skip` leaves filter out. */
  preFilter?(pod: PodInfo, snapshot: Snapshot): { state?: State; refusal?: Refusal; skip?: boolean } | undefined;
  filter?(pod: PodInfo, node: NodeInfo, state: State): Refusal | undefined;
  preScore?(pod: PodInfo, feasible: readonly NodeInfo[], snapshot: Snapshot): State | undefined;
  /** Undefined from preScore skips scoring when the plugin has a preScore. */
  score?(pod: PodInfo, node: NodeInfo, state: State): number;
  /** Brings raw scores to 0…100. */
  normalize?(scores: number[]): void;
  weight?: number;
  /** Events after which a pod that this plugin refused is worth another try. */
  events: readonly ClusterEvent[];
}

export const SCORE_MAX = 100;

/** Scales so that the largest is 100; reverse turns few into good. */
export function normalizeByMax(scores: number[], reverse = false): void {
  const max = Math.max(0, ...scores);
  for (let i = 0; i < scores.length; i++) {
    if (max === 0) scores[i] = reverse ? SCORE_MAX : 0;
    else {
      const scaled = Math.floor((SCORE_MAX * scores[i]!) / max);
      scores[i] = reverse ? SCORE_MAX - scaled : scaled;
    }
  }
}
