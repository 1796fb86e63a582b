// The search for devices: one after the other, with a way back, and the first that fits is taken
// (dynamic-resource-allocation structured allocator_incubating.go allocateOne, allocateDevice).
import type { corev1, Quantity, resourcev1 } from '@tiphys/api';
import type { Allocated } from './allocated.ts';
import { addCapacities, capacityFits, consumedCapacity } from './capacity.ts';
import { type Constraint, constraintFrom } from './constraints.ts';
import type { DrawnCounters } from './counters.ts';
import type { Candidate } from './pools.ts';
import { AllocationError, claimText, isSelectable, RESULTS_MAX, type RequestPlan, type Wanted } from './requests.ts';
import { isTolerated } from './taints.ts';

/** A device that a request gets. */
export interface Taken {
  wanted: Wanted;
  candidate: Candidate;
  /** What it takes of a device that others may share. */
  shared?: ReadonlyMap<string, Quantity>;
}

export interface ClaimPlan {
  claim: resourcev1.ResourceClaim;
  requests: readonly RequestPlan[];
}

/** 'too many': whatever is tried next, the claim would get more devices than it can hold. */
type Outcome = boolean | 'too many';

interface Place {
  claim: number;
  request: number;
  wanted: Wanted;
}

export interface SearchContext {
  node: corev1.Node;
  /** Those that can be had, in the order in which they are tried. */
  candidates: readonly Candidate[];
  allocated: Allocated;
  counters: DrawnCounters;
  /** Called at every step; throws to end the search. */
  step(): void;
}

const hindersBy = ({ device }: Candidate, { details }: Wanted) =>
  (device.taints ?? []).some(
    (taint) =>
      (taint.effect === 'NoExecute' || taint.effect === 'NoSchedule') &&
      !details.tolerations?.some((toleration) => isTolerated(toleration, taint)),
  );

function constraintsOf(claim: resourcev1.ResourceClaim): Constraint[] {
  return (claim.spec.devices?.constraints ?? []).map((given, index) => {
    const constraint = constraintFrom(given);
    if (constraint) return constraint;
    throw new AllocationError(`claim ${claimText(claim)}, constraint #${index}: empty constraint (unsupported constraint type?)`);
  });
}

export class Search {
  /** By claim. */
  readonly taken: Taken[][];
  /** By claim and request: which alternative was taken. */
  readonly chosen: Wanted[][];
  readonly #plans: readonly ClaimPlan[];
  readonly #context: SearchContext;
  readonly #constraints: readonly (readonly Constraint[])[];
  /** Device → claims that get it. */
  readonly #dedicated = new Map<string, Set<number>>();
  readonly #shares = new Map<string, { count: number; taken: Map<string, Quantity> }>();
  readonly #selectable = new Map<Wanted, Map<string, boolean>>();

  constructor(plans: readonly ClaimPlan[], context: SearchContext) {
    this.#plans = plans;
    this.#context = context;
    this.#constraints = plans.map(({ claim }) => constraintsOf(claim));
    this.taken = plans.map(() => []);
    this.chosen = plans.map(({ requests }) => requests.map(({ alternatives }) => alternatives[0]!));
  }

  /** True when everything was found: `taken` has it then. */
  run(): boolean {
    return this.#request(0, 0) === true;
  }

  #request(claim: number, request: number): Outcome {
    const plan = this.#plans[claim];
    if (!plan) return true;
    const wanted = plan.requests[request];
    if (!wanted) {
      const outcome = this.#request(claim + 1, 0);
      // Other devices for this claim may leave the next one an alternative that needs fewer.
      return outcome === 'too many' ? false : outcome;
    }
    if (!wanted.isList) return this.#devices({ claim, request, wanted: wanted.alternatives[0]! }, 0, 0);
    let areAllTooMany = true;
    for (const alternative of wanted.alternatives) {
      const outcome = this.#devices({ claim, request, wanted: alternative }, 0, 0);
      if (outcome === 'too many') continue;
      areAllTooMany = false;
      if (!outcome) continue;
      this.chosen[claim]![request] = alternative;
      return true;
    }
    return areAllTooMany ? 'too many' : false;
  }

  /** The devices of a request from the `index`-th on. They are tried in order, so that no set of them is tried twice. */
  #devices(place: Place, index: number, start: number): Outcome {
    this.#context.step();
    const { claim, request, wanted } = place;
    if (wanted.all?.length === 0) return false;
    if (index >= wanted.count) return this.#request(claim, request + 1);
    if (this.taken[claim]!.length + wanted.count - index > RESULTS_MAX) return 'too many';
    if (wanted.all) return this.#with(place, wanted.all[index]!, index, 0) ?? false;
    const { candidates } = this.#context;
    for (let at = start; at < candidates.length; at++) {
      const candidate = candidates[at]!;
      if (!this.#isPossible(place, candidate)) continue;
      const outcome = this.#with(place, candidate, index, at + 1);
      if (outcome) return outcome;
    }
    return false;
  }

  /** Everything from here on with that device; undefined when it can't be had. */
  #with(place: Place, candidate: Candidate, index: number, next: number): Outcome | undefined {
    const giveBack = this.#take(place, candidate);
    if (!giveBack) return undefined;
    const outcome = this.#devices(place, index + 1, next);
    if (outcome !== true) giveBack();
    return outcome;
  }

  #isPossible({ claim, wanted }: Place, candidate: Candidate): boolean {
    const { id } = candidate;
    if (wanted.details.adminAccess ? this.#dedicated.get(id)?.has(claim) : this.#isInUse(id)) return false;
    const answers = this.#selectable.get(wanted) ?? new Map<string, boolean>();
    this.#selectable.set(wanted, answers);
    let isOne = answers.get(id);
    if (isOne === undefined) {
      isOne = isSelectable(wanted, candidate, this.#context.node, this.#plans[claim]!.claim);
      answers.set(id, isOne);
    }
    return isOne && this.#hasCapacity(wanted, candidate);
  }

  #isInUse(id: string): boolean {
    return this.#context.allocated.isDedicated(id) || (this.#dedicated.get(id)?.size ?? 0) > 0;
  }

  #hasCapacity({ details }: Wanted, { id, device }: Candidate): boolean {
    return capacityFits(details.capacity, device.capacity, [this.#context.allocated.capacityTaken(id), this.#shares.get(id)?.taken]);
  }

  /** Takes the device for the request and gives the way back; undefined when something stands against it. */
  #take({ claim, wanted }: Place, candidate: Candidate): (() => void) | undefined {
    const { id, device } = candidate;
    const { counters, allocated } = this.#context;
    const isShared = device.allowMultipleAllocations === true;
    const isAdmin = wanted.details.adminAccess === true;
    if (isAdmin ? !isShared && this.#dedicated.get(id)?.has(claim) : this.#isInUse(id)) return undefined;
    const undo: (() => void)[] = [];
    const giveBack = () => {
      for (const each of undo.reverse()) each();
    };
    // A device that is shared draws on its counters once.
    const drawsAlready = isShared && (allocated.capacityTaken(id) !== undefined || this.#shares.has(id));
    if (!drawsAlready && device.consumesCounters?.length) {
      if (!counters.draw(candidate)) return undefined;
      undo.push(() => counters.giveBack(candidate));
    }
    if (hindersBy(candidate, wanted) || !this.#satisfies(claim, wanted, candidate, undo) || !this.#hasCapacity(wanted, candidate)) {
      giveBack();
      return undefined;
    }
    const shared = isShared ? consumedCapacity(wanted.details.capacity, device.capacity) : undefined;
    undo.push(shared ? this.#share(id, shared) : this.#dedicate(id, claim));
    const taken = this.taken[claim]!;
    taken.push({ wanted, candidate, ...(shared ? { shared } : {}) });
    undo.push(() => taken.pop());
    return giveBack;
  }

  #satisfies(claim: number, wanted: Wanted, candidate: Candidate, undo: (() => void)[]): boolean {
    const { parent, name } = wanted;
    const named = parent === undefined ? { request: name } : { request: parent, alternative: name };
    for (const constraint of this.#constraints[claim]!) {
      if (constraint.add(named, candidate)) undo.push(() => constraint.remove(named, candidate));
      else if (wanted.all) {
        const at = `claim ${claimText(this.#plans[claim]!.claim)}, request ${name}`;
        throw new AllocationError(`${at}: cannot add device ${candidate.id} because a claim constraint would not be satisfied`);
      } else return false;
    }
    return true;
  }

  #dedicate(id: string, claim: number): () => void {
    const claims = this.#dedicated.get(id) ?? new Set();
    this.#dedicated.set(id, claims.add(claim));
    return () => claims.delete(claim);
  }

  #share(id: string, amounts: ReadonlyMap<string, Quantity>): () => void {
    const share = this.#shares.get(id) ?? { count: 0, taken: new Map() };
    this.#shares.set(id, share);
    share.count++;
    addCapacities(share.taken, amounts, 1);
    return () => {
      addCapacities(share.taken, amounts, -1);
      if (--share.count === 0) this.#shares.delete(id);
    };
  }
}
