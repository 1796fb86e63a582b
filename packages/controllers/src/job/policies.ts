// The pod failure policy and the success policy (pkg/controller/job/pod_failure_policy.go, success_policy.go).
import type { batchv1, corev1 } from '@tiphys/api';
import type { Pod } from '../pods/pod-state.ts';
import { nameOf, namespaceOf } from '../runtime/objects.ts';
import { countCommon, countIndexes, type Indexes, parseIndexes } from './indexes.ts';

export type Job = batchv1.Job;

export interface PolicyMatch {
  /** Counts towards the back-off limits. */
  counts: boolean;
  action?: string;
  /** Set when the Job has to fail. */
  failJob?: string;
}

const COUNTED: PolicyMatch = { counts: true };

function failedContainer(pod: Pod, rule: batchv1.PodFailurePolicyOnExitCodesRequirement): corev1.ContainerStatus | undefined {
  const matches = ({ name, state }: corev1.ContainerStatus) => {
    const code = state?.terminated?.exitCode ?? 0;
    if (code === 0 || (rule.containerName !== undefined && rule.containerName !== name)) return false;
    return rule.operator === 'In' ? rule.values.includes(code) : rule.operator === 'NotIn' && !rule.values.includes(code);
  };
  return pod.status?.containerStatuses?.find(matches) ?? pod.status?.initContainerStatuses?.find(matches);
}

function matchOf(action: string, message: string): PolicyMatch | undefined {
  if (action === 'Ignore') return { counts: false, action };
  if (action === 'FailJob') return { counts: true, action, failJob: message };
  return action === 'Count' || action === 'FailIndex' ? { counts: true, action } : undefined;
}

export function matchFailurePolicy(policy: batchv1.PodFailurePolicy | undefined, pod: Pod): PolicyMatch {
  const subject = `${namespaceOf(pod)}/${nameOf(pod)}`;
  for (const [index, rule] of (policy?.rules ?? []).entries()) {
    let message: string | undefined;
    if (rule.onExitCodes) {
      const status = failedContainer(pod, rule.onExitCodes);
      const code = status?.state?.terminated?.exitCode;
      if (status)
        message = `Container ${status.name} for pod ${subject} failed with exit code ${code} matching ${rule.action} rule at index ${index}`;
    } else {
      const condition = pod.status?.conditions?.find(({ type, status }) =>
        rule.onPodConditions?.some((pattern) => pattern.type === type && (pattern.status ?? 'True') === status),
      );
      if (condition) message = `Pod ${subject} has condition ${condition.type} matching ${rule.action} rule at index ${index}`;
    }
    const match = message === undefined ? undefined : matchOf(rule.action, message);
    if (match) return match;
  }
  return COUNTED;
}

/** The message for the condition when a rule of the success policy holds. */
export function matchSuccessPolicy(policy: batchv1.SuccessPolicy | undefined, completions: number, succeeded: Indexes): string | undefined {
  if (!policy || succeeded.length === 0) return undefined;
  const index = policy.rules.findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return succeededCount !== undefined && countIndexes(succeeded) >= succeededCount;
    const required = parseIndexes(succeededIndexes, completions);
    if (required.length === 0) return false;
    const common = countCommon(required, succeeded);
    return common === countIndexes(required) || (succeededCount !== undefined && common >= succeededCount);
  });
  return index < 0 ? undefined : `Matched rules at index ${index}`;
}

/** Terminating pods are replaced only when they have failed. */
export const replacesOnlyFailed = (job: Job): boolean =>
  job.spec?.podReplacementPolicy === 'Failed' || job.spec?.podFailurePolicy !== undefined;

export function isPodFailed(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  if (replacesOnlyFailed(job)) return false;
  // Deleted pods count as failed: orphans never get the chance to reach that phase.
  return pod.metadata?.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded';
}
