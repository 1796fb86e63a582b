// Everything that is asked before a pod may run here, in upstream's order (kubelet.go, where handlers are appended). Pure.
import type { corev1 } from '@tiphys/api';
import { pressureRefusal } from '../eviction/pressure.ts';
import type { Pressure } from '../eviction/signals.ts';
import { isCritical } from '../pod-worker/qos.ts';
import { problemsOf, type Refusal } from './admission.ts';
import { appArmorRefusal } from './app-armor.ts';
import { podsToPreempt, stillMissing } from './preemption.ts';
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

export interface Admission {
  refusal?: Refusal;
  /** Pods that make room for this one. */
  toPreempt: readonly corev1.Pod[];
}

const refused = (refusal: Refusal): Admission => ({ refusal, toPreempt: [] });

/** Whether the pod fits; one that the cluster can't do without makes others give way. */
function fit(pod: corev1.Pod, node: corev1.Node, others: readonly corev1.Pod[]): Admission {
  const problems = problemsOf(pod, node, others);
  const [first] = problems;
  if (!first) return { toPreempt: [] };
  if (!isCritical(pod)) return refused(first);
  const lasting = problems.find(({ shortage }) => !shortage);
  if (lasting) return refused(lasting);
  const missing = problems.flatMap(({ shortage }) => shortage ?? []);
  const toPreempt = podsToPreempt(pod, others, missing);
  if (toPreempt) return { toPreempt };
  const list = stillMissing(pod, others, missing)
    .map(({ resource, missing: quantity }) => `(res: ${resource}, q: ${quantity}), `)
    .join('');
  const why = `preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [${list}]`;
  return refused({
    reason: 'UnexpectedAdmissionError',
    message: `Unexpected error while attempting to recover from admission failure: ${why}`,
  });
}

export function admissionOf(pod: corev1.Pod, { node, others, pressures, hasAppArmor }: AdmissionFacts): Admission {
  const before =
    pressureRefusal(pod, pressures) ?? sysctlRefusal(pod, node.status?.nodeInfo?.kernelVersion ?? '') ?? unsupported(pod, node);
  if (before) return refused(before);
  const fits = fit(pod, node, others);
  const after = fits.refusal ? undefined : appArmorRefusal(pod, hasAppArmor);
  return after ? refused(after) : fits;
}
