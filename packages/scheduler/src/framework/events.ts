// What happened in the cluster that may make a waiting pod schedulable (pkg/scheduler/framework/events.go, coarser: one event
// a kind of object and change).
import type { corev1, resourcev1 } from '@tiphys/api';

export type ClusterEvent =
  | 'NodeAdded'
  | 'NodeUpdated'
  | 'NodeDeleted'
  | 'PodAdded'
  | 'PodUpdated'
  | 'PodDeleted'
  | 'VolumeChanged'
  | 'ClaimChanged'
  | 'ResourceClaimChanged'
  | 'ResourceSliceChanged'
  | 'DeviceClassChanged'
  | 'NamespaceUpdated';

/** The object before and after, as far as there is one; nodes, pods and resource claims only. */
export interface Happening {
  event: ClusterEvent;
  node?: { old?: corev1.Node; new?: corev1.Node };
  pod?: { old?: corev1.Pod; new?: corev1.Pod };
  claim?: { old?: resourcev1.ResourceClaim; new?: resourcev1.ResourceClaim };
}

/** Whether it may help the waiting pod (upstream's QueueingHintFn). Wrong "yes" costs a try, wrong "no" a long wait. */
export type Hint = (waiting: corev1.Pod, happening: Happening) => boolean;

export type Hints = Partial<Record<ClusterEvent, Hint | true>>;

export function helps(hints: Hints, waiting: corev1.Pod, happening: Happening): boolean {
  const hint = hints[happening.event];
  return hint === true || (hint?.(waiting, happening) ?? false);
}
