// A story: what users do and what goes wrong, minute by minute, drawn from a seed. It is data, so that it can be printed, replayed
// and shortened step by step.
import type { Random } from '@tiphys/runtime';
import type { Fault, PartName, RefusalCode } from './faults.ts';
import type { StoppablePart } from './virtual-cluster.ts';

export type WorkloadKind = 'Deployment' | 'StatefulSet' | 'DaemonSet' | 'Job' | 'Guarded';

export type Action =
  /** Guarded: a Deployment with a disruption budget that allows one pod to be away; nothing but evictions happens to it. */
  | { do: 'create'; kind: WorkloadKind; name: string; replicas: number }
  | { do: 'scale'; kind: 'Deployment' | 'StatefulSet'; name: string; replicas: number }
  | { do: 'roll out'; kind: 'Deployment' | 'StatefulSet' | 'DaemonSet'; name: string; version: number }
  | { do: 'delete'; kind: Exclude<WorkloadKind, 'Guarded'>; name: string; propagationPolicy: 'Background' | 'Foreground' }
  /** The pod is chosen among those there are by its place in their order. */
  | { do: 'evict'; name: string; choice: number }
  | { do: 'delete pod'; name: string; choice: number }
  | { do: 'cordon'; node: number; unschedulable: boolean }
  | { do: 'fault'; fault: Fault; forMs: number }
  | { do: 'restart'; part: StoppablePart; downMs: number }
  | { do: 'restart server' }
  | { do: 'jump'; byMs: number };

export interface Step {
  atMs: number;
  action: Action;
}

export interface Story {
  seed: number;
  nodes: number;
  steps: readonly Step[];
}

export interface StoryOptions {
  seed: number;
  minutes: number;
}

const MINUTE_MS = 60_000;
const STEPS_PER_MINUTE = 4;
const PARTS: readonly PartName[] = ['controllers', 'scheduler', 'nodes'];
const STOPPABLE: readonly StoppablePart[] = ['controllers', 'scheduler', 'nodes'];
const CODES: readonly RefusalCode[] = [409, 410, 429, 500, 503];
const REPLICAS_MAX = 6;
/** Shorter than it takes until a silent node counts as lost. */
const DOWN_MS_MAX = 30_000;
const STALE_MS_MAX = 20_000;

class Drawing {
  readonly #random: Random;
  readonly #names = new Map<Exclude<WorkloadKind, 'Guarded' | 'Job'>, string[]>([
    ['Deployment', []],
    ['StatefulSet', []],
    ['DaemonSet', []],
  ]);
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

  action(nodes: number): Action {
    const share = this.#random.number();
    if (share < 0.22) return this.#create();
    if (share < 0.62) return this.#change(nodes);
    return this.#trouble();
  }

  #create(): Action {
    const kind = this.of<WorkloadKind>(['Deployment', 'Deployment', 'StatefulSet', 'DaemonSet', 'Job']);
    const name = `${kind.toLowerCase()}-${++this.#count}`;
    if (kind !== 'Job' && kind !== 'Guarded') this.#names.get(kind)!.push(name);
    return { do: 'create', kind, name, replicas: 1 + this.upTo(REPLICAS_MAX - 1) };
  }

  #change(nodes: number): Action {
    const what = this.of(['scale', 'scale', 'roll out', 'roll out', 'delete', 'evict', 'evict', 'delete pod', 'cordon'] as const);
    if (what === 'evict') return { do: 'evict', name: 'guarded', choice: this.upTo(99) };
    if (what === 'cordon') return { do: 'cordon', node: this.upTo(nodes - 1), unschedulable: this.upTo(2) === 0 };
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

  #trouble(): Action {
    const part = this.of(PARTS);
    const forMs = 1000 * (1 + this.upTo(29));
    const share = 0.1 + this.#random.number() * 0.5;
    switch (this.upTo(8)) {
      case 0:
        return { do: 'restart', part: this.of(STOPPABLE), downMs: this.upTo(DOWN_MS_MAX) };
      case 1:
        return { do: 'restart server' };
      case 2:
        return { do: 'jump', byMs: this.of([-3_600_000, -10_000, 10_000, 3_600_000]) };
      case 3:
        return { do: 'fault', fault: { kind: 'drop-watches', part }, forMs: 0 };
      case 4:
      case 5:
        return { do: 'fault', fault: { kind: 'stale', part, delayMs: this.upTo(STALE_MS_MAX) }, forMs };
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
export function storyOf({ seed, minutes }: StoryOptions, random: Random): Story {
  const drawing = new Drawing(random);
  const nodes = 2 + drawing.upTo(3);
  const steps: Step[] = [{ atMs: 0, action: { do: 'create', kind: 'Guarded', name: 'guarded', replicas: 3 } }];
  const count = Math.round(minutes * STEPS_PER_MINUTE);
  const times = Array.from({ length: count }, () => drawing.upTo(minutes * MINUTE_MS)).sort((a, b) => a - b);
  for (const atMs of times) steps.push({ atMs, action: drawing.action(nodes) });
  return { seed, nodes, steps };
}

/** One line a step. */
export function storyText({ nodes, steps }: Story): string {
  const line = ({ atMs, action: { do: verb, ...rest } }: Step) =>
    `${(atMs / 1000).toFixed(3).padStart(9)} s  ${verb} ${JSON.stringify(rest)}`;
  return [`${nodes} nodes`, ...steps.map(line)].join('\n');
}
