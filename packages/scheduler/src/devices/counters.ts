// Counters that the devices of a pool draw on together, such as slices of one GPU (KEP-4815; dynamic-resource-allocation
// structured checkAvailableCounters).
import { Quantity, type resourcev1 } from '@tiphys/api';
import type { Allocated } from './allocated.ts';
import type { Candidate, Pool } from './pools.ts';

type Amounts = Map<string, Quantity>;

function* consumptions({ consumesCounters = [] }: resourcev1.Device): Generator<[string, Quantity]> {
  for (const { counterSet, counters } of consumesCounters)
    for (const [name, { value }] of Object.entries(counters)) yield [`${counterSet}/${name}`, Quantity.parse(value)];
}

const isTaken = (id: string, allocated: Allocated) => allocated.isDedicated(id) || allocated.capacityTaken(id) !== undefined;

/** What allocated devices left. May be below zero, where a driver lowered what there is. */
function availableIn({ counterSets, candidates, others }: Pool, allocated: Allocated): Amounts {
  const available: Amounts = new Map();
  for (const { name: set, counters } of counterSets.values())
    for (const [name, { value }] of Object.entries(counters)) available.set(`${set}/${name}`, Quantity.parse(value));
  for (const { id, device } of [...candidates, ...others]) {
    if (!isTaken(id, allocated)) continue;
    for (const [key, amount] of consumptions(device)) {
      const left = available.get(key);
      if (left) available.set(key, left.sub(amount));
    }
  }
  return available;
}

/** What is left at one moment, for all nodes that are tried. */
export class AvailableCounters {
  readonly #allocated: Allocated;
  readonly #pools = new Map<string, Amounts>();

  constructor(allocated: Allocated) {
    this.#allocated = allocated;
  }

  of(pool: Pool): ReadonlyMap<string, Quantity> {
    let available = this.#pools.get(pool.id);
    if (!available) {
      available = availableIn(pool, this.#allocated);
      this.#pools.set(pool.id, available);
    }
    return available;
  }
}

/** What the devices of one attempt draw. */
export class DrawnCounters {
  readonly #available: AvailableCounters;
  readonly #drawn = new Map<string, Amounts>();

  constructor(available: AvailableCounters) {
    this.#available = available;
  }

  /** False when there is not enough; nothing is drawn then. */
  draw(candidate: Candidate): boolean {
    this.#add(candidate, 1);
    const drawn = this.#drawn.get(candidate.pool.id)!;
    const isEnough = [...this.#available.of(candidate.pool)].every(([key, left]) => left.compare(drawn.get(key) ?? Quantity.zero) >= 0);
    if (!isEnough) this.giveBack(candidate);
    return isEnough;
  }

  giveBack(candidate: Candidate): void {
    this.#add(candidate, -1);
  }

  #add({ device, pool }: Candidate, by: 1 | -1): void {
    const drawn = this.#drawn.get(pool.id) ?? new Map<string, Quantity>();
    this.#drawn.set(pool.id, drawn);
    for (const [key, amount] of consumptions(device)) {
      const before = drawn.get(key) ?? Quantity.zero;
      drawn.set(key, by === 1 ? before.add(amount) : before.sub(amount));
    }
  }
}
