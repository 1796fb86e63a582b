// Which devices are taken, and how much of those that are shared: counted as claims come and go
// (pkg/scheduler/framework/plugins/dynamicresources/allocateddevices.go).
import { Quantity, type resourcev1 } from '@tiphys/api';
import { addCapacities, type Capacities } from './capacity.ts';

/** `driver/pool/device`. */
export const deviceId = (driver: string, pool: string, device: string): string => `${driver}/${pool}/${device}`;

export interface Allocated {
  /** Taken as a whole. */
  isDedicated(id: string): boolean;
  /** Of a device that is shared; undefined when nobody shares it. */
  capacityTaken(id: string): Capacities | undefined;
}

export class AllocatedDevices implements Allocated {
  readonly #dedicated = new Map<string, number>();
  readonly #shares = new Map<string, { count: number; taken: Map<string, Quantity> }>();

  isDedicated(id: string): boolean {
    return this.#dedicated.has(id);
  }

  capacityTaken(id: string): Capacities | undefined {
    return this.#shares.get(id)?.taken;
  }

  /** Counts what the claim was given (1), or gives it back (-1). Devices for administrators stay free. */
  count({ status }: resourcev1.ResourceClaim, by: 1 | -1): void {
    for (const result of status?.allocation?.devices?.results ?? []) {
      if (result.adminAccess) continue;
      const id = deviceId(result.driver, result.pool, result.device);
      if (result.shareID !== undefined) this.#share(id, result.consumedCapacity, by);
      else {
        const users = (this.#dedicated.get(id) ?? 0) + by;
        if (users > 0) this.#dedicated.set(id, users);
        else this.#dedicated.delete(id);
      }
    }
  }

  #share(id: string, consumed: Readonly<Record<string, string>> | undefined, by: 1 | -1): void {
    const share = this.#shares.get(id) ?? { count: 0, taken: new Map() };
    share.count += by;
    const amounts = new Map(Object.entries(consumed ?? {}).map(([name, text]) => [name, Quantity.parse(text)]));
    addCapacities(share.taken, amounts, by);
    if (share.count > 0) this.#shares.set(id, share);
    else this.#shares.delete(id);
  }
}
