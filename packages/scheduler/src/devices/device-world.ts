// What the scheduler knows of devices and claims: what the caches show, what it has just written, and what is decided but not
// written yet (plugins/dynamicresources/dra_manager.go).
import type { resourcev1 } from '@tiphys/api';
import { type Allocated, AllocatedDevices } from './allocated.ts';
import { classesByResource, SPECIAL_ANNOTATION } from './extended.ts';
import { DeviceCatalog } from './pools.ts';

type Claim = resourcev1.ResourceClaim;
type Class = resourcev1.DeviceClass;

/** What plugins see of it. */
export interface DeviceView {
  claim(namespace: string, name: string): Claim | undefined;
  /** The one that the scheduler made for the pod's extended resources. */
  specialClaimOf(podUid: string): Claim | undefined;
  /** It has been decided what the claim gets, and that is being written. */
  isPending(claimUid: string): boolean;
  deviceClass(name: string): Class | undefined;
  /** The class that stands for an extended resource. */
  classFor(resource: string): Class | undefined;
  readonly allocated: Allocated;
  readonly catalog: DeviceCatalog;
}

const keyOf = ({ metadata }: Claim) => `${metadata?.namespace}/${metadata?.name}`;
const versionOf = ({ metadata }: Claim) => Number(metadata?.resourceVersion ?? 0);

function specialOwner({ metadata }: Claim): string | undefined {
  if (metadata?.annotations?.[SPECIAL_ANNOTATION] !== 'true') return undefined;
  return metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
}

export class DeviceWorld implements DeviceView {
  readonly allocated = new AllocatedDevices();
  readonly #claims = new Map<string, Claim>();
  readonly #special = new Map<string, string>();
  readonly #pending = new Map<string, Claim>();
  readonly #classes = new Map<string, Class>();
  readonly #slices = new Map<string, resourcev1.ResourceSlice>();
  #byResource: ReadonlyMap<string, Class> | undefined;
  #catalog: DeviceCatalog | undefined;

  claim(namespace: string, name: string): Claim | undefined {
    return this.#claims.get(`${namespace}/${name}`);
  }

  specialClaimOf(podUid: string): Claim | undefined {
    const key = this.#special.get(podUid);
    return key === undefined ? undefined : this.#claims.get(key);
  }

  isPending(claimUid: string): boolean {
    return this.#pending.has(claimUid);
  }

  deviceClass(name: string): Class | undefined {
    return this.#classes.get(name);
  }

  classFor(resource: string): Class | undefined {
    this.#byResource ??= classesByResource([...this.#classes.values()]);
    return this.#byResource.get(resource);
  }

  get catalog(): DeviceCatalog {
    this.#catalog ??= new DeviceCatalog([...this.#slices.values()]);
    return this.#catalog;
  }

  /** As a cache shows it, or as a write has answered. What is older than what is known is passed over. */
  setClaim(claim: Claim): void {
    const key = keyOf(claim);
    const known = this.#claims.get(key);
    if (known && known.metadata?.uid === claim.metadata?.uid && versionOf(known) > versionOf(claim)) return;
    if (known) this.#forget(known);
    this.#claims.set(key, claim);
    this.allocated.count(claim, 1);
    const owner = specialOwner(claim);
    if (owner !== undefined) this.#special.set(owner, key);
  }

  removeClaim(claim: Claim): void {
    const known = this.#claims.get(keyOf(claim));
    if (known && known.metadata?.uid === claim.metadata?.uid) this.#forget(known);
  }

  /** The claim with what it is to get, until released. */
  pend(uid: string, claim: Claim): void {
    this.release(uid);
    this.#pending.set(uid, claim);
    this.allocated.count(claim, 1);
  }

  release(uid: string): void {
    const claim = this.#pending.get(uid);
    if (!claim) return;
    this.#pending.delete(uid);
    this.allocated.count(claim, -1);
  }

  setClass(one: Class): void {
    this.#classes.set(one.metadata!.name!, one);
    this.#byResource = undefined;
  }

  removeClass(one: Class): void {
    this.#classes.delete(one.metadata!.name!);
    this.#byResource = undefined;
  }

  setSlice(slice: resourcev1.ResourceSlice): void {
    this.#slices.set(slice.metadata!.name!, slice);
    this.#catalog = undefined;
  }

  removeSlice(slice: resourcev1.ResourceSlice): void {
    this.#slices.delete(slice.metadata!.name!);
    this.#catalog = undefined;
  }

  #forget(claim: Claim): void {
    this.#claims.delete(keyOf(claim));
    this.allocated.count(claim, -1);
    const owner = specialOwner(claim);
    if (owner !== undefined) this.#special.delete(owner);
  }
}
