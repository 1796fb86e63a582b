// Whether a node has the devices that a pod needs, and how far they are those that it wants most
// (plugins/dynamicresources/dynamicresources.go Filter, Score).
import type { corev1, resourcev1 } from '@tiphys/api';
import { matchesNodeSelector } from '@tiphys/machinery';
import type { Refusal } from '../framework/plugin.ts';
import type { NodeInfo, PodInfo } from '../world/infos.ts';
import { BrokenPoolsError } from './allocator.ts';
import { deviceResources, extendedRequests, isDeviceResource } from './extended.ts';
import { bindingProgress, hasTimedOut } from './pod-claims.ts';
import { type DeviceTools, isUnallocated, type NodeDevices, type PodDevices, unresolvable } from './pod-devices.ts';

type Claim = resourcev1.ResourceClaim;

/** Alternatives of a request (resourceapi.FirstAvailableDeviceRequestMaxSize). */
const ALTERNATIVES_MAX = 8;

interface Special {
  claim?: Claim;
  mappings: readonly corev1.ContainerExtendedResourceRequest[];
}

/** The claim for extended resources as this node needs it: none where the node offers them all itself. */
function specialOn(info: PodInfo, node: NodeInfo, { special, view }: PodDevices): Special | Refusal {
  if (!special) return { mappings: [] };
  // Left behind by an attempt that failed; it goes before the pod is tried again.
  if (special.spec.devices?.requests) return unresolvable('cannot schedule extended resource claim');
  const isBacked = (name: string) => view.classFor(name) !== undefined;
  for (const [name, amount] of info.requests)
    if (amount > 0 && isDeviceResource(name) && !isBacked(name) && !node.allocatable.has(name)) return unresolvable('cannot fit resource');
  const resources = deviceResources(info.requests, node.allocatable, isBacked);
  if (resources.length === 0) return { mappings: [] };
  const { requests, mappings } = extendedRequests(info.pod, resources, (name) => view.classFor(name));
  return { claim: { ...special, spec: { devices: { requests } } }, mappings };
}

function isUsable(claim: Claim, node: corev1.Node, { nowMs, bindingTimeoutMs }: DeviceTools): boolean {
  const allocation = claim.status?.allocation;
  if (!allocation) return true;
  if (allocation.nodeSelector && !matchesNodeSelector(allocation.nodeSelector, node)) return false;
  const progress = bindingProgress(claim);
  return progress === 'ready' || (progress === 'waiting' && !hasTimedOut(claim, nowMs(), bindingTimeoutMs));
}

/** Keeps what it found in the state. Throws what ends the whole attempt: a claim or class that can't be understood. */
export function refusalOfDevices(info: PodInfo, node: NodeInfo, state: PodDevices, tools: DeviceTools): Refusal | undefined {
  const special = specialOn(info, node, state);
  if ('reasons' in special) return special;
  const claims = state.claims.flatMap((claim) => (claim === state.special ? (special.claim ?? []) : claim));
  const lost = state.claims.flatMap((claim, index) => (isUsable(claim, node.node, tools) ? [] : [index]));
  const wanted = claims.filter(isUnallocated);
  let found: NodeDevices | undefined;
  if (state.allocator && wanted.length > 0) {
    try {
      const results = state.allocator.allocate(node.node, wanted, tools.startWatch(node.name));
      if (!results) return unresolvable('cannot allocate all claims');
      found = { results, ...(special.claim ? { special: special.claim } : {}), mappings: special.mappings };
    } catch (error) {
      if (error instanceof BrokenPoolsError) return unresolvable(error.message);
      throw error;
    }
  }
  for (const index of lost) state.unavailable.add(index);
  if (lost.length > 0) return unresolvable('resourceclaim not available on the node');
  if (found) state.onNode.set(node.name, found);
  return undefined;
}

/** More for alternatives that claims name first. */
export function scoreOfDevices({ claims, special, onNode }: PodDevices, node: NodeInfo): number {
  const found = onNode.get(node.name);
  if (!found) return 0;
  let score = 0;
  let next = 0;
  for (const claim of claims) {
    if (claim === special && !found.special) continue;
    const allocation = claim.status?.allocation ?? found.results[next++];
    const taken = new Set((allocation?.devices?.results ?? []).map(({ request }) => request));
    for (const { name, firstAvailable = [] } of claim.spec.devices?.requests ?? [])
      for (const [index, alternative] of firstAvailable.entries())
        if (taken.has(`${name}/${alternative.name}`)) score += ALTERNATIVES_MAX - index;
  }
  return score;
}
