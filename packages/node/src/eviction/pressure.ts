// Which of its pressures a node is under: from the moment a threshold is crossed until some minutes after it was last
// (pkg/kubelet/eviction/eviction_manager.go synchronize), and which pods such a node still takes (Admit). Pure.
import type { corev1 } from '@tiphys/api';
import { tolerates } from '@tiphys/machinery';
import type { Refusal } from '../node/admission.ts';
import { isCritical, qosOf } from '../pod-worker/qos.ts';
import { type Pressure, SIGNALS, type Threshold } from './signals.ts';

/** Upstream's evictionPressureTransitionPeriod. */
export const TRANSITION_MS = 5 * 60_000;

/** When each pressure was last seen. */
export type Seen = ReadonlyMap<Pressure, number>;

export function pressuresSeen(before: Seen, met: readonly Threshold[], nowMs: number): Seen {
  return new Map([...before, ...met.map(({ signal }): [Pressure, number] => [SIGNALS[signal].pressure, nowMs])]);
}

export const pressuresAt = (seen: Seen, nowMs: number, transitionMs = TRANSITION_MS): Pressure[] =>
  [...seen].flatMap(([pressure, atMs]) => (nowMs - atMs < transitionMs ? [pressure] : []));

const MEMORY_TAINT: corev1.Taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' };

export function pressureRefusal(pod: corev1.Pod, pressures: readonly Pressure[]): Refusal | undefined {
  if (pressures.length === 0 || isCritical(pod)) return undefined;
  if (pressures.length === 1 && pressures[0] === 'MemoryPressure') {
    if (qosOf(pod) !== 'BestEffort') return undefined;
    if ((pod.spec!.tolerations ?? []).some((toleration) => tolerates(toleration, MEMORY_TAINT))) return undefined;
  }
  return { reason: 'Evicted', message: `The node had condition: [${pressures.join(' ')}]. ` };
}
