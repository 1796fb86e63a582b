// Everything that is asked before a pod may run here, in upstream's order (kubelet.go, where handlers are appended). Pure.
import type { corev1 } from '@tiphys/api';
import { pressureRefusal } from '../eviction/pressure.ts';
import type { Pressure } from '../eviction/signals.ts';
import { admitPod, type Refusal } from './admission.ts';
import { appArmorRefusal } from './app-armor.ts';
import { sysctlRefusal } from './sysctls.ts';

export interface AdmissionFacts {
  node: corev1.Node;
  /** Pods that count on this node already. */
  others: readonly corev1.Pod[];
  pressures: readonly Pressure[];
  hasAppArmor: boolean;
}

const OS_LABEL = 'kubernetes.io/os';

/** What this machine can't do for a pod, whoever else runs here. */
function unsupported(pod: corev1.Pod, { status }: corev1.Node): Refusal | undefined {
  const wanted = pod.metadata!.labels?.[OS_LABEL];
  if (wanted !== undefined && wanted !== 'linux') {
    const message = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label";
    return { reason: 'PodOSSelectorNodeLabelDoesNotMatch', message };
  }
  if (pod.spec!.os && pod.spec!.os.name !== 'linux') {
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  }
  if (pod.spec!.securityContext?.supplementalGroupsPolicy === 'Strict' && !status?.features?.supplementalGroupsPolicy) {
    const message = 'SupplementalGroupsPolicy=Strict is not supported in this node';
    return { reason: 'SupplementalGroupsPolicyNotSupported', message };
  }
  return undefined;
}

export function refusalOf(pod: corev1.Pod, { node, others, pressures, hasAppArmor }: AdmissionFacts): Refusal | undefined {
  return (
    pressureRefusal(pod, pressures) ??
    sysctlRefusal(pod, node.status?.nodeInfo?.kernelVersion ?? '') ??
    unsupported(pod, node) ??
    admitPod(pod, node, others) ??
    appArmorRefusal(pod, hasAppArmor)
  );
}
