// When a pod has to leave because of taints on the devices it was given (pkg/controller/devicetainteviction). Pure.
import { resourcev1 } from '@tiphys/api';
import { type Claim, claimNameOf, isMadeFor, isReservedFor, type Pod } from '../resource-claim/pod-claims.ts';
import type { Snapshot } from '../runtime/controller.ts';
import { namespaceOf, timeMs } from '../runtime/objects.ts';

export const BY_POOL = 'device-pool';

type Slice = resourcev1.ResourceSlice;
type Result = resourcev1.DeviceRequestAllocationResult;

export const poolKey = (driver: string, pool: string): string => `${driver}/${pool}`;
export const poolOf = ({ spec }: Slice): string => poolKey(spec?.driver ?? '', spec?.pool.name ?? '');

/** Effects that make pods leave. */
export const evicting = (device: resourcev1.Device | undefined): resourcev1.DeviceTaint[] =>
  (device?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');

/** Slices of an older generation say nothing any more. */
function deviceOf({ driver, pool, device }: Result, snapshot: Snapshot): resourcev1.Device | undefined {
  const slices = snapshot.byIndex(resourcev1.resourceslices, BY_POOL, poolKey(driver, pool));
  const newest = Math.max(...slices.map(({ spec }) => spec?.pool.generation ?? 0));
  return slices
    .filter(({ spec }) => (spec?.pool.generation ?? 0) === newest)
    .flatMap(({ spec }) => spec?.devices ?? [])
    .find(({ name }) => name === device);
}

function isTolerated(toleration: resourcev1.DeviceToleration, taint: resourcev1.DeviceTaint): boolean {
  if (toleration.effect !== 'NoExecute' || (toleration.key && toleration.key !== taint.key)) return false;
  const operator = toleration.operator || 'Equal';
  return operator === 'Exists' || (operator === 'Equal' && (toleration.value ?? '') === (taint.value ?? ''));
}

/** For one taint: undefined when it is tolerated for ever. */
function evictionMs(taint: resourcev1.DeviceTaint, tolerations: readonly resourcev1.DeviceToleration[], nowMs: number): number | undefined {
  const matching = tolerations.filter((toleration) => isTolerated(toleration, taint));
  if (matching.some(({ tolerationSeconds }) => tolerationSeconds === undefined)) return undefined;
  const since = taint.timeAdded ? timeMs(taint.timeAdded) : nowMs;
  const seconds = matching.map(({ tolerationSeconds }) => Math.max(0, tolerationSeconds!));
  return seconds.length === 0 ? since : since + Math.min(...seconds) * 1000;
}

function claimEvictionMs(claim: Claim, snapshot: Snapshot, nowMs: number): number | undefined {
  const times = (claim.status?.allocation?.devices?.results ?? []).flatMap((result) =>
    evicting(deviceOf(result, snapshot)).map((taint) => evictionMs(taint, result.tolerations ?? [], nowMs)),
  );
  const due = times.filter((atMs) => atMs !== undefined);
  return due.length === 0 ? undefined : Math.min(...due);
}

/** The earliest over all claims that the pod really uses; undefined when it may stay. */
export function podEvictionMs(pod: Pod, snapshot: Snapshot, nowMs: number): number | undefined {
  if (!pod.spec?.nodeName) return undefined;
  const due = (pod.spec.resourceClaims ?? []).flatMap((podClaim) => {
    const named = claimNameOf(pod, podClaim);
    const claim = named?.name === undefined ? undefined : snapshot.get(resourcev1.resourceclaims, named.name, namespaceOf(pod));
    if (!claim || (named!.own && !isMadeFor(claim, pod)) || !isReservedFor(claim, pod)) return [];
    const atMs = claimEvictionMs(claim, snapshot, nowMs);
    return atMs === undefined ? [] : [atMs];
  });
  return due.length === 0 ? undefined : Math.min(...due);
}
