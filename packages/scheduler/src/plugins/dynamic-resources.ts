// DynamicResources: nodes where the pod's resource claims have, or can be given, their devices; allocates and reserves them before the
// pod is bound (KEP-4381; plugins/dynamicresources, with the feature gates that v1.36 has on by default).
import type { resourcev1 } from '@tiphys/api';
import type { Runtime } from '@tiphys/runtime';
import type { ClaimBinder } from '../devices/claim-binder.ts';
import { SPECIAL_NAME } from '../devices/extended.ts';
import { refusalOfDevices, scoreOfDevices } from '../devices/node-devices.ts';
import { claimNamesOf, podClaims } from '../devices/pod-claims.ts';
import { type DeviceTools, type PodDevices, podDevices } from '../devices/pod-devices.ts';
import type { Hint } from '../framework/events.ts';
import { isRefusal, normalizeByMax, type Plugin, type PostFilterAnswer, refuse } from '../framework/plugin.ts';

export interface DynamicResourcesArguments {
  /** How long the search for devices may take on one node; 0: for ever. */
  filterTimeoutMs?: number;
  /** How long devices may take to be prepared. */
  bindingTimeoutMs?: number;
}

/** Upstream's is ten seconds; but here the search holds up everything else. */
const FILTER_TIMEOUT_MS = 2000;
const BINDING_TIMEOUT_MS = 600_000;
/** Looking at the clock costs more than a step. */
const STEPS_PER_LOOK = 256;

function watch(runtime: Runtime | undefined, limitMs: number): DeviceTools['startWatch'] {
  return (nodeName) => {
    if (!runtime || limitMs === 0) return () => undefined;
    const endMs = runtime.clock.monotonicMs() + limitMs;
    let steps = 0;
    return () => {
      if (++steps % STEPS_PER_LOOK === 0 && runtime.clock.monotonicMs() > endMs)
        throw new Error(`node ${nodeName}: timed out trying to allocate devices`);
    };
  };
}

const sameStatus = (a: resourcev1.ResourceClaim, b: resourcev1.ResourceClaim) => JSON.stringify(a.status) === JSON.stringify(b.status);

const claimChanged: Hint = (waiting, { claim }) => {
  const now = claim?.new;
  if (!now) return false;
  // Its devices may be what the pod waits for.
  if (claim.old?.status?.allocation && !now.status?.allocation) return true;
  const { namespace, name = '' } = now.metadata!;
  if (namespace !== waiting.metadata!.namespace || !claimNamesOf(waiting).includes(name)) return false;
  return !claim.old || !sameStatus(claim.old, now);
};

/** One of the claims that could be used elsewhere is given up, as far as nobody else uses it. */
function postFilter(state: PodDevices | undefined, podUid: string, binder: ClaimBinder | undefined): PostFilterAnswer {
  if (!state) return { reason: 'no new claims to deallocate' };
  const { claims, special, unavailable } = state;
  for (const index of unavailable) {
    const claim = claims[index]!;
    const users = claim.status?.reservedFor ?? [];
    if (claim === special || users.some(({ uid }) => uid !== podUid)) continue;
    return { reason: 'deallocation of ResourceClaim completed', act: async () => binder?.deallocate(claim) };
  }
  if (special && special.metadata!.name !== SPECIAL_NAME)
    return { reason: 'deletion of ResourceClaim completed', act: async () => binder?.deleteClaim(special) };
  return { reason: 'still not schedulable' };
}

/** Without a binder it only judges. */
export function dynamicResources(given: DynamicResourcesArguments = {}, binder?: ClaimBinder, runtime?: Runtime): Plugin<PodDevices> {
  const { filterTimeoutMs = FILTER_TIMEOUT_MS, bindingTimeoutMs = BINDING_TIMEOUT_MS } = given;
  let thought = 0;
  const tools: DeviceTools = {
    newId: () => runtime?.random.uuid() ?? `thought-${thought++}`,
    nowMs: () => runtime?.clock.now() ?? 0,
    bindingTimeoutMs,
    startWatch: watch(runtime, filterTimeoutMs),
  };
  return {
    name: 'DynamicResources',
    weight: 2,
    events: {
      NodeAdded: true,
      NodeUpdated: true,
      ResourceClaimChanged: claimChanged,
      DeviceClassChanged: true,
      ResourceSliceChanged: true,
    },
    preEnqueue: (pod, { devices }) => {
      const claims = podClaims(pod, (namespace, name) => devices.claim(namespace, name));
      return typeof claims === 'string' ? refuse([claims], true) : undefined;
    },
    preFilter: (info, { devices }) => {
      const state = podDevices(info, devices, tools);
      if (!state) return { skip: true };
      return isRefusal(state) ? { refusal: state } : { state };
    },
    filter: (info, node, state) => refusalOfDevices(info, node, state, tools),
    preScore: (_info, _feasible, _snapshot, state) => state,
    score: (_info, node, state: PodDevices) => scoreOfDevices(state, node),
    normalize: (scores) => normalizeByMax(scores),
    reserve: ({ pod }, { name }, _snapshot, state) => state && binder?.reserve(pod, name, state, bindingTimeoutMs),
    postFilter: ({ uid }, state) => postFilter(state, uid, binder),
  };
}
