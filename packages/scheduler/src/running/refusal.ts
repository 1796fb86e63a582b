// What the scheduler writes about a pod that found no place: its condition and an event, and what becomes of a promised node
// (pkg/scheduler/schedule_one.go handleSchedulingFailure, framework/preemption/executor.go clearNominatedNodeName).
import { corev1, timeText } from '@tiphys/api';
import type { Client, SeriesRecorder } from '@tiphys/client';
import type { Runtime } from '@tiphys/runtime';

export interface Services {
  client: Client;
  runtime: Runtime;
  recorder: SeriesRecorder;
}

/** Longer notes are refused by the API server. */
const NOTE_LENGTH_MAX = 1024;

export const asEventObject = (pod: corev1.Pod) => ({ ...pod, apiVersion: 'v1', kind: 'Pod' });

export interface Verdict {
  /** Upstream's reasons: nothing fits, or trying itself failed. */
  reason: 'Unschedulable' | 'SchedulerError';
  message: string;
  /** A node that others are leaving for the pod; `''` takes back what was promised. */
  nominatedNodeName?: string | undefined;
}

export async function writeVerdict(pod: corev1.Pod, verdict: Verdict, { client, runtime, recorder }: Services): Promise<void> {
  const { name, namespace } = pod.metadata!;
  const { reason, message, nominatedNodeName } = verdict;
  const note = message.length > NOTE_LENGTH_MAX ? `${message.slice(0, NOTE_LENGTH_MAX - 4)} ...` : message;
  recorder.event(asEventObject(pod), 'Warning', 'FailedScheduling', note, { action: 'Scheduling' });
  const known = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  const nominationStays = nominatedNodeName === undefined || nominatedNodeName === (pod.status?.nominatedNodeName ?? '');
  if (known?.status === 'False' && known.message === message && known.reason === reason && nominationStays) return;
  const lastTransitionTime = known?.status === 'False' ? known.lastTransitionTime : timeText(runtime.clock.now());
  const condition: corev1.PodCondition = {
    type: 'PodScheduled',
    status: 'False',
    observedGeneration: pod.metadata!.generation,
    reason,
    message,
    lastTransitionTime,
  };
  const status = { conditions: [condition], ...(nominationStays ? {} : { nominatedNodeName: nominatedNodeName || null }) };
  await client.of(corev1.pods).patch(name!, namespace, 'strategic', { status }, { subresource: 'status' });
}

/** The node goes to a more important pod. */
export async function takeBackNomination({ metadata, status }: corev1.Pod, { client, runtime }: Services): Promise<void> {
  const { name, namespace } = metadata!;
  if (!status?.nominatedNodeName) return;
  try {
    await client.of(corev1.pods).patch(name!, namespace, 'strategic', { status: { nominatedNodeName: null } }, { subresource: 'status' });
  } catch (error) {
    runtime.log.debug('taking back a nomination failed', { pod: `${namespace}/${name}`, err: String(error) });
  }
}
