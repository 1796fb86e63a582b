// What one pod needs of devices, and whether it can be looked for at all (plugins/dynamicresources/dynamicresources.go PreFilter).
import type { corev1, resourcev1 } from '@tiphys/api';
import { type Refusal, refuse } from '../framework/plugin.ts';
import type { PodInfo } from '../world/infos.ts';
import { Allocator } from './allocator.ts';
import type { DeviceView } from './device-world.ts';
import { deviceResources, specialClaim } from './extended.ts';
import { podClaims } from './pod-claims.ts';
import { claimText } from './requests.ts';

type Claim = resourcev1.ResourceClaim;

/** What the claims that have nothing yet would get on a node, in their order. */
export interface NodeDevices {
  results: readonly resourcev1.AllocationResult[];
  /** The claim for extended resources as this node needs it. */
  special?: Claim;
  mappings: readonly corev1.ContainerExtendedResourceRequest[];
}

export interface PodDevices {
  view: DeviceView;
  /** The pod's own, followed by the one for extended resources. */
  claims: readonly Claim[];
  /** The last of the claims. */
  special?: Claim;
  allocator?: Allocator;
  /** Indices of claims that have devices which can't be used from some node. */
  unavailable: Set<number>;
  onNode: Map<string, NodeDevices>;
}

export interface DeviceTools {
  newId(): string;
  nowMs(): number;
  /** How long devices may take to be prepared. */
  bindingTimeoutMs: number;
  /** A watch for one node's search; its call throws when that takes too long. */
  startWatch(nodeName: string): () => void;
}

export const isUnallocated = ({ status }: Claim) => !status?.allocation;
export const unresolvable = (reason: string): Refusal => refuse([reason], true);

function missingClass({ spec }: Claim, view: DeviceView): string | undefined {
  const check = (className: string, request: string) =>
    view.deviceClass(className) ? undefined : `request ${request}: device class ${className} does not exist`;
  for (const { name, exactly, firstAvailable = [] } of spec.devices?.requests ?? []) {
    const faults = exactly
      ? [check(exactly.deviceClassName, name)]
      : firstAvailable.map((one) => check(one.deviceClassName, `${name}/${one.name}`));
    const fault = faults.find((text) => text !== undefined);
    if (fault) return fault;
  }
  return undefined;
}

function whyNotNow(claim: Claim, view: DeviceView): string | undefined {
  if (!isUnallocated(claim)) return undefined;
  if (view.isPending(claim.metadata!.uid!)) return `resource claim ${claimText(claim)} is in the process of being allocated`;
  for (const { name, exactly, firstAvailable } of claim.spec.devices?.requests ?? [])
    if (!exactly && !firstAvailable?.length) return `resource claim ${claimText(claim)}, request ${name}: unknown request type`;
  return missingClass(claim, view);
}

/** undefined: the pod needs no devices. A refusal: no node would do. */
export function podDevices(info: PodInfo, view: DeviceView, tools: DeviceTools): PodDevices | Refusal | undefined {
  const { pod, requests } = info;
  const own = podClaims(pod, (namespace, name) => view.claim(namespace, name));
  if (typeof own === 'string') return unresolvable(own);
  const isExtended = deviceResources(requests, undefined, (name) => view.classFor(name) !== undefined).length > 0;
  const special = isExtended ? (view.specialClaimOf(info.uid) ?? specialClaim(pod, tools.newId())) : undefined;
  if (own.length === 0 && !special) return undefined;
  for (const claim of own) {
    const why = whyNotNow(claim, view);
    if (why) return unresolvable(why);
  }
  const claims = special ? [...own, special] : own;
  const found: PodDevices = { view, claims, ...(special ? { special } : {}), unavailable: new Set(), onNode: new Map() };
  if (!claims.some(isUnallocated)) return found;
  const { allocated, catalog } = view;
  const deviceClass = (name: string) => view.deviceClass(name);
  return { ...found, allocator: new Allocator({ catalog, allocated, deviceClass, newShareId: tools.newId }) };
}
