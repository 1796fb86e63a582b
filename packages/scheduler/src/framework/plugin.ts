// The scheduling framework: what a plugin is and what it sees. A plugin is a small object without state of its own; the names of
// the extension points are upstream's (docs: scheduling-framework; k8s.io/kube-scheduler/framework/interface.go).
import type { corev1, policyv1, storagev1 } from '@tiphys/api';
import type { DeviceView } from '../devices/device-world.ts';
import type { NodeInfo, PodInfo } from '../world/infos.ts';
import type { Tally, TallyDefinition } from '../world/tally.ts';
import type { Wish } from '../world/wishes.ts';
import type { Hints } from './events.ts';

/** What the caches show: the cluster at the moment a pod is tried. */
export interface Snapshot {
  readonly nodes: readonly NodeInfo[];
  /** How many nodes have the image. */
  imageNodes(name: string): number;
  node(name: string): NodeInfo | undefined;
  /** Pods per topology domain, counted as pods come and go rather than anew for every pod. */
  tally(definition: TallyDefinition): Tally;
  /** Wishes of placed pods that are about this pod. */
  wishesAbout(pod: PodInfo): readonly Wish[];
  /** Pods that were promised the node when others made room for them. */
  nominated(nodeName: string): readonly PodInfo[];
  /** Whether any node was promised to anybody. */
  readonly hasNominations: boolean;
  namespace(name: string): corev1.Namespace | undefined;
  /** Selectors of services, replica sets and the like that select the pod, all of them together; for default spreading. */
  ownersSelector(pod: corev1.Pod): { key: string; matches(labels: Readonly<Record<string, string>>): boolean } | undefined;
  claim(namespace: string, name: string): corev1.PersistentVolumeClaim | undefined;
  volume(name: string): corev1.PersistentVolume | undefined;
  volumes(): readonly corev1.PersistentVolume[];
  storageClass(name: string): storagev1.StorageClass | undefined;
  volumeLimits(nodeName: string): storagev1.CSINode | undefined;
  /** Whether a placed pod uses the claim, as `namespace/name`. */
  claimUsers(claim: string): number;
  budgets(): readonly policyv1.PodDisruptionBudget[];
  /** Names of volumes that claims of other pods are about to get. */
  readonly promisedVolumes: ReadonlySet<string>;
  /** Resource claims and the devices there are for them. */
  readonly devices: DeviceView;
}

/** Why not. Unresolvable: no pod's removal would help, so preemption need not look. */
export interface Refusal {
  reasons: readonly string[];
  unresolvable: boolean;
}

export const refuse = (reasons: readonly string[], unresolvable = false): Refusal => ({ reasons, unresolvable });

export interface PreFilterResult<State> {
  state?: State;
  /** The pod fits nowhere. */
  refusal?: Refusal;
  /** The filter has nothing to say about this pod. */
  skip?: boolean;
  /** No other nodes need be looked at. */
  nodeNames?: ReadonlySet<string>;
}

/** A pod that is added to (1) or taken from (-1) a node in thought. */
export interface Change {
  pod: PodInfo;
  node: NodeInfo;
  by: 1 | -1;
}

/** What a plugin holds for a pod from the decision until it is bound. */
export interface Reservation {
  /** Gives back. Called when the pod is not bound after all. */
  undo?(): void;
  /** What must be done before the binding, such as making volumes. Rejects to try the pod again. */
  preBind?(signal: AbortSignal): Promise<void>;
  /** Called once the pod is bound. */
  postBind?(): void;
}

/** What a plugin can do for a pod that fits nowhere. */
export interface PostFilterAnswer {
  /** For the pod's condition. */
  reason: string;
  act?(): Promise<void>;
}

export type Permission = 'allow' | Refusal | { waitMs: number };

export interface Plugin<State = any> {
  name: string;
  weight?: number;
  /** Whether the pod may be tried at all. Looked at again whenever the pod changes, or one of the plugin's events says so. */
  preEnqueue?(pod: corev1.Pod, snapshot: Snapshot): Refusal | undefined;
  /**
   * Set by plugins whose filter and score look at nothing but pod and node: what of the pod they look at, as text. Pods of equal text get equal
   * answers, which are remembered for a node until it changes. `undefined`: this pod is not one of those.
   */
  signature?(pod: PodInfo, snapshot: Snapshot): string | undefined;
  /** Once per pod, before any node. */
  preFilter?(pod: PodInfo, snapshot: Snapshot): PreFilterResult<State> | undefined;
  filter?(pod: PodInfo, node: NodeInfo, state: State): Refusal | undefined;
  /** The state as it would be after the change; the given state stays as it is (upstream's AddPod and RemovePod). */
  afterChange?(state: State, pod: PodInfo, change: Change): State;
  /** `state` is what preFilter gave. */
  preScore?(pod: PodInfo, feasible: readonly NodeInfo[], snapshot: Snapshot, state: State | undefined): unknown;
  /** With a preScore that gave undefined the plugin does not score. */
  score?(pod: PodInfo, node: NodeInfo, state: any): number;
  /** Brings raw scores to 0…100. */
  normalize?(scores: number[], feasible: readonly NodeInfo[], state: any): void;
  /** Takes hold of what the pod needs on the node; a refusal sends the pod back. */
  reserve?(pod: PodInfo, node: NodeInfo, snapshot: Snapshot, state: State | undefined): Reservation | Refusal | undefined;
  /** Asked when no node was left, before preemption; without a state when preFilter had none. */
  postFilter?(pod: PodInfo, state: State | undefined): PostFilterAnswer;
  permit?(pod: PodInfo, nodeName: string): Permission;
  /** Events after which a pod that this plugin refused is worth another try. */
  events: Hints;
}

export const SCORE_MAX = 100;

export const isRefusal = (value: object | undefined): value is Refusal => value !== undefined && 'reasons' in value;

/** Scales so that the largest is 100; reverse turns few into good. */
export function normalizeByMax(scores: number[], reverse = false): void {
  let max = 0;
  for (const score of scores) if (score > max) max = score;
  for (let i = 0; i < scores.length; i++) {
    const scaled = max === 0 ? 0 : Math.floor((SCORE_MAX * scores[i]!) / max);
    scores[i] = reverse ? SCORE_MAX - scaled : scaled;
  }
}
