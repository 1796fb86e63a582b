// Which objects a quota is about (pkg/quota/v1/evaluator/core, generic.Matches).
import type { corev1, KubeObject } from '@tiphys/api';
import { quotaEvaluator } from './evaluators.ts';
import { isBestEffort } from './pod-resources.ts';

type Requirement = corev1.ScopedResourceSelectorRequirement;

/** Both ways to write scopes as one list. */
export function scopeRequirements(quota: corev1.ResourceQuota): Requirement[] {
  const scopes = (quota.spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' }));
  return [...scopes, ...(quota.spec?.scopeSelector?.matchExpressions ?? [])];
}

const isTerminating = ({ spec }: corev1.Pod) => spec?.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds >= 0;

/** How a scope that is about a name (of a priority or volume attributes class) looks at it. */
function matchesName(name: string | undefined, { operator, values = [] }: Requirement): boolean {
  switch (operator) {
    case 'Exists':
      return Boolean(name);
    case 'DoesNotExist':
      return !name;
    case 'In':
      return name ? values.includes(name) : false;
    case 'NotIn':
      return !name || !values.includes(name);
    default:
      return false;
  }
}

function crossesNamespaces(pod: corev1.Pod): boolean {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  return [podAffinity, podAntiAffinity].some((affinity) =>
    [
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((each) => each.podAffinityTerm),
    ].some((term) => (term.namespaces ?? []).length > 0 || term.namespaceSelector !== undefined),
  );
}

function podMatchesScope(pod: corev1.Pod, requirement: Requirement): boolean {
  switch (requirement.scopeName) {
    case 'Terminating':
      return isTerminating(pod);
    case 'NotTerminating':
      return !isTerminating(pod);
    case 'BestEffort':
      return isBestEffort(pod.spec!);
    case 'NotBestEffort':
      return !isBestEffort(pod.spec!);
    case 'PriorityClass':
      return matchesName(pod.spec?.priorityClassName, requirement);
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(pod);
    default:
      return false;
  }
}

function claimMatchesScope(claim: corev1.PersistentVolumeClaim, requirement: Requirement): boolean {
  if (requirement.scopeName !== 'VolumeAttributesClass') return false;
  const names = [claim.spec?.volumeAttributesClassName, claim.status?.currentVolumeAttributesClassName];
  return names.some((name) => Boolean(name) && matchesName(name, requirement));
}

/** Whether the quota counts the object: its status names a resource the object uses, and every scope holds. */
export function quotaMatches(quota: corev1.ResourceQuota, object: KubeObject, group: string, resource: string): boolean {
  const hard = Object.keys(quota.status?.hard ?? {});
  if ((quotaEvaluator(group, resource)?.matching(hard) ?? []).length === 0) return false;
  return scopeRequirements(quota).every((requirement) => {
    if (group === '' && resource === 'pods') return podMatchesScope(object as corev1.Pod, requirement);
    if (group === '' && resource === 'persistentvolumeclaims')
      return claimMatchesScope(object as corev1.PersistentVolumeClaim, requirement);
    return false;
  });
}
