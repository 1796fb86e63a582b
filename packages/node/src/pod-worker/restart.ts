// Whether a container runs again after it ended (pkg/kubelet/container/helpers.go ShouldContainerBeRestarted;
// KEP-5307 container restart rules).
import type { corev1 } from '@tiphys/api';
import { newestOf, type PodRuntime, type RuntimeContainer } from './pod-runtime.ts';

function ruleMatches(rule: corev1.ContainerRestartRule, exitCode: number): boolean {
  const { exitCodes } = rule;
  if (!exitCodes) return false;
  const listed = (exitCodes.values ?? []).includes(exitCode);
  return exitCodes.operator === 'In' ? listed : exitCodes.operator === 'NotIn' && !listed;
}

/** By the container's own rules and policy, else the pod's. */
export function restartsAfterExit(container: corev1.Container, spec: corev1.PodSpec, exitCode: number): boolean {
  for (const rule of container.restartPolicyRules ?? []) {
    if (ruleMatches(rule, exitCode)) return rule.action === 'Restart' || rule.action === 'RestartAllContainers';
  }
  const policy = container.restartPolicy ?? spec.restartPolicy ?? 'Always';
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

export function shouldBeRestarted(container: corev1.Container, pod: corev1.Pod, runtime: PodRuntime): boolean {
  if (pod.metadata?.deletionTimestamp) return false;
  const status = newestOf(runtime, container.name);
  if (!status) return true;
  if (status.state === 'running') return false;
  if (status.state === 'unknown' || status.state === 'created') return true;
  return restartsAfterExit(container, pod.spec!, status.exitCode);
}

export const restartsOnFailure = (pod: corev1.Pod): boolean => pod.spec!.restartPolicy !== 'Never';

/** Exit code other than zero, or an end nobody saw. */
export const initFailed = (status: RuntimeContainer): boolean =>
  (status.state === 'exited' && status.exitCode !== 0) || status.state === 'unknown';
