// Writes what was decided about claims: allocations and reservations before a pod is bound, and back when it is not
// (plugins/dynamicresources/dynamicresources.go Reserve, Unreserve, PreBind, bindClaim).
import { corev1, resourcev1, timeText } from '@tiphys/api';
import type { Client, SeriesRecorder } from '@tiphys/client';
import { isConflict } from '@tiphys/machinery';
import type { Runtime } from '@tiphys/runtime';
import type { Reservation } from '../framework/plugin.ts';
import type { DeviceWorld } from './device-world.ts';
import { SPECIAL_NAME } from './extended.ts';
import { bindingProgress, hasBindingConditions, hasTimedOut, isReservedFor, RESOURCE_FINALIZER } from './pod-claims.ts';
import { isUnallocated, type NodeDevices, type PodDevices } from './pod-devices.ts';
import { claimText } from './requests.ts';

type Claim = resourcev1.ResourceClaim;

/** Writes of one claim (client-go retry.DefaultRetry). */
const ATTEMPTS_MAX = 5;
/** Between looks at whether devices are prepared. */
const POLL_MS = 5000;

export interface ClaimBinderServices {
  client: Client;
  runtime: Runtime;
  recorder: SeriesRecorder;
  world: DeviceWorld;
}

/** A claim on its way: what it is now, and what it is to get. */
interface Booking {
  claim: Claim;
  /** Under which it is pending. */
  uid: string;
  allocation?: resourcev1.AllocationResult;
  isSpecial: boolean;
}

const withFinalizer = (claim: Claim): Claim =>
  claim.metadata?.finalizers?.includes(RESOURCE_FINALIZER)
    ? claim
    : { ...claim, metadata: { ...claim.metadata, finalizers: [...(claim.metadata?.finalizers ?? []), RESOURCE_FINALIZER] } };

function bookings({ claims, special }: PodDevices, found: NodeDevices | undefined): Booking[] {
  let next = 0;
  return claims.flatMap((claim): Booking[] => {
    const isSpecial = claim === special;
    const real = isSpecial ? found?.special : claim;
    // The node offers the extended resources itself.
    if (!real) return [];
    const booking = { claim: real, uid: claim.metadata!.uid!, isSpecial };
    return isUnallocated(claim) ? [{ ...booking, allocation: found!.results[next++]! }] : [booking];
  });
}

export class ClaimBinder {
  readonly #services: ClaimBinderServices;

  constructor(services: ClaimBinderServices) {
    this.#services = services;
  }

  /** Holds the devices that the node would give until the pod is bound, or not. */
  reserve(pod: corev1.Pod, nodeName: string, state: PodDevices, bindingTimeoutMs: number): Reservation | undefined {
    const { world } = this.#services;
    const found = state.onNode.get(nodeName);
    const all = bookings(state, found);
    if (all.length === 0) return undefined;
    for (const { claim, uid, allocation } of all)
      if (allocation) world.pend(uid, { ...withFinalizer(claim), status: { ...claim.status, allocation } });
    return {
      undo: () => this.#undo(pod, all),
      preBind: async (signal) => {
        try {
          for (const booking of all) if (!isReservedFor(booking.claim, pod)) await this.#bind(pod, booking, found);
          if (all.some(({ claim }) => hasBindingConditions(claim))) await this.#prepared(pod, nodeName, all, bindingTimeoutMs, signal);
        } catch (error) {
          throw new Error(`running PreBind plugin "DynamicResources": ${(error as Error).message}`);
        }
      },
    };
  }

  /** Makes the claim free again, when nobody else uses it. */
  async deallocate(claim: Claim): Promise<void> {
    const { reservedFor: _reservedFor, allocation: _allocation, devices: _devices, ...status } = claim.status ?? {};
    this.#services.world.setClaim(await this.#claims.update({ ...claim, status }, { subresource: 'status' }));
  }

  async deleteClaim(claim: Claim): Promise<void> {
    const { name, namespace } = claim.metadata!;
    const finalizers = (given: Claim) => given.metadata?.finalizers?.filter((one) => one !== RESOURCE_FINALIZER) ?? [];
    await this.#retried(claim, (now) => this.#claims.update({ ...now, metadata: { ...now.metadata, finalizers: finalizers(now) } }));
    await this.#claims.delete(name!, namespace);
  }

  get #claims() {
    return this.#services.client.of(resourcev1.resourceclaims);
  }

  /** On a conflict again with what is there now. */
  async #retried<T>(claim: Claim, write: (now: Claim) => Promise<T>): Promise<T> {
    const { name, namespace } = claim.metadata!;
    let now = claim;
    for (let attempt = 1; ; attempt++) {
      try {
        return await write(now);
      } catch (error) {
        if (!isConflict(error) || attempt >= ATTEMPTS_MAX) throw error;
        now = await this.#claims.get(name!, namespace);
      }
    }
  }

  async #bind(pod: corev1.Pod, booking: Booking, found: NodeDevices | undefined): Promise<void> {
    if (booking.isSpecial && booking.claim.metadata!.name === SPECIAL_NAME) booking.claim = await this.#create(booking.claim);
    booking.claim = await this.#retried(booking.claim, (now) => this.#write(pod, now, booking.allocation));
    this.#services.world.setClaim(booking.claim);
    this.#services.world.release(booking.uid);
    if (booking.isSpecial) await this.#tellPod(pod, booking.claim, found);
  }

  async #create(claim: Claim): Promise<Claim> {
    const { name: _name, uid: _uid, ...metadata } = claim.metadata!;
    const { status: _status, ...rest } = claim;
    try {
      return await this.#claims.create({ ...rest, metadata });
    } catch (error) {
      throw new Error(`create claim for extended resources ${claimText(claim)}: ${(error as Error).message}`);
    }
  }

  async #write(pod: corev1.Pod, given: Claim, allocation: resourcev1.AllocationResult | undefined): Promise<Claim> {
    const at = claimText(given);
    if (given.metadata?.deletionTimestamp) throw new Error(`claim ${at} got deleted in the meantime`);
    if (allocation && given.status?.allocation) throw new Error(`claim ${at} got allocated elsewhere in the meantime`);
    const finalized = allocation ? withFinalizer(given) : given;
    const claim = finalized === given ? given : await this.#claims.update(finalized);
    const settled = allocation ?? claim.status?.allocation;
    if (!settled) throw new Error(`claim ${at} got deallocated elsewhere in the meantime`);
    const { name, uid } = pod.metadata!;
    const status: resourcev1.ResourceClaimStatus = {
      ...claim.status,
      allocation: { ...settled, allocationTimestamp: settled.allocationTimestamp ?? timeText(this.#services.runtime.clock.now()) },
      reservedFor: [...(claim.status?.reservedFor ?? []), { resource: 'pods', name: name!, uid: uid! }],
    };
    return this.#claims.update({ ...claim, status }, { subresource: 'status' });
  }

  async #tellPod(pod: corev1.Pod, claim: Claim, found: NodeDevices | undefined): Promise<void> {
    const { name, namespace } = pod.metadata!;
    const told = { requestMappings: [...(found?.mappings ?? [])], resourceClaimName: claim.metadata!.name! };
    const patch = { status: { extendedResourceClaimStatus: told } };
    await this.#services.client.of(corev1.pods).patch(name!, namespace, 'strategic', patch, { subresource: 'status' });
  }

  /** Waits for devices that must be prepared first. */
  async #prepared(pod: corev1.Pod, nodeName: string, all: Booking[], timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { runtime, recorder, world } = this.#services;
    const note = `waiting for binding conditions for device on node ${nodeName}`;
    recorder.event({ ...pod, apiVersion: 'v1', kind: 'Pod' }, 'Normal', 'BindingConditionsPending', note, { action: 'Scheduling' });
    const endMs = runtime.clock.now() + timeoutMs;
    for (;;) {
      let isReady = true;
      for (const booking of all) {
        const { namespace, name } = booking.claim.metadata!;
        booking.claim = world.claim(namespace!, name!) ?? booking.claim;
        const progress = bindingProgress(booking.claim);
        if (typeof progress === 'object') throw new Error(progress.failed);
        isReady &&= progress === 'ready';
        if (progress === 'waiting' && hasTimedOut(booking.claim, runtime.clock.now(), timeoutMs))
          throw new Error(`device binding timeout: claim=${name}`);
      }
      if (isReady) return;
      if (runtime.clock.now() >= endMs) throw new Error('device binding timeout: context deadline exceeded');
      await runtime.clock.sleep(POLL_MS, signal);
    }
  }

  #undo(pod: corev1.Pod, all: readonly Booking[]): void {
    for (const { uid } of all) this.#services.world.release(uid);
    for (const { claim, isSpecial } of all) {
      if (!isSpecial && (isUnallocated(claim) || !isReservedFor(claim, pod))) continue;
      if (isSpecial && claim.metadata!.name === SPECIAL_NAME) continue;
      const done = isSpecial ? this.deleteClaim(claim) : this.#unreserve(pod, claim);
      done.catch((error) => this.#services.runtime.log.warning('unreserve', { resourceclaim: claimText(claim), err: String(error) }));
    }
  }

  async #unreserve(pod: corev1.Pod, { metadata }: Claim): Promise<void> {
    const patch = { metadata: { uid: metadata!.uid }, status: { reservedFor: [{ $patch: 'delete', uid: pod.metadata!.uid }] } };
    await this.#claims.patch(metadata!.name!, metadata!.namespace, 'strategic', patch, { subresource: 'status' });
  }
}
