// Which ResourceClaim stands for an entry of a pod's spec.resourceClaims (dynamic-resource-allocation resourceclaim/claim.go).
import type { corev1, resourcev1 } from '@tiphys/api';
import { isTerminal } from '../pods/pod-state.ts';
import { controllerOf, isDeleting, nameOf, namespaceOf, uidOf } from '../runtime/objects.ts';

export type Pod = corev1.Pod;
export type PodClaim = corev1.PodResourceClaim;
export type Claim = resourcev1.ResourceClaim;

/** Consumers of one claim, at most. */
export const RESERVED_MAX = 256;

export const POD_CLAIM_ANNOTATION = 'resource.kubernetes.io/pod-claim-name';

export interface NamedClaim {
  /** undefined: it was found that none is needed. */
  name: string | undefined;
  /** Made for the pod, so that it must be the pod's own. */
  own: boolean;
}

/** undefined while nobody has made the claim yet. */
export function claimNameOf(pod: Pod, { name, resourceClaimName, resourceClaimTemplateName }: PodClaim): NamedClaim | undefined {
  if (resourceClaimName !== undefined) return { name: resourceClaimName, own: false };
  if (resourceClaimTemplateName === undefined) return undefined;
  const status = pod.status?.resourceClaimStatuses?.find((each) => each.name === name);
  return status && { name: status.resourceClaimName, own: true };
}

export const isMadeFor = (claim: Claim, pod: Pod): boolean => controllerOf(claim)?.uid === uidOf(pod);

export const isReservedFor = (claim: Claim, pod: Pod): boolean => claim.status?.reservedFor?.some(({ uid }) => uid === uidOf(pod)) ?? false;

/** Will not run any more, so that its claims can go. */
export const isDone = (pod: Pod): boolean => isTerminal(pod) || (isDeleting(pod) && !pod.spec?.nodeName);

/** Names of the claims that exist for the pod, the one for extended resources included. */
export function claimNames(pod: Pod): string[] {
  const named = (pod.spec?.resourceClaims ?? []).map((claim) => claimNameOf(pod, claim)?.name);
  return [...named, pod.status?.extendedResourceClaimStatus?.resourceClaimName].filter((name) => name !== undefined);
}

const BASE_MAX = 57;

/** `<pod>-<claim>-`, both shortened in proportion when they are long together. */
export function claimPrefix(pod: Pod, claim: string): string {
  const whole = `${nameOf(pod)}-${claim}-`;
  if (whole.length <= BASE_MAX) return whole;
  const part = (text: string, of: number) => text.slice(0, Math.trunc((text.length * BASE_MAX) / of));
  const first = `${part(nameOf(pod), whole.length)}-${part(claim, whole.length)}`;
  return first;
}

export const claimFromTemplate = (pod: Pod, podClaim: PodClaim, template: resourcev1.ResourceClaimTemplate): Claim => ({
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceClaim',
  metadata: {
    namespace: namespaceOf(pod),
    generateName: claimPrefix(pod, podClaim.name),
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: nameOf(pod), uid: uidOf(pod), controller: true }],
    annotations: { ...template.spec.metadata?.annotations, [POD_CLAIM_ANNOTATION]: podClaim.name },
    ...(template.spec.metadata?.labels ? { labels: { ...template.spec.metadata.labels } } : {}),
  },
  spec: template.spec.spec,
});
