// What may go wrong between a part of the cluster and the API server. Faults are data: drawn from a seed, set and lifted by
// name, and so left out one by one when the shortest story of a failure is looked for.
import type { Random } from '@tiphys/runtime';

/** Who talks to the server, or the server itself. */
export type PartName = 'controllers' | 'scheduler' | 'nodes' | 'user' | 'server';

export const REFUSALS = {
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
} as const;
export type RefusalCode = keyof typeof REFUSALS;

export type Fault =
  /** A share of the part's requests is answered with the code, and not carried out. */
  | { kind: 'refuse'; part: PartName; code: RefusalCode; share: number }
  /** A share of the part's writes is carried out, and the answer is lost: the part sees a 500. */
  | { kind: 'lose-answers'; part: PartName; share: number }
  /** Requests of the part take so much longer. */
  | { kind: 'slow'; part: PartName; delayMs: number }
  /** What the part watches reaches it so much later, in order. */
  | { kind: 'stale'; part: PartName; delayMs: number }
  /** All watches of the part end now and may begin anew. */
  | { kind: 'drop-watches'; part: PartName }
  /** A node's heartbeats don't arrive: the API server takes neither its lease nor its status. */
  | { kind: 'silence'; part: 'nodes'; node: string }
  /** Who holds the part's lease can't renew it, until another does. Of a part that is alone of its kind nobody asks for a lease. */
  | { kind: 'lose-lease'; part: 'controllers' | 'scheduler' }
  /** A webhook that admits new pods answers late, and a share of its answers is an error. */
  | { kind: 'webhook'; part: 'server'; delayMs: number; share: number };

type LastingFault = Exclude<Fault, { kind: 'drop-watches' }>;

/** Of those who elect leaders; nodes' leases are in a namespace of their own. */
const ELECTION = /\/namespaces\/kube-system\/leases\//;

const heartbeatOf = (node: string) => new RegExp(`/(leases/${node}|nodes/${node}/status)(\\?|$)`);

/** The faults that are on, and how they are drawn for one request. */
export class Faults {
  readonly #random: Random;
  readonly #active = new Set<LastingFault>();
  /** Who held the lease when the fault began. */
  readonly #losers = new Map<LastingFault, string>();
  readonly #watches = new Map<PartName, Set<() => void>>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Turns a fault on. Returns what turns it off; ending watches is over at once. */
  begin(fault: Fault): () => void {
    if (fault.kind === 'drop-watches') {
      for (const end of [...(this.#watches.get(fault.part) ?? [])]) end();
      return () => {};
    }
    const active = { ...fault };
    this.#active.add(active);
    return () => {
      this.#active.delete(active);
      this.#losers.delete(active);
    };
  }

  /** Turns everything off. */
  lift(): void {
    this.#active.clear();
    this.#losers.clear();
  }

  refusal(part: PartName): RefusalCode | undefined {
    for (const fault of this.#of(part)) if (fault.kind === 'refuse' && this.#random.number() < fault.share) return fault.code;
    return undefined;
  }

  /** Whether nothing of what the node says of itself arrives. */
  silences(part: PartName, url: string): boolean {
    return this.#of(part).some((fault) => fault.kind === 'silence' && heartbeatOf(fault.node).test(url));
  }

  /** Whether the renewal of a lease is one that is lost. `holder` is who would hold it then. */
  losesLease(part: PartName, url: string, holder: string | undefined): boolean {
    if (!holder || !ELECTION.test(url)) return false;
    return this.#of(part).some((fault) => {
      if (fault.kind !== 'lose-lease') return false;
      // The first who writes is who holds it: others only look until it is over.
      const loser = this.#losers.get(fault) ?? holder;
      this.#losers.set(fault, loser);
      return loser === holder;
    });
  }

  /** What the webhook does to one request. */
  webhook(): { delayMs: number; fails: boolean } {
    let [delayMs, fails] = [0, false];
    for (const fault of this.#active) {
      if (fault.kind !== 'webhook') continue;
      delayMs += fault.delayMs;
      fails ||= this.#random.number() < fault.share;
    }
    return { delayMs, fails };
  }

  losesAnswer(part: PartName): boolean {
    return this.#of(part).some((fault) => fault.kind === 'lose-answers' && this.#random.number() < fault.share);
  }

  requestDelayMs(part: PartName): number {
    return this.#of(part).reduce((sum, fault) => sum + (fault.kind === 'slow' ? fault.delayMs : 0), 0);
  }

  watchDelayMs(part: PartName): number {
    return this.#of(part).reduce((sum, fault) => sum + (fault.kind === 'stale' ? fault.delayMs : 0), 0);
  }

  /** Remembers how to end a watch of the part. Returns what forgets it. */
  watching(part: PartName, end: () => void): () => void {
    const ends = this.#watches.get(part) ?? new Set();
    this.#watches.set(part, ends.add(end));
    return () => void ends.delete(end);
  }

  #of(part: PartName): LastingFault[] {
    return [...this.#active].filter((fault) => fault.part === part);
  }
}
