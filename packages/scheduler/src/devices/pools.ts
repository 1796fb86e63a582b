// The devices that a node can reach, as pools of the newest generation in upstream's order, which decides what is taken first
// (dynamic-resource-allocation structured pools_incubating.go).
import type { corev1, resourcev1 } from '@tiphys/api';
import { matchesNodeSelector } from '@tiphys/machinery';
import { deviceId } from './allocated.ts';

type Slice = resourcev1.ResourceSlice;

export interface Candidate {
  id: string;
  driver: string;
  device: resourcev1.Device;
  slice: Slice;
  pool: Pool;
}

export interface Pool {
  /** `driver/pool`. */
  id: string;
  driver: string;
  name: string;
  /** Its driver is still publishing it. */
  isIncomplete: boolean;
  /** Why nothing can be had from it. */
  invalid?: string;
  /** Of the slices that the node reaches, in order. */
  candidates: readonly Candidate[];
  /** Of its other slices: they may use up counters, too. */
  others: readonly Candidate[];
  counterSets: ReadonlyMap<string, resourcev1.CounterSet>;
}

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const nameOf = (slice: Slice) => slice.metadata?.name ?? '';

interface Where {
  nodeName?: string;
  allNodes?: boolean;
  nodeSelector?: corev1.NodeSelector;
}

/** Whether what is there can be reached from the node. */
export function reaches(node: corev1.Node, { nodeName, allNodes, nodeSelector }: Where): boolean {
  if (nodeName) return node.metadata?.name === nodeName;
  return allNodes || (nodeSelector !== undefined && matchesNodeSelector(nodeSelector, node));
}

function isRelevant({ spec }: Slice, node: corev1.Node): boolean {
  // Counters are needed wherever the pool's devices are.
  if (spec.sharedCounters?.length) return true;
  if (spec.nodeName || spec.allNodes || spec.nodeSelector) return reaches(node, spec);
  return spec.perDeviceNodeSelection === true && (spec.devices ?? []).some((device) => reaches(node, device));
}

function candidatesOf(slices: readonly Slice[], pool: Pool): Candidate[] {
  return slices.flatMap((slice) =>
    (slice.spec.devices ?? []).map((device) => {
      const { driver } = slice.spec;
      return { id: deviceId(driver, pool.name, device.name), driver, device, slice, pool };
    }),
  );
}

function counterSetsOf(slices: readonly Slice[]): Map<string, resourcev1.CounterSet> | string {
  const sets = new Map<string, resourcev1.CounterSet>();
  for (const set of slices.flatMap(({ spec }) => spec.sharedCounters ?? [])) {
    if (sets.has(set.name)) return `duplicate counter set name ${set.name}`;
    sets.set(set.name, set);
  }
  return sets;
}

function duplicateDevice(candidates: readonly Candidate[]): string | undefined {
  const names = new Set<string>();
  for (const { device } of candidates) {
    if (names.has(device.name)) return `duplicate device name ${device.name}`;
    names.add(device.name);
  }
  return undefined;
}

function unknownCounter(candidates: readonly Candidate[], sets: ReadonlyMap<string, resourcev1.CounterSet>): string | undefined {
  for (const { device } of candidates)
    for (const { counterSet, counters } of device.consumesCounters ?? []) {
      const set = sets.get(counterSet);
      if (!set) return `counter set ${counterSet} not found`;
      for (const name in counters) if (!set.counters[name]) return `counter ${name} not found in counter set ${counterSet}`;
    }
  return undefined;
}

function poolOf(slices: readonly Slice[], others: readonly Slice[]): Pool {
  const { driver, pool } = slices[0]!.spec;
  const built: Pool = {
    id: `${driver}/${pool.name}`,
    driver,
    name: pool.name,
    isIncomplete: false,
    candidates: [],
    others: [],
    counterSets: new Map(),
  };
  const sorted = [...slices].sort((a, b) => byText(nameOf(a), nameOf(b)));
  const candidates = candidatesOf(
    sorted.filter(({ spec }) => !spec.sharedCounters?.length),
    built,
  );
  const elsewhere = candidatesOf(others, built);
  const counterSets = counterSetsOf(sorted);
  if (typeof counterSets === 'string') return { ...built, invalid: counterSets };
  const invalid = duplicateDevice(candidates) ?? unknownCounter(candidates, counterSets) ?? unknownCounter(elsewhere, counterSets);
  if (invalid) return { ...built, invalid };
  return Object.assign(built, { candidates, others: elsewhere, counterSets });
}

const needsBindingConditions = ({ candidates }: Pool) => candidates.some(({ device }) => device.bindingConditions !== undefined);

/** All slices at one moment. What a node reaches is worked out once per node object. */
export class DeviceCatalog {
  readonly slices: readonly Slice[];
  readonly #onNode: ReadonlyMap<string, readonly Slice[]>;
  readonly #shared: readonly Slice[];
  readonly #byPool: ReadonlyMap<string, readonly Slice[]>;
  readonly #pools = new WeakMap<corev1.Node, readonly Pool[]>();

  constructor(slices: readonly Slice[]) {
    this.slices = slices;
    const local = ({ spec }: Slice) => (spec.sharedCounters?.length ? '' : (spec.nodeName ?? ''));
    this.#onNode = Map.groupBy(slices, local);
    this.#shared = this.#onNode.get('') ?? [];
    this.#byPool = Map.groupBy(slices, ({ spec }) => `${spec.driver}/${spec.pool.name}`);
  }

  /** Those whose devices must be prepared before a pod is bound come last. */
  poolsFor(node: corev1.Node): readonly Pool[] {
    let pools = this.#pools.get(node);
    if (!pools) {
      const all = this.#gather(node).sort((a, b) => byText(a.driver, b.driver) || byText(a.name, b.name));
      pools = [...all.filter((pool) => !needsBindingConditions(pool)), ...all.filter(needsBindingConditions)];
      this.#pools.set(node, pools);
    }
    return pools;
  }

  /** Of the node itself, and all that are of no single node. */
  slicesFor(nodeName: string): readonly Slice[] {
    return [...(this.#onNode.get(nodeName) ?? []), ...this.#shared];
  }

  #gather(node: corev1.Node): Pool[] {
    const newest = new Map<string, Slice[]>();
    for (const slice of this.slicesFor(node.metadata?.name ?? '')) {
      if (!isRelevant(slice, node)) continue;
      const id = `${slice.spec.driver}/${slice.spec.pool.name}`;
      const known = newest.get(id);
      const age = known ? slice.spec.pool.generation - known[0]!.spec.pool.generation : 1;
      if (age > 0) newest.set(id, [slice]);
      else if (age === 0) known!.push(slice);
    }
    return [...newest].flatMap(([id, slices]) => this.#poolFrom(id, slices) ?? []);
  }

  /** undefined: a newer generation is on its way that has nothing for this node. */
  #poolFrom(id: string, slices: readonly Slice[]): Pool | undefined {
    const { generation, resourceSliceCount } = slices[0]!.spec.pool;
    if (slices.length === resourceSliceCount) return poolOf(slices, []);
    const all = this.#byPool.get(id)!;
    if (all.some(({ spec }) => spec.pool.generation > generation)) return undefined;
    const current = all.filter(({ spec }) => spec.pool.generation === generation);
    if (current.length !== resourceSliceCount) return { ...poolOf(slices, []), isIncomplete: true, candidates: [] };
    return poolOf(
      slices,
      current.filter((slice) => !slices.includes(slice)),
    );
  }
}
