// Whether a container runs again after it ended (pkg/kubelet/container/helpers.go ShouldContainerBeRestarted;
// KEP-5307 container restart rules).
import type { corev1 } from '@tiphys/api';
import { newestOf, type PodRuntime, type RuntimeContainer } from './pod-runtime.ts';

/** The action that takes every container of the pod down and starts the pod's containers anew, in its sandbox. */
const RESTART_ALL = 'RestartAllContainers';
export const RESTARTING_CONDITION = 'AllContainersRestarting';
/** Reason of the state of containers that went that way. */
export const RESTARTING_REASON = 'RestartingAllContainers';

function ruleMatches(rule: corev1.ContainerRestartRule, exitCode: number): boolean {
  const { exitCodes } = rule;
  if (!exitCodes) return false;
  const listed = (exitCodes.values ?? []).includes(exitCode);
  return exitCodes.operator === 'In' ? listed : exitCodes.operator === 'NotIn' && !listed;
}

const matchingRule = (container: corev1.Container, exitCode: number) =>
  container.restartPolicyRules?.find((rule) => ruleMatches(rule, exitCode));

/** Whether this end of the container takes all others with it. */
export const restartsAllAfterExit = (container: corev1.Container, exitCode: number): boolean =>
  matchingRule(container, exitCode)?.action === RESTART_ALL;

const resettable = (pod: corev1.Pod): corev1.Container[] => [...(pod.spec!.initContainers ?? []), ...pod.spec!.containers];

/** Whether any end of any container could do that. */
export const couldRestartAll = (pod: corev1.Pod): boolean =>
  resettable(pod).some(({ restartPolicyRules = [] }) => restartPolicyRules.some(({ action }) => action === RESTART_ALL));

/** Whether the pod is on its way through such a restart, or has to begin one (helpers.go ShouldAllContainersRestart). */
export function allContainersRestart(pod: corev1.Pod, runtime: PodRuntime, reported: corev1.PodStatus | undefined): boolean {
  if (reported?.conditions?.some(({ type, status }) => type === RESTARTING_CONDITION && status === 'True')) return true;
  const statuses = [...(reported?.initContainerStatuses ?? []), ...(reported?.containerStatuses ?? [])];
  return resettable(pod).some((container) => {
    const { state, exitCode = 0 } = newestOf(runtime, container.name) ?? {};
    if (state !== 'exited') return false;
    const told = statuses.find(({ name }) => name === container.name)?.state?.terminated?.exitCode;
    return restartsAllAfterExit(container, exitCode) || (told !== undefined && restartsAllAfterExit(container, told));
  });
}

/** Whether the runtime knows none of the pod's containers any more. */
export const isCleanedUp = (pod: corev1.Pod, runtime: PodRuntime): boolean => resettable(pod).every(({ name }) => !newestOf(runtime, name));

/** By the container's own rules and policy, else the pod's. */
export function restartsAfterExit(container: corev1.Container, spec: corev1.PodSpec, exitCode: number): boolean {
  const rule = matchingRule(container, exitCode);
  if (rule?.action === 'Restart' || rule?.action === RESTART_ALL) return true;
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
