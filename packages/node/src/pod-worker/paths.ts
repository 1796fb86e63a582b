// Where a pod's logs lie, in the layout that log collectors know from /var/log/pods (kuberuntime/helpers.go).
import { join } from 'node:path';
import type { corev1 } from '@tiphys/api';

/** The folder of the node below the data folder. */
export const nodeDirectory = (directory: string): string => join(directory, 'kubelet');

export function podLogDirectory(directory: string, pod: corev1.Pod): string {
  const { namespace, name, uid } = pod.metadata!;
  return join(directory, 'logs', 'pods', `${namespace}_${name}_${uid}`);
}

/** The log of one run of a container; `.1`, `.2` … and gzipped ones beside it are older parts of the same run. */
export function podLogPath(directory: string, pod: corev1.Pod, container: string, restartCount: number): string {
  return join(podLogDirectory(directory, pod), container, `${restartCount}.log`);
}
