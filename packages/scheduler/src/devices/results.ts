// What is written into a claim's status: the devices, their configuration and where they can be used
// (dynamic-resource-allocation structured Allocate, createNodeSelector).
import type { corev1, resourcev1 } from '@tiphys/api';
import { type Wanted, wantedName } from './requests.ts';
import type { Taken } from './search.ts';

type Requirements = corev1.NodeSelectorRequirement[];

function deviceResult({ wanted, candidate, shared }: Taken, newShareId: () => string): resourcev1.DeviceRequestAllocationResult {
  const { driver, device, pool } = candidate;
  const { adminAccess, tolerations } = wanted.details;
  const consumed = [...(shared ?? [])].map(([name, amount]) => [name, amount.toString()] as const);
  return {
    request: wantedName(wanted),
    driver,
    pool: pool.name,
    device: device.name,
    ...(adminAccess ? { adminAccess } : {}),
    ...(tolerations?.length ? { tolerations } : {}),
    ...(device.bindingConditions?.length ? { bindingConditions: device.bindingConditions } : {}),
    ...(device.bindingFailureConditions?.length ? { bindingFailureConditions: device.bindingFailureConditions } : {}),
    ...(shared ? { shareID: newShareId() } : {}),
    ...(consumed.length > 0 ? { consumedCapacity: Object.fromEntries(consumed) } : {}),
  };
}

/** The classes' first, each once for all requests of the class; then the claim's, as far as they are about what was chosen. */
function configurations(claim: resourcev1.ResourceClaim, chosen: readonly Wanted[]): resourcev1.DeviceAllocationConfiguration[] {
  const byClass = new Map<string, string[]>();
  for (const wanted of chosen) {
    const name = wanted.deviceClass.metadata?.name ?? '';
    const requests = byClass.get(name) ?? [];
    byClass.set(name, requests);
    requests.push(wantedName(wanted));
  }
  const classes = new Map(chosen.map(({ deviceClass }) => [deviceClass.metadata?.name ?? '', deviceClass]));
  const ofClasses = [...byClass].flatMap(([name, requests]) =>
    (classes.get(name)!.spec.config ?? []).map((config) => ({ source: 'FromClass', requests: [...requests], ...config })),
  );
  const ofClaim = (claim.spec.devices?.config ?? []).flatMap(({ requests = [], ...config }) => {
    if (requests.length === 0) return [{ source: 'FromClaim', ...config }];
    const about = chosen.filter((wanted) => requests.includes(wanted.parent ?? wanted.name) || requests.includes(wantedName(wanted)));
    return about.map(() => ({ source: 'FromClaim', requests, ...config }));
  });
  return [...ofClasses, ...ofClaim];
}

const isSame = (a: corev1.NodeSelectorRequirement, b: corev1.NodeSelectorRequirement) =>
  a.key === b.key && a.operator === b.operator && new Set(a.values).symmetricDifference(new Set(b.values)).size === 0;

function addNew(from: Requirements | undefined, to: Requirements): void {
  for (const one of from ?? []) if (!to.some((known) => isSame(known, one))) to.push(one);
}

/** undefined: everywhere. */
function nodeSelector(taken: readonly Taken[], node: corev1.Node): corev1.NodeSelector | undefined {
  const matchFields: Requirements = [];
  const matchExpressions: Requirements = [];
  for (const { candidate } of taken) {
    const { device, slice } = candidate;
    const where = slice.spec.perDeviceNodeSelection ? device : slice.spec;
    if (where.nodeName !== undefined || device.bindsToNode) {
      const isNode = { key: 'metadata.name', operator: 'In', values: [node.metadata?.name ?? ''] };
      return { nodeSelectorTerms: [{ matchFields: [isNode] }] };
    }
    // Validation leaves a slice one term.
    const [term] = where.nodeSelector?.nodeSelectorTerms ?? [];
    addNew(term?.matchFields, matchFields);
    addNew(term?.matchExpressions, matchExpressions);
  }
  if (matchFields.length === 0 && matchExpressions.length === 0) return undefined;
  return {
    nodeSelectorTerms: [{ ...(matchExpressions.length ? { matchExpressions } : {}), ...(matchFields.length ? { matchFields } : {}) }],
  };
}

export function resultOf(
  claim: resourcev1.ResourceClaim,
  taken: readonly Taken[],
  chosen: readonly Wanted[],
  node: corev1.Node,
  newShareId: () => string,
): resourcev1.AllocationResult {
  const config = configurations(claim, chosen);
  const selector = nodeSelector(taken, node);
  return {
    devices: {
      ...(taken.length > 0 ? { results: taken.map((one) => deviceResult(one, newShareId)) } : {}),
      ...(config.length > 0 ? { config } : {}),
    },
    ...(selector ? { nodeSelector: selector } : {}),
  };
}
