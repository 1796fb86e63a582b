// Events about one pod and its containers.
import type { corev1 } from '@tiphys/api';
import type { EventRecorder, EventType } from '@tiphys/client';

export interface PodEvents {
  pod(type: EventType, reason: string, message: string): void;
  container(name: string, type: EventType, reason: string, message: string): void;
}

const listOf = ({ containers, initContainers = [] }: corev1.PodSpec, name: string): string => {
  if (containers.some((container) => container.name === name)) return 'containers';
  return initContainers.some((container) => container.name === name) ? 'initContainers' : 'ephemeralContainers';
};

export function podEvents(recorder: EventRecorder, pod: () => corev1.Pod): PodEvents {
  const about = () => ({ ...pod(), apiVersion: 'v1', kind: 'Pod' });
  return {
    pod: (type, reason, message) => recorder.event(about(), type, reason, message),
    container: (name, type, reason, message) =>
      recorder.event(about(), type, reason, message, { fieldPath: `spec.${listOf(pod().spec!, name)}{${name}}` }),
  };
}
