// What a pod's status says of its containers' users and devices, and of claims that were made for them (apis/core/validation
// validateContainerStatusUsers, validateContainerStatusAllocatedResourcesStatus, validatePodExtendedResourceClaimStatus).
import type { corev1 } from '@tiphys/api';
import { fieldError } from '@tiphys/machinery';
import { complain, type Errors } from '../../rules/errors.ts';
import { byteLength, isDns1123Label, isUnixId, nameIsSubdomain } from '../../rules/formats.ts';

type Kind = 'containerStatuses' | 'initContainerStatuses' | 'ephemeralContainerStatuses';
const MESSAGE_BYTES_MAX = 1024;
const HEALTH = ['Healthy', 'Unhealthy', 'Unknown'];

/** A pod whose system nobody names runs on Linux. */
export function checkUsers(errors: Errors, kind: Kind, statuses: readonly corev1.ContainerStatus[] = [], os = 'linux'): void {
  statuses.forEach(({ user }, i) => {
    const linux = user?.linux;
    if (!linux) return;
    const at = `status.${kind}[${i}].user.linux`;
    if (os === 'windows') errors.push(fieldError.forbidden(at, 'cannot be set for a windows pod'));
    if (os !== 'linux') return;
    complain(errors, `${at}.uid`, linux.uid ?? 0, isUnixId(linux.uid ?? 0));
    complain(errors, `${at}.gid`, linux.gid ?? 0, isUnixId(linux.gid ?? 0));
    linux.supplementalGroups?.forEach((group, j) => {
      complain(errors, `${at}.supplementalGroups[${j}]`, group, isUnixId(group));
    });
  });
}

/** Why a status names a resource that the container did not ask for; undefined when it did. */
function unknownResource(name: string, { resources }: corev1.Container): string | undefined {
  if (!name.startsWith('claim:')) {
    return resources?.requests?.[name] === undefined ? "must match one of the container's resource requests" : undefined;
  }
  const claimed = resources?.claims?.some((claim) => `claim:${claim.name}${claim.request ? `/${claim.request}` : ''}` === name);
  const form = "in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty";
  return claimed ? undefined : `must match one of the container's resource claims ${form}`;
}

export function checkAllocatedResources(
  errors: Errors,
  kind: Kind,
  statuses: readonly corev1.ContainerStatus[] = [],
  containers: readonly corev1.Container[] = [],
): void {
  statuses.forEach(({ name, allocatedResourcesStatus }, i) => {
    const path = `status.${kind}[${i}].allocatedResourcesStatus`;
    if (kind === 'ephemeralContainerStatuses') {
      if (allocatedResourcesStatus?.length) errors.push(fieldError.forbidden(path, 'must not be specified in container status'));
      return;
    }
    const container = containers.find((each) => each.name === name);
    allocatedResourcesStatus?.forEach((resource, j) => {
      const why = container && unknownResource(resource.name ?? '', container);
      if (why) errors.push(fieldError.invalid(`${path}[${j}].name`, resource.name ?? '', why));
      checkHealth(errors, `${path}[${j}].resources`, resource.resources);
    });
  });
}

function checkHealth(errors: Errors, path: string, resources: readonly corev1.ResourceHealth[] = []): void {
  const seen = new Set<string>();
  resources.forEach(({ health = '', message, resourceID = '' }, i) => {
    if (!HEALTH.includes(health)) errors.push(fieldError.notSupported(`${path}[${i}].health`, health, HEALTH));
    if (message === '') errors.push(fieldError.required(`${path}[${i}].message`, 'must be non-empty if specified'));
    else if (message && byteLength(message) > MESSAGE_BYTES_MAX)
      errors.push(fieldError.tooLong(`${path}[${i}].message`, MESSAGE_BYTES_MAX));
    if (seen.has(resourceID)) errors.push(fieldError.duplicate(`${path}[${i}].resourceID`, resourceID));
    seen.add(resourceID);
  });
}

/** The claim that stands for a pod's extended resources. */
export function checkExtendedResources(
  errors: Errors,
  status: corev1.PodExtendedResourceClaimStatus | undefined,
  spec: corev1.PodSpec,
): void {
  if (!status) return;
  const path = 'status.extendedResourceClaimStatus';
  const containers = new Map([...(spec.initContainers ?? []), ...(spec.containers ?? [])].map((container) => [container.name, container]));
  if (!status.requestMappings?.length)
    errors.push(fieldError.required(`${path}.requestMappings`, 'at least one request mapping is required'));
  const seen = new Set<string>();
  status.requestMappings?.forEach(({ containerName = '', resourceName = '', requestName = '' }, i) => {
    const at = `${path}.requestMappings[${i}]`;
    const container = containers.get(containerName);
    if (!container) {
      const why = 'must match the name of an entry in spec.initContainers.name or spec.containers.name';
      errors.push(fieldError.invalid(`${at}.containerName`, containerName, why));
    } else if (container.resources?.requests?.[resourceName] === undefined) {
      const why =
        'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests';
      errors.push(fieldError.invalid(`${at}.resourceName`, resourceName, why));
    }
    // Upstream's path leaves the index out.
    complain(errors, `${path}.requestName`, requestName, isDns1123Label(requestName));
    const key = JSON.stringify([containerName, resourceName, requestName]);
    if (seen.has(key)) {
      errors.push(fieldError.duplicate(`${at}.containerName`, containerName));
      errors.push(fieldError.duplicate(`${at}.resourceName`, resourceName));
      errors.push(fieldError.duplicate(`${at}.requestName`, requestName));
    }
    seen.add(key);
  });
  const { resourceClaimName: claim } = status;
  if (!claim) errors.push(fieldError.required(`${path}.resourceClaimName`));
  else complain(errors, `${path}.resourceClaimName`, claim, nameIsSubdomain(claim, false));
}
