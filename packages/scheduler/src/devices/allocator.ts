// Gives claims devices that a node reaches (KEP-4381; dynamic-resource-allocation structured/allocator.go). Pure: what is allocated
// already and when to give up come as arguments.
import type { corev1, resourcev1 } from '@tiphys/api';
import type { Allocated } from './allocated.ts';
import { AvailableCounters, DrawnCounters } from './counters.ts';
import type { DeviceCatalog } from './pools.ts';
import { planRequests } from './requests.ts';
import { resultOf } from './results.ts';
import { Search } from './search.ts';

/** This node's pools contradict themselves; others may do. */
export class BrokenPoolsError extends Error {
  override name = 'BrokenPoolsError';
}

export interface AllocatorOptions {
  catalog: DeviceCatalog;
  allocated: Allocated;
  deviceClass(name: string): resourcev1.DeviceClass | undefined;
  newShareId(): string;
}

/** For the claims of one pod, node after node. */
export class Allocator {
  readonly #options: AllocatorOptions;
  readonly #counters: AvailableCounters;

  constructor(options: AllocatorOptions) {
    this.#options = options;
    this.#counters = new AvailableCounters(options.allocated);
  }

  /**
   * A result for each claim; undefined when not all can be had on this node. `step` is called at every step of the search and throws to end it.
   * Throws AllocationError and BrokenPoolsError.
   */
  allocate(
    node: corev1.Node,
    claims: readonly resourcev1.ResourceClaim[],
    step: () => void = () => undefined,
  ): resourcev1.AllocationResult[] | undefined {
    const { catalog, allocated, deviceClass, newShareId } = this.#options;
    const pools = catalog.poolsFor(node);
    const plans = claims.map((claim) => ({ claim, requests: planRequests(claim, { node, pools, allocated, deviceClass }) }));
    const candidates = pools.flatMap((pool) => (pool.isIncomplete || pool.invalid ? [] : pool.candidates));
    const search = new Search(plans, { node, candidates, allocated, counters: new DrawnCounters(this.#counters), step });
    if (search.run())
      return plans.map(({ claim }, index) => resultOf(claim, search.taken[index]!, search.chosen[index]!, node, newShareId));
    if (pools.some(({ invalid }) => invalid)) throw new BrokenPoolsError('invalid resource pools were encountered');
    return undefined;
  }
}
