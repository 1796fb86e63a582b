// A story: what users do and what goes wrong, minute by minute, drawn from a seed. It is data, so that it can be printed, replayed
// and shortened step by step.
import type { Random } from '@tiphys/runtime';
import type { Fault, PartName, RefusalCode } from './faults.ts';
import type { StoppablePart } from './parts.ts';
import { STALE_FAULT_MS_MAX } from './safety/staleness.ts';

export type WorkloadKind = 'Deployment' | 'StatefulSet' | 'DaemonSet' | 'Job' | 'CronJob' | 'Guarded' | 'Heavy' | 'Limited' | 'Namespace';

export type Action =
  /**
   * Guarded: a Deployment with a disruption budget that allows one pod to be away; nothing but evictions happens to it. Heavy: one
   * of which not all pods find room. Limited: one in a namespace whose quota is smaller. Namespace: one in a namespace of its own.
   */
  | { do: 'create'; kind: WorkloadKind; name: string; replicas: number }
  | { do: 'scale'; kind: 'Deployment' | 'StatefulSet'; name: string; replicas: number }
  | { do: 'roll out'; kind: 'Deployment' | 'StatefulSet' | 'DaemonSet'; name: string; version: number }
  | { do: 'delete'; kind: 'Deployment' | 'StatefulSet' | 'DaemonSet'; name: string; propagationPolicy: 'Background' | 'Foreground' }
  /** The pod is chosen among those there are by its place in their order. */
  | { do: 'evict'; name: string; choice: number }
  /** All pods there are at once, as somebody does who drains a node. */
  | { do: 'evict all'; name: string }
  | { do: 'delete pod'; name: string; choice: number }
  | { do: 'cordon'; node: number; unschedulable: boolean }
  /** The pod gets another label: whoever has it lets it go. */
  | { do: 'release pod'; name: string; choice: number }
  | { do: 'delete namespace'; name: string }
  | { do: 'scale limited'; replicas: number }
  /** It comes back when the part that plays the nodes starts again. */
  | { do: 'delete node'; node: number }
  | { do: 'fault'; fault: Fault; forMs: number }
  /** The program that works; a crash leaves what it was doing, and its lease, as they were. */
  | { do: 'restart'; part: StoppablePart; downMs: number; crash: boolean }
  | { do: 'restart server' }
  | { do: 'jump'; byMs: number };

export interface Step {
  atMs: number;
  action: Action;
}

export interface Story {
  seed: number;
  nodes: number;
  /** Controller managers, and schedulers. */
  candidates: number;
  steps: readonly Step[];
}

export interface StoryOptions {
  seed: number;
  minutes: number;
  /** Default 4. */
  stepsPerMinute?: number;
}

const MINUTE_MS = 60_000;
const STEPS_PER_MINUTE = 4;
const PARTS: readonly PartName[] = ['controllers', 'scheduler', 'nodes'];
const STOPPABLE: readonly StoppablePart[] = ['controllers', 'scheduler', 'nodes'];
const CODES: readonly RefusalCode[] = [409, 410, 429, 500, 503];
const CREATED: readonly WorkloadKind[] = ['Deployment', 'Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob', 'Namespace'];
const REPLICAS_MAX = 6;
/** Shorter than it takes until a silent node counts as lost. */
const DOWN_MS_MAX = 30_000;
/** As long as a leader needs to give up. */
const LEASE_LOST_MS_MIN = 12_000;
const SILENCE_MS_MAX = 480_000;
const LIMITED_REPLICAS_MAX = 6;
/** As many as one simulated node holds. */
const HEAVY_PER_NODE = 3;
const CHANGES = [
  'scale',
  'scale',
  'roll out',
  'roll out',
  'delete',
  'delete',
  'evict',
  'evict all',
  'delete pod',
  'cordon',
  'release pod',
  'scale limited',
  'delete heavy pod',
  'delete namespace',
  'delete node',
] as const;

const NAMED = ['Deployment', 'StatefulSet', 'DaemonSet', 'Namespace'] as const;
type NamedKind = (typeof NAMED)[number];
const isNamed = (kind: WorkloadKind): kind is NamedKind => (NAMED as readonly string[]).includes(kind);

class Drawing {
  readonly #random: Random;
  readonly #names = new Map<NamedKind, string[]>(NAMED.map((kind) => [kind, []]));
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  upTo(max: number): number {
    return Math.floor(this.#random.number() * (max + 1));
  }

  of<T>(values: readonly T[]): T {
    return values[this.upTo(values.length - 1)]!;
  }

  /** What happens at one time: mostly one thing. */
  actions(nodes: number): Action[] {
    const share = this.#random.number();
    if (share < 0.22) return [this.#create()];
    if (share < 0.62) return [this.#change(nodes)];
    const trouble = this.#trouble(nodes);
    return [trouble, ...this.#moreOf(trouble)];
  }

  /** Who hears late is at times refused as well: it tries again before it knows what it did. */
  #moreOf(trouble: Action): Action[] {
    if (trouble.do !== 'fault' || trouble.fault.kind !== 'stale' || this.upTo(1) === 0) return [];
    const fault: Fault = { kind: 'refuse', part: trouble.fault.part, code: 500, share: 0.2 + this.#random.number() * 0.4 };
    return [{ do: 'fault', fault, forMs: trouble.forMs }];
  }

  #create(): Action {
    const kind = this.of<WorkloadKind>(CREATED);
    const name = `${kind.toLowerCase()}-${++this.#count}`;
    if (isNamed(kind)) this.#names.get(kind)!.push(name);
    return { do: 'create', kind, name, replicas: 1 + this.upTo(REPLICAS_MAX - 1) };
  }

  #change(nodes: number): Action {
    const what = this.of(CHANGES);
    if (what === 'evict') return { do: 'evict', name: 'guarded', choice: this.upTo(99) };
    if (what === 'evict all') return { do: 'evict all', name: 'guarded' };
    if (what === 'cordon') return { do: 'cordon', node: this.upTo(nodes - 1), unschedulable: this.upTo(2) === 0 };
    if (what === 'scale limited') return { do: 'scale limited', replicas: this.upTo(LIMITED_REPLICAS_MAX) };
    if (what === 'delete heavy pod') return { do: 'delete pod', name: 'heavy', choice: this.upTo(99) };
    // Guarded pods live on the first node, and nothing happens to that.
    if (what === 'delete node') return { do: 'delete node', node: 1 + this.upTo(nodes - 2) };
    if (what === 'delete namespace') {
      const name = this.#names.get('Namespace')!.shift();
      return name === undefined ? this.#create() : { do: 'delete namespace', name };
    }
    if (what === 'release pod') {
      const deployments = this.#names.get('Deployment')!;
      return deployments.length === 0 ? this.#create() : { do: 'release pod', name: this.of(deployments), choice: this.upTo(99) };
    }
    const kinds = (['Deployment', 'StatefulSet', 'DaemonSet'] as const).filter((kind) => this.#names.get(kind)!.length > 0);
    if (kinds.length === 0) return this.#create();
    const kind = this.of(kinds);
    const names = this.#names.get(kind)!;
    const name = this.of(names);
    if (what === 'delete pod') return { do: 'delete pod', name, choice: this.upTo(99) };
    if (what === 'roll out') return { do: 'roll out', kind, name, version: ++this.#count };
    if (what === 'scale' && kind !== 'DaemonSet') return { do: 'scale', kind, name, replicas: this.upTo(REPLICAS_MAX) };
    names.splice(names.indexOf(name), 1);
    return { do: 'delete', kind, name, propagationPolicy: this.of(['Background', 'Foreground'] as const) };
  }

  #trouble(nodes: number): Action {
    const part = this.of(PARTS);
    const forMs = 1000 * (1 + this.upTo(29));
    const share = 0.1 + this.#random.number() * 0.5;
    switch (this.upTo(11)) {
      case 0:
        return { do: 'restart', part: this.of(STOPPABLE), downMs: this.upTo(DOWN_MS_MAX), crash: this.upTo(1) === 0 };
      case 1:
        return { do: 'restart server' };
      case 2:
        return { do: 'jump', byMs: this.of([-3_600_000, -10_000, 10_000, 3_600_000]) };
      case 9:
        return { do: 'fault', fault: { kind: 'webhook', part: 'server', delayMs: this.upTo(9000), share }, forMs };
      case 10: {
        const node = `simulated-${2 + this.upTo(nodes - 2)}`;
        return { do: 'fault', fault: { kind: 'silence', part: 'nodes', node }, forMs: this.upTo(SILENCE_MS_MAX) };
      }
      case 11: {
        const fault: Fault = { kind: 'lose-lease', part: this.of(['controllers', 'scheduler'] as const) };
        return { do: 'fault', fault, forMs: LEASE_LOST_MS_MIN + forMs };
      }
      case 3:
        return { do: 'fault', fault: { kind: 'drop-watches', part }, forMs: 0 };
      case 4:
      case 5:
        return { do: 'fault', fault: { kind: 'stale', part, delayMs: this.upTo(STALE_FAULT_MS_MAX) }, forMs };
      case 6:
        return { do: 'fault', fault: { kind: 'lose-answers', part, share }, forMs };
      case 7:
        return { do: 'fault', fault: { kind: 'slow', part, delayMs: this.upTo(3000) }, forMs };
      default:
        return { do: 'fault', fault: { kind: 'refuse', part, code: this.of(CODES), share }, forMs };
    }
  }
}

/** The same seed and minutes give the same story. */
export function storyOf({ seed, minutes, stepsPerMinute = STEPS_PER_MINUTE }: StoryOptions, random: Random): Story {
  const drawing = new Drawing(random);
  const nodes = 2 + drawing.upTo(3);
  const candidates = drawing.upTo(2) === 0 ? 2 : 1;
  const steps: Step[] = [
    { atMs: 0, action: { do: 'create', kind: 'Guarded', name: 'guarded', replicas: 3 } },
    { atMs: 0, action: { do: 'create', kind: 'Limited', name: 'limited', replicas: LIMITED_REPLICAS_MAX } },
    { atMs: 0, action: { do: 'create', kind: 'Heavy', name: 'heavy', replicas: nodes * HEAVY_PER_NODE + 1 } },
  ];
  const count = Math.round(minutes * stepsPerMinute);
  const times = Array.from({ length: count }, () => drawing.upTo(minutes * MINUTE_MS)).sort((a, b) => a - b);
  for (const atMs of times) for (const action of drawing.actions(nodes)) steps.push({ atMs, action });
  return { seed, nodes, candidates, steps };
}

/** One line a step. */
export function storyText({ nodes, candidates, steps }: Story): string {
  const line = ({ atMs, action: { do: verb, ...rest } }: Step) =>
    `${(atMs / 1000).toFixed(3).padStart(9)} s  ${verb} ${JSON.stringify(rest)}`;
  return [`${nodes} nodes${candidates > 1 ? `, ${candidates} controller managers and schedulers` : ''}`, ...steps.map(line)].join('\n');
}
