// What the scheduler writes about a pod that found no place: its condition, an event, and the end of pods that must make room
// (pkg/scheduler/schedule_one.go handleSchedulingFailure, framework/preemption/executor.go).
import { corev1, timeText } from '@tiphys/api';
import type { Client, SeriesRecorder } from '@tiphys/client';
import { isConflict, isNotFound } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import type { PodInfo } from '../world/infos.ts';

interface Services {
  client: Client;
  runtime: Runtime;
  recorder: SeriesRecorder;
}

/** Longer notes are refused by the API server. */
const NOTE_LENGTH_MAX = 1024;

const asEventObject = (pod: corev1.Pod) => ({ ...pod, apiVersion: 'v1', kind: 'Pod' });

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
export async function takeBackNomination({ metadata }: corev1.Pod, { client, runtime }: Services): Promise<void> {
  const { name, namespace } = metadata!;
  try {
    await client.of(corev1.pods).patch(name!, namespace, 'strategic', { status: { nominatedNodeName: null } }, { subresource: 'status' });
  } catch (error) {
    runtime.log.debug('taking back a nomination failed', { pod: `${namespace}/${name}`, err: String(error) });
  }
}

/** Ends the victims, with the reason in their status first. Pods that are gone or going already are as good. */
export async function evictVictims(
  pod: corev1.Pod,
  victims: readonly PodInfo[],
  nodeName: string,
  schedulerName: string,
  { client, runtime, recorder }: Services,
): Promise<void> {
  const pods = client.of(corev1.pods);
  const evict = async ({ pod: victim }: PodInfo) => {
    const { name, namespace, uid, deletionTimestamp, generation } = victim.metadata!;
    if (deletionTimestamp) return;
    const condition: corev1.PodCondition = {
      type: 'DisruptionTarget',
      status: 'True',
      observedGeneration: generation,
      reason: 'PreemptionByScheduler',
      message: `${schedulerName}: preempting to accommodate a higher priority pod`,
      lastTransitionTime: timeText(runtime.clock.now()),
    };
    try {
      await pods.patch(name!, namespace, 'strategic', { status: { conditions: [condition] } }, { subresource: 'status' });
      await pods.delete(name!, namespace, { preconditions: { uid } });
      const note = `Preempted by pod ${pod.metadata!.uid} on node ${nodeName}`;
      recorder.event(asEventObject(victim), 'Normal', 'Preempted', note, { action: 'Preempting', related: asEventObject(pod) });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  };
  await Promise.all(victims.map(evict));
}
