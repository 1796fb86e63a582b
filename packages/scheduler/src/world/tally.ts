// How many placed pods that match something there are in each domain of a topology (a zone, a node …). Counting all pods for
// every pod that is tried is what makes affinity slow; a tally counts once and then follows the changes.
import { invariant } from '@tiphys/std';
import type { NodeInfo, PodInfo } from './infos.ts';

export interface TallyDefinition {
  /** Equal keys mean equal definitions. */
  key: string;
  topologyKey: string;
  /** May look at what labelsKey covers only. */
  matches(pod: PodInfo): boolean;
  /** Pods that are being deleted do not count. */
  ignoresTerminating?: boolean;
  /** Domains exist, and pods count, on these nodes only; may look at labels, taints and name of the node. */
  eligible?(node: NodeInfo): boolean;
}

export interface Domain {
  readonly value: string;
  /** Pods that match. */
  readonly count: number;
  /** Nodes in it. */
  readonly nodes: number;
}

export interface Tally {
  /** All that match, in all domains. */
  readonly total: number;
  readonly domains: number;
  /** The smallest count of any domain; 0 without domains. */
  readonly min: number;
  /** The node's domain. Undefined: it has no such label, or is not eligible. */
  domain(node: NodeInfo): Domain | undefined;
  /** What the node's label says, whether it is eligible or not. */
  value(node: NodeInfo): string | undefined;
  /** `min` as it would be if the domain's count were changed by so much. */
  minAfter(domain: Domain, by: number): number;
  matches(pod: PodInfo): boolean;
}

/** Answers remembered per tally; pods come from few templates. */
const MATCHES_MAX = 4096;

export class RunningTally implements Tally {
  total = 0;
  min = 0;
  readonly #definition: TallyDefinition;
  readonly #byValue = new Map<string, { value: string; count: number; nodes: number }>();
  readonly #bySlot: ({ value: string; count: number; nodes: number } | undefined)[] = [];
  readonly #values: (string | undefined)[] = [];
  /** Count → how many domains have it. */
  readonly #histogram = new Map<number, number>();
  readonly #matches = new Map<string, boolean>();

  constructor(definition: TallyDefinition, nodes: Iterable<NodeInfo>) {
    this.#definition = definition;
    for (const node of nodes) this.nodeAdded(node);
  }

  get domains(): number {
    return this.#byValue.size;
  }

  domain(node: NodeInfo): Domain | undefined {
    return this.#bySlot[node.slot];
  }

  value(node: NodeInfo): string | undefined {
    return this.#values[node.slot];
  }

  matches(pod: PodInfo): boolean {
    let matches = this.#matches.get(pod.labelsKey);
    if (matches === undefined) {
      if (this.#matches.size >= MATCHES_MAX) this.#matches.clear();
      matches = this.#definition.matches(pod);
      this.#matches.set(pod.labelsKey, matches);
    }
    return matches;
  }

  minAfter(domain: Domain, by: number): number {
    const count = domain.count + by;
    if (count <= this.min) return count;
    if (domain.count > this.min || (this.#histogram.get(this.min) ?? 0) > 1) return this.min;
    let min = count;
    for (const other of this.#byValue.values()) if (other !== domain && other.count < min) min = other.count;
    return min;
  }

  /** With the pods that it has. */
  nodeAdded(node: NodeInfo): void {
    const value = node.node.metadata?.labels?.[this.#definition.topologyKey];
    this.#values[node.slot] = value;
    if (value === undefined || this.#definition.eligible?.(node) === false) return;
    let domain = this.#byValue.get(value);
    if (!domain) {
      domain = { value, count: 0, nodes: 0 };
      this.#byValue.set(value, domain);
      this.#counted(0, 1);
    }
    domain.nodes++;
    this.#bySlot[node.slot] = domain;
    for (const pod of node.pods.values()) this.podChanged(pod, node, 1);
  }

  /** With the pods that it still has. */
  nodeRemoved(node: NodeInfo): void {
    this.#values[node.slot] = undefined;
    const domain = this.#bySlot[node.slot];
    if (!domain) return;
    for (const pod of node.pods.values()) this.podChanged(pod, node, -1);
    this.#bySlot[node.slot] = undefined;
    if (--domain.nodes > 0) return;
    invariant(domain.count === 0, 'a domain without nodes has no pods');
    this.#byValue.delete(domain.value);
    this.#counted(0, -1);
  }

  podChanged(pod: PodInfo, node: NodeInfo, by: 1 | -1): void {
    const domain = this.#bySlot[node.slot];
    if (!domain || !this.#counts(pod)) return;
    const old = domain.count;
    domain.count += by;
    this.total += by;
    // The new count first: the old one may be the only domain at the minimum.
    this.#counted(domain.count, 1);
    this.#counted(old, -1);
  }

  #counts(pod: PodInfo): boolean {
    return !(this.#definition.ignoresTerminating && pod.pod.metadata?.deletionTimestamp) && this.matches(pod);
  }

  #counted(count: number, by: 1 | -1): void {
    const domains = (this.#histogram.get(count) ?? 0) + by;
    if (domains > 0) this.#histogram.set(count, domains);
    else this.#histogram.delete(count);
    if (by === 1 && (count < this.min || this.#histogram.size === 1)) this.min = count;
    if (domains > 0 || count !== this.min) return;
    this.min = this.#histogram.size === 0 ? 0 : Math.min(...this.#histogram.keys());
  }
}
