// Which nodes need a daemon pod and which pods are too many (pkg/controller/daemon/daemon_controller.go, manage).
import type { corev1 } from '@tiphys/api';
import { REVISION_HASH_LABEL } from '../history/revisions.ts';
import { isAvailable, isReady, nodeOf, type Pod, phaseOf } from '../pods/pod-state.ts';
import { type Action, normal, note, wakeAt, warning } from '../runtime/actions.ts';
import { isDeleting, labelsOf, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';
import { allowsSurge, byAge, type DaemonSet, fitOf } from './pods.ts';

/** A failed pod is removed at once, and its next failure on the same node later and later. */
export const FAILED_FIRST_MS = 1000;
export const FAILED_MS_MAX = 15 * 60_000;

export interface Placement {
  set: DaemonSet;
  hash: string;
  nowMs: number;
  nodes: readonly corev1.Node[];
  podsByNode: ReadonlyMap<string, readonly Pod[]>;
  note(key: string): unknown;
}

export interface Changes {
  /** Names of nodes. */
  needed: string[];
  surplus: { pod: Pod; because: string }[];
  others: Action[];
}

interface Failures {
  delayMs: number;
  lastMs: number;
}

/** Removes failed and finished pods and answers the rest; the next removal of a failed pod may have to wait. */
function dropEnded({ set, nowMs, note: noted }: Placement, node: string, pods: readonly Pod[], changes: Changes): Pod[] {
  const running: Pod[] = [];
  for (const pod of pods) {
    if (isDeleting(pod)) continue;
    const subject = `daemon pod ${namespaceOf(pod)}/${nameOf(pod)} on node ${node}`;
    if (phaseOf(pod) === 'Succeeded') {
      changes.others.push(normal('SucceededDaemonPod', `Found succeeded ${subject}, will try to delete it`));
      changes.surplus.push({ pod, because: 'it has ended' });
    } else if (phaseOf(pod) === 'Failed') {
      const key = `${uidOf(set)}/${set.status?.observedGeneration ?? 0}/${node}`;
      const failures = noted(key) as Failures | undefined;
      if (failures && nowMs - failures.lastMs < failures.delayMs) {
        changes.others.push(wakeAt(failures.lastMs + failures.delayMs, 'a failed pod may be removed'));
        continue;
      }
      const forgotten = !failures || nowMs - failures.lastMs > 2 * FAILED_MS_MAX;
      const delayMs = forgotten ? FAILED_FIRST_MS : Math.min(FAILED_MS_MAX, failures.delayMs * 2);
      changes.others.push(note(key, { delayMs, lastMs: nowMs } satisfies Failures));
      changes.others.push(warning('FailedDaemonPod', `Found failed ${subject}, will try to kill it`));
      changes.surplus.push({ pod, because: 'it has failed' });
    } else running.push(pod);
  }
  return running;
}

/** While surging, an old ready pod may stay beside a new one that is not available yet; all others go. */
function dropSurging({ set, hash, nowMs }: Placement, running: readonly Pod[], changes: Changes): void {
  let fresh: Pod | undefined;
  let old: Pod | undefined;
  for (const pod of running) {
    const isNew = labelsOf(pod)[REVISION_HASH_LABEL] === hash;
    if (isNew && !fresh) fresh = pod;
    else if (!isNew && !old) old = pod;
    else changes.surplus.push({ pod, because: 'more than two on the node' });
  }
  if (!fresh || !old) return;
  if (!isReady(old)) changes.surplus.push({ pod: old, because: 'it is not ready and a new one is there' });
  else if (isAvailable(fresh, set.spec?.minReadySeconds ?? 0, nowMs)) {
    changes.surplus.push({ pod: old, because: 'the new one is available' });
  }
}

function placeOn(placement: Placement, node: corev1.Node, changes: Changes): void {
  const { set, podsByNode } = placement;
  const fit = fitOf(set, node);
  const pods = podsByNode.get(nameOf(node));
  if (fit.run && !pods) changes.needed.push(nameOf(node));
  else if (fit.stay) {
    const running = dropEnded(placement, nameOf(node), pods ?? [], changes).sort(byAge);
    if (allowsSurge(set)) {
      if (running.length > 1) dropSurging(placement, running, changes);
      else if (running.length === 0 && fit.run) changes.needed.push(nameOf(node));
    } else for (const pod of running.slice(1)) changes.surplus.push({ pod, because: 'more than one on the node' });
  } else for (const pod of pods ?? []) if (!isDeleting(pod)) changes.surplus.push({ pod, because: 'it does not belong on the node' });
}

export function place(placement: Placement): Changes {
  const changes: Changes = { needed: [], surplus: [], others: [] };
  for (const node of placement.nodes) placeOn(placement, node, changes);
  const names = new Set(placement.nodes.map(nameOf));
  for (const [node, pods] of placement.podsByNode) {
    if (names.has(node)) continue;
    for (const pod of pods) if (nodeOf(pod) === '') changes.surplus.push({ pod, because: 'its node is gone' });
  }
  return changes;
}
