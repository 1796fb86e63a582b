// Which claims a pod's spec stands for, and why it may have to wait for them (dynamic-resource-allocation
// resourceclaim/resourceclaim.go; plugins/dynamicresources foreachPodResourceClaim).
import type { corev1, resourcev1 } from '@tiphys/api';

type Claim = resourcev1.ResourceClaim;

export const RESOURCE_FINALIZER = 'resource.kubernetes.io/delete-protection';

/** Without those that turned out to be unneeded; a text says why the pod has to wait. */
export function podClaims(pod: corev1.Pod, find: (namespace: string, name: string) => Claim | undefined): Claim[] | string {
  const { namespace, name: podName, uid } = pod.metadata!;
  const claims: Claim[] = [];
  for (const { name: entry, resourceClaimName, resourceClaimTemplateName } of pod.spec?.resourceClaims ?? []) {
    const at = `pod "${namespace}/${podName}"`;
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined)
      return `${at}, spec.resourceClaim "${entry}": none of the supported fields are set`;
    const status = pod.status?.resourceClaimStatuses?.find((one) => one.name === entry);
    if (resourceClaimName === undefined && !status) return `${at}: ResourceClaim not created yet`;
    const name = resourceClaimName ?? status?.resourceClaimName;
    if (name === undefined) continue;
    const claim = find(namespace!, name);
    if (!claim) return `could not find v1.ResourceClaim "${namespace}/${name}"`;
    if (claim.metadata?.deletionTimestamp) return `resourceclaim "${name}" is being deleted`;
    const owner = claim.metadata?.ownerReferences?.find(({ controller }) => controller);
    if (resourceClaimName === undefined && owner?.uid !== uid)
      return `ResourceClaim ${namespace}/${name} was not created for Pod ${namespace}/${podName} (Pod is not owner)`;
    claims.push(claim);
  }
  return claims;
}

export const isReservedFor = ({ status }: Claim, pod: corev1.Pod): boolean =>
  status?.reservedFor?.some(({ uid }) => uid === pod.metadata?.uid) ?? false;

/** Names of the claims that stand for entries of the pod's spec, as far as they are known. */
export const claimNamesOf = (pod: corev1.Pod): string[] =>
  (pod.spec?.resourceClaims ?? []).flatMap(
    ({ name, resourceClaimName }) =>
      resourceClaimName ?? pod.status?.resourceClaimStatuses?.find((one) => one.name === name)?.resourceClaimName ?? [],
  );

type Results = readonly resourcev1.DeviceRequestAllocationResult[];

const resultsOf = ({ status }: Claim): Results => status?.allocation?.devices?.results ?? [];

/** Whether some device must be prepared before the pod is bound. */
export const hasBindingConditions = (claim: Claim): boolean => resultsOf(claim).some(({ bindingConditions }) => bindingConditions?.length);

/** Whether the claim's devices are prepared; `failed` tells what became of one that will not be. */
export function bindingProgress(claim: Claim): 'ready' | 'waiting' | { failed: string } {
  if (!claim.status?.allocation) return 'waiting';
  for (const { driver, pool, device, bindingConditions = [], bindingFailureConditions = [] } of resultsOf(claim)) {
    if (bindingConditions.length === 0) continue;
    const status = claim.status.devices?.find((one) => one.driver === driver && one.pool === pool && one.device === device);
    if (!status) return 'waiting';
    const condition = (type: string) => status.conditions?.find((one) => one.type === type);
    const failure = bindingFailureConditions.map(condition).find((one) => one?.status === 'True');
    if (failure) {
      const { reason, message } = failure;
      return { failed: `device binding failed: claim=${claim.metadata?.name}, reason=${reason}, message=${JSON.stringify(message)}` };
    }
    if (!bindingConditions.every((type) => condition(type)?.status === 'True')) return 'waiting';
  }
  return 'ready';
}

/** Waited too long for devices to be prepared. */
export function hasTimedOut(claim: Claim, nowMs: number, timeoutMs: number): boolean {
  const since = claim.status?.allocation?.allocationTimestamp;
  return since !== undefined && hasBindingConditions(claim) && Date.parse(since) + timeoutMs < nowMs;
}
